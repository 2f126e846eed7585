"""One server's turn: started, its answers checked, loaded, weighed, ended."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.serving import answers, load
from benchmarks.serving.contestants import OURS_TORCH, PROGRAMS, Contestant, Site
from benchmarks.serving.processes import Running

WARM_SECONDS = 1  # wrk takes whole seconds


@dataclass(frozen=True)
class Bodies:
    """Requests of one row each, and the framework's answers (rows x classes)."""

    file: Path
    bodies: list[bytes]
    answers: list[list[float]]

    def first(self, url: str) -> urllib.request.Request:
        return urllib.request.Request(url, data=self.bodies[0], headers={"Content-Type": "application/json"})


@dataclass(frozen=True)
class Bench:
    """`folder` holds what `prepare` made; every load takes `seconds`."""

    folder: Path
    workers: int
    seconds: int

    def prepare(self) -> None:
        """Both networks for every server, and `nothing`."""
        subprocess.run([OURS_TORCH.programs / "python", PROGRAMS / "export.py", self.folder], check=True)
        self.prepare_nothing()

    def prepare_nothing(self) -> None:
        """Whose answer is its request."""
        (self.folder / "nothing" / "model").mkdir(parents=True)
        one = {"rows": [[number] for number in range(8)], "answers": [[float(number)] for number in range(8)]}
        (self.folder / "nothing" / "requests.json").write_text(json.dumps(one))

    def bodies(self, network: str) -> Bodies:
        document = json.loads((self.folder / network / "requests.json").read_text())
        bodies = [json.dumps({"instances": [row]}).encode() for row in document["rows"]]
        file = self.folder / network / "bodies"
        file.write_bytes(b"\n".join(bodies) + b"\n")
        return Bodies(file, bodies, document["answers"])

    def turn(
        self, contestant: Contestant, network: str, connections: Sequence[int], *, checked: bool = True
    ) -> dict[str, Any]:
        """`{"ready_seconds", "memory_mib", "c16": {"per_second", "p50", "p99"}, ...}`. Raises WrongAnswer,
        load.WrongAnswers.
        """
        asked = self.bodies(network)
        with tempfile.TemporaryDirectory(prefix="slipway-serving-") as folder:
            site = Site(Path(folder), self.folder / network, contestant.programs, self.workers)
            url = f"http://127.0.0.1:{site.port}{contestant.path}"
            running = Running(
                contestant.commands(site),
                environment=site.variables | contestant.variables(site),
                folder=site.folder,
                ready=f"http://127.0.0.1:{site.port}/ping" if contestant.pings else asked.first(url),
            )
            try:
                if checked:
                    answers.check(url, asked.bodies, asked.answers)
                if connections:
                    load.measure(url, asked.file, connections=max(connections), seconds=WARM_SECONDS)
                figures = {
                    f"c{number}": load.measure(url, asked.file, connections=number, seconds=self.seconds).document()
                    for number in connections
                }
                return {"ready_seconds": running.ready_seconds, "memory_mib": running.memory_mib(), **figures}
            finally:
                running.stop()

    def import_torch_seconds(self) -> float:
        """A bare `import torch`, in the environment of ours with PyTorch."""
        started = time.perf_counter()
        subprocess.run([OURS_TORCH.programs / "python", "-c", "import torch"], check=True)
        return time.perf_counter() - started
