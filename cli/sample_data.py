"""`sample-data`: a workload's own script makes a small data set that is good enough to learn from."""

from __future__ import annotations

import sys
from pathlib import Path

from cli import programs
from cli.errors import CliError

TRAINING_CODE = programs.ROOT / "training_code"
SCRIPT = "sample_data.py"


def make(workload: str, folder: Path) -> None:
    """Write the data set into `folder`; raises CliError where there is no script, and CommandFailed where it failed."""
    programs.run(_command(workload, folder), name="sample-data", environment=programs.uv_environment())


def background(workload: str, folder: Path) -> programs.Background:
    """The same beside other work."""
    return programs.Background(_command(workload, folder), name="sample-data", environment=programs.uv_environment())


def _command(workload: str, folder: Path) -> list[str]:
    """The script names the packages it needs in its head; uv keeps an environment with them."""
    script = TRAINING_CODE / workload / SCRIPT
    if not script.is_file():
        known = sorted(path.parent.name for path in TRAINING_CODE.glob(f"*/{SCRIPT}"))
        raise CliError(
            f"{workload} has no sample data: {script.relative_to(programs.ROOT)} does not exist.",
            hint=f"Workloads that have: {', '.join(known)}",
        )
    uv = Path(sys.executable).parent / "uv"
    # programs run in the project's folder; the person's paths are relative to where the person is
    return [
        *(str(uv), "run", "--quiet", "--python", sys.executable, "--script", str(script)),
        str(folder.resolve()),
    ]
