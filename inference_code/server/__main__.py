"""`python -m server serve`: SageMaker starts an image with the argument `serve`."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str]) -> int:
    if arguments != ["serve"]:
        print(f"usage: python -m server serve (got {arguments})", file=sys.stderr)
        return 2
    from server.processes.serve import serve
    from server.settings import Settings

    return serve(Settings.from_environment(os.environ))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
