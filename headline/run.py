"""One row through the deployed stack: deploy, train, ask, measure."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from headline.row import Deployed, Figure, Row
from headline.slipway import ROOT, CommandFailed, Slipway


@dataclass(frozen=True, kw_only=True)
class Result:
    """A figure as it came out. `ours` is None where the row failed before it could be measured."""

    number: int
    workload: str
    figure: Figure
    ours: float | None
    seconds: float

    @property
    def passed(self) -> bool:
        return self.ours is not None and self.figure.required.met(self.ours)


def run(row: Row, slipway: Slipway, *, data: Path, folder: Path) -> tuple[list[Result], str]:
    """The row's results and, where it failed, why. `folder` is for its data set; what it held before is removed."""
    began = time.monotonic()
    failure = ""
    measured: Mapping[str, float] = {}
    try:
        measured = _measured(row, slipway, data, folder)
    except CommandFailed as error:
        failure = str(error)
    seconds = time.monotonic() - began
    missing = [figure.measured for figure in row.figures if figure.measured not in measured]
    if missing and not failure:
        failure = f"{row.workload}: no figure {', '.join(missing)}; measured: {', '.join(measured)}"
    results = [
        Result(
            number=row.number,
            workload=row.workload,
            figure=figure,
            ours=measured.get(figure.measured),
            seconds=seconds,
        )
        for figure in row.figures
    ]
    return results, failure


def _measured(row: Row, slipway: Slipway, data: Path, folder: Path) -> Mapping[str, float]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    row.prepare(data / row.source if row.source else data, folder)
    slipway.up(row.workload)
    outcome = slipway.train(row.workload, folder, **row.hyperparameters)
    answer = slipway.predict(row.workload, ROOT / "inference_code" / row.workload / "sample_request.json")
    if answer["model_version"] != outcome["model_version"]:
        raise CommandFailed(
            f"{row.workload}: model version {answer['model_version']} answered, trained was {outcome['model_version']}"
        )
    deployed = Deployed(slipway=slipway, workload=row.workload, dataset=folder, outcome=outcome)
    return {**outcome["metrics"], **row.measure(deployed)}
