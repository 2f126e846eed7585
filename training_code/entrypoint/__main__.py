"""Starts a job's script in its container: `python3 <this folder as a zip>.zip`, see driver/__init__.py."""

import sys

from driver.run import main

sys.exit(main(sys.argv[1:]))
