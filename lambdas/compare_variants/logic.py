"""Two variants of one endpoint over the same minutes, by what SageMaker measures of both."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import endpoint_metrics
from shared.fields import take

# Below this many requests a p99 says nothing.
ENOUGH_INVOCATIONS = 20
# How much larger a share of failed requests may be: one lost request of a hundred is no verdict.
ERROR_MARGIN = 0.01
_METRICS = {
    "invocations": endpoint_metrics.INVOCATIONS,
    "errors": endpoint_metrics.ERRORS,
    "p99": endpoint_metrics.P99,
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """`p99_us`: the largest p99 of any minute, in microseconds; None without requests."""

    invocations: float
    errors: float
    p99_us: float | None

    @property
    def error_share(self) -> float:
        return self.errors / self.invocations if self.invocations else 0.0


def compare(event: dict[str, Any], *, cloudwatch: Any, now: datetime) -> dict[str, Any]:
    """`{"worse", "reason"}`. Without requests nothing can be held against the challenger, and the reason says so."""
    endpoint = take(event, "endpoint_name", str)
    since = datetime.fromisoformat(take(event, "since", str))
    sides = take(event, "compare", dict)
    champion, challenger = (
        measure(cloudwatch, endpoint, take(sides, side, str, where="input.compare"), since, now)
        for side in ("champion", "challenger")
    )
    reason = _more_errors(champion, challenger) or _slower(champion, challenger, sides["max_latency_ratio"])
    if reason:
        return {"worse": True, "reason": f"variant {sides['challenger']}: {reason}"}
    return {"worse": False, "reason": _summary(champion, challenger)}


def measure(cloudwatch: Any, endpoint: str, variant: str, since: datetime, now: datetime) -> Measured:
    values = endpoint_metrics.per_minute(
        cloudwatch, endpoint=endpoint, variant=variant, metrics=_METRICS, start=since, end=now + timedelta(minutes=1)
    )
    return Measured(
        invocations=sum(values["invocations"]), errors=sum(values["errors"]), p99_us=max(values["p99"], default=None)
    )


def _more_errors(champion: Measured, challenger: Measured) -> str | None:
    if challenger.error_share <= champion.error_share + ERROR_MARGIN:
        return None
    return (
        f"{challenger.errors:g} of {challenger.invocations:g} requests failed,"
        f" of the champion's {champion.errors:g} of {champion.invocations:g}"
    )


def _slower(champion: Measured, challenger: Measured, allowed: float) -> str | None:
    if min(champion.invocations, challenger.invocations) < ENOUGH_INVOCATIONS:
        return None
    if champion.p99_us is None or challenger.p99_us is None or challenger.p99_us <= champion.p99_us * allowed:
        return None
    return (
        f"p99 latency {challenger.p99_us / 1000:.1f} ms is more than {allowed:g} times"
        f" the champion's {champion.p99_us / 1000:.1f} ms"
    )


def _summary(champion: Measured, challenger: Measured) -> str:
    if not challenger.invocations:
        return "no request reached the challenger: there was nothing to compare"
    latency = "" if challenger.p99_us is None else f", p99 {challenger.p99_us / 1000:.1f} ms"
    return (
        f"{challenger.invocations:g} requests, {challenger.errors:g} failed{latency};"
        f" champion {champion.invocations:g} requests, {champion.errors:g} failed"
    )
