"""Checks a data set: `python3 <this folder, or a zip of it> --rules FILE --data DIR ...`, see checker/__init__.py."""

import sys

from checker.program import main

sys.exit(main())
