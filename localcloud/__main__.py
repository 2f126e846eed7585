"""``python -m localcloud start|stop|status|serve``."""

from localcloud.commands import main

if __name__ == "__main__":
    raise SystemExit(main())
