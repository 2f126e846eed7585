"""Starts a job's script in its container: `python3 <this folder as a zip>.zip`, see driver/__init__.py."""

import os
import sys

from driver.run import main

code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
# The script has ended and the job waits: an interpreter's own end would only take apart what the system takes back.
os._exit(code)
