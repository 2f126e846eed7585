"""Measures a model by what its server answers: `python3 <this folder or its zip>`, in the image that serves."""

import sys

from evaluation.job import main

sys.exit(main())
