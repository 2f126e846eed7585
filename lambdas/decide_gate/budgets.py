"""What a model may cost: the time of a row, and the size of its files."""

from collections.abc import Iterator

from shared.descriptor import Gate

from decide_gate.evaluation import Measured

BYTES_PER_MB = 1_000_000


def objections(gate: Gate, *, challenger: Measured, champion: Measured | None) -> list[str]:
    """`max_latency_ms` is a limit of the 99th percentile; `max_latency_ratio` one of the medians, because the 99th
    percentiles of so few requests are too noisy to be divided; `max_model_mb` one of the unpacked files.
    """
    return [*_latency(gate, challenger), *_slower(gate, challenger, champion), *_size(gate, challenger)]


def _latency(gate: Gate, challenger: Measured) -> Iterator[str]:
    limit = gate.get("max_latency_ms")
    if limit is None:
        return
    if challenger.latency_ms is None:
        yield "the latency of the challenger was not measured, and gate.max_latency_ms limits it"
    elif challenger.latency_ms["p99"] > limit:
        yield f"p99 latency of one row {challenger.latency_ms['p99']:.6g} ms is above the limit {limit:.6g} ms"


def _slower(gate: Gate, challenger: Measured, champion: Measured | None) -> Iterator[str]:
    """A champion whose latency is not known, or is 0, is nothing to compare with."""
    ratio = gate.get("max_latency_ratio")
    if ratio is None or champion is None or champion.latency_ms is None:
        return
    before = champion.latency_ms["p50"]
    if challenger.latency_ms is None:
        yield "the latency of the challenger was not measured, and gate.max_latency_ratio limits it"
    elif challenger.latency_ms["p50"] > ratio * before > 0:
        yield (
            f"median latency of one row {challenger.latency_ms['p50']:.6g} ms is more than {ratio:.6g} times"
            f" the champion's {before:.6g} ms"
        )


def _size(gate: Gate, challenger: Measured) -> Iterator[str]:
    limit = gate.get("max_model_mb")
    if limit is None:
        return
    if challenger.artifact is None:
        yield "the size of the challenger was not measured, and gate.max_model_mb limits it"
    elif challenger.artifact["bytes"] > limit * BYTES_PER_MB:
        yield f"the model's files have {challenger.artifact['bytes'] / BYTES_PER_MB:.6g} MB, the limit is {limit:.6g}"
