"""`python -m server serve`: what SageMaker starts in an inference container."""

from __future__ import annotations

import sys

from server.serving import serve
from server.settings import Settings


def main(arguments: list[str]) -> None:
    if arguments != ["serve"]:
        raise SystemExit(f"usage: python -m server serve (got {' '.join(arguments) or 'no argument'})")
    serve(Settings.from_environment())


if __name__ == "__main__":
    main(sys.argv[1:])
