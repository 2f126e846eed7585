"""Compares what the endpoint is asked now with what it was asked before: `python3 <this folder or its zip>`."""

import sys

from monitoring.program import main

sys.exit(main())
