"""Starts the driver where a job cannot name its program: in the training jobs of a tuning job.

CreateHyperParameterTuningJob knows no ContainerEntrypoint; the image's own `train` starts the file that the
hyperparameter `sagemaker_program` names, which is this one.
"""

import os
import sys
from pathlib import Path

root = Path(os.environ.get("SLIPWAY_ML_ROOT", "/opt/ml"))
(driver,) = (root / "input/data/entrypoint").glob("*.zip")
os.execv(sys.executable, [sys.executable, str(driver)])  # noqa: S606 - the interpreter of this very program
