"""`verdict`: why a run's model was registered or refused (docs/gate.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from cli import packages, runs
from cli.errors import CliError
from cli.target import Target

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

SLICES_SHOWN = 20


def find(
    target: Target, descriptor: Mapping[str, Any], *, run: str | None = None, version: str | None = None
) -> dict[str, Any]:
    """The verdict of a run or of a version; of neither: the newest. Raises CliError."""
    if run and version:
        raise CliError("A verdict is of a run or of a version: name one of them.")
    if version:
        return of_package(target, packages.package(target, descriptor, version))
    there = _by_age(target, descriptor)
    if not there:
        hint = f"Train it: slipway train {descriptor['name']}"
        raise CliError(f"No run of {descriptor['name']} has come to a verdict yet.", hint=hint)
    if run is not None and run not in there:
        raise CliError(f"Run {run!r} has no verdict.", hint=f"The newest that have: {', '.join(list(there)[:5])}")
    bucket = descriptor["artifacts"]["bucket"]
    return runs.verdict(target, f"s3://{bucket}/{there[run] if run else next(iter(there.values()))}")


def of_package(target: Target, package: Mapping[str, Any]) -> dict[str, Any]:
    """The verdict that a model package links to; raises CliError for one that was registered without."""
    uri = package.get("CustomerMetadataProperties", {}).get("verdict-uri")
    if not uri:
        raise CliError(
            f"{package['ModelPackageArn']} names no verdict.", hint="It was not registered by a run of this stack."
        )
    return runs.verdict(target, uri)


def _by_age(target: Target, descriptor: Mapping[str, Any]) -> dict[str, str]:
    """Run -> key of its verdict, the newest first."""
    artifacts = descriptor["artifacts"]
    prefix = f"{artifacts['prefix']}verdicts/"
    pages = target.client("s3").get_paginator("list_objects_v2").paginate(Bucket=artifacts["bucket"], Prefix=prefix)
    found = [item for page in pages for item in page.get("Contents", [])]
    found.sort(key=lambda item: item["LastModified"], reverse=True)
    return {item["Key"].removeprefix(prefix).removesuffix(".json"): item["Key"] for item in found}


def show(verdict: Mapping[str, Any], console: Console) -> None:
    """Print a verdict for a person."""
    champion = verdict["champion"]
    lines = [f"{verdict['workload']}, run {verdict['run']}: {'registered' if verdict['passed'] else 'refused'}"]
    lines += [f"  because {reason}" for reason in verdict["reasons"]]
    lines += [f"  note: {note}" for note in verdict.get("notes", [])]
    console.print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    console.print(_table(verdict, f"champion, version {champion['version']}" if champion else "no champion"))
    console.print("\n".join(_origin(verdict)), markup=False, highlight=False, soft_wrap=True)


def _table(verdict: Mapping[str, Any], champion: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in ("", "challenger", champion, "limit"):
        table.add_column(heading, justify="left" if heading in {"", "limit"} else "right", overflow="fold")
    for row in rows(verdict):
        table.add_row(*row)
    return table


def rows(verdict: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """What was compared: its name, the challenger's value, the champion's, and the gate's word on it."""
    gate, challenger, champion = verdict["gate"], verdict["challenger"], verdict["champion"] or {}
    before = champion.get("metrics", {})
    for name in sorted(challenger["metrics"], key=lambda name: (name != gate["metric"], name)):
        limit = _limit(gate) if name == gate["metric"] else ""
        yield name, _number(challenger["metrics"][name]), _number(before.get(name)), limit
    yield from _slices(gate, challenger.get("slices") or {}, champion.get("slices") or {})
    for percentile, key in (("p50", "max_latency_ratio"), ("p99", "max_latency_ms")):
        mine, theirs = ((one.get("latency_ms") or {}).get(percentile) for one in (challenger, champion))
        told = {"max_latency_ratio": "at most {:g} times", "max_latency_ms": "at most {:g} ms"}[key]
        limit = told.format(gate[key]) if key in gate else ""
        yield f"latency {percentile}, ms", _number(mine), _number(theirs), limit
    sizes = [(one.get("artifact") or {}).get("bytes") for one in (challenger, champion)]
    mine, theirs = (None if size is None else size / 1e6 for size in sizes)
    limit = f"at most {gate['max_model_mb']:g}" if "max_model_mb" in gate else ""
    yield "files, MB", _number(mine), _number(theirs), limit


def _limit(gate: Mapping[str, Any]) -> str:
    parts = [f"worse by at most {gate['max_regression']:g}"]
    if gate["minimum"] is not None:
        side = "at least" if gate["goal"] == "maximize" else "at most"
        parts.insert(0, f"{side} {gate['minimum']:g}")
    return ", ".join(parts)


def _slices(
    gate: Mapping[str, Any], challenger: Mapping[str, Any], champion: Mapping[str, Any]
) -> Iterator[tuple[str, str, str, str]]:
    """The slices that lost most first, as many as a person reads."""
    wanted = gate.get("slices") or {}
    metric = wanted.get("metric") or gate["metric"]
    limit = f"worse by at most {wanted['max_regression']:g}" if wanted else ""
    pairs = {
        name: (challenger.get(name, {}).get(metric), champion.get(name, {}).get(metric))
        for name in sorted({*challenger, *champion})
    }
    sign = 1 if gate["goal"] == "maximize" else -1

    def gained(name: str) -> float:
        mine, theirs = pairs[name]
        both = isinstance(mine, int | float) and isinstance(theirs, int | float)
        return sign * (mine - theirs) if both else 0.0

    for name in sorted(pairs, key=gained)[:SLICES_SHOWN]:
        yield f"{name}: {metric}", *map(_number, pairs[name]), limit
    if len(pairs) > SLICES_SHOWN:
        yield f"{len(pairs) - SLICES_SHOWN} slices more: --json", "", "", ""


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.5g}" if isinstance(value, float) else str(value)


def _origin(verdict: Mapping[str, Any]) -> list[str]:
    holdout = verdict.get("holdout") or {}
    lines = [
        f"data      {verdict['dataset']}, {len(verdict['objects'])} objects, hash {verdict['data_hash']}",
        f"holdout   {holdout.get('channel')}, SHA-256 {holdout.get('sha256') or 'not measured'}",
        f"model     {verdict['model_uri']}, SHA-256 {verdict.get('model_sha256') or 'not measured'}",
        f"code      {verdict['code_hash'] or 'imported model: not known'}",
    ]
    return [*lines, f"jobs      {verdict['training_job']}"]
