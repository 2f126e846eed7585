"""Modules of the model server that need nothing but Python are tested in this process, with a clock of their own."""

from __future__ import annotations

import sys

from tests.support.container_python import ROOT

sys.path.append(str(ROOT / "inference_code"))
