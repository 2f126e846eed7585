"""Schedule expressions."""

from datetime import UTC, datetime

import pytest

from localcloud.autoscaling.cron import next_run


def _run(expression: str, after: str, timezone: str = "UTC") -> str | None:
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    found = next_run(expression, timezone, start=0.0, after=moment)
    return None if found is None else datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%dT%H:%M")


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("cron(0 9 * * ? *)", "2026-01-01T08:59:59", "2026-01-01T09:00"),
        ("cron(0 9 * * ? *)", "2026-01-01T09:00:00", "2026-01-02T09:00"),
        ("cron(0/15 * * * ? *)", "2026-01-01T09:01:00", "2026-01-01T09:15"),
        ("cron(30 18 ? * MON-FRI *)", "2026-01-02T19:00:00", "2026-01-05T18:30"),
        ("cron(0 0 29 FEB ? *)", "2026-01-01T00:00:00", "2028-02-29T00:00"),
        ("cron(0 0 1 1 ? 2020)", "2026-01-01T00:00:00", None),
        ("at(2026-03-01T12:00:00)", "2026-01-01T00:00:00", "2026-03-01T12:00"),
        ("at(2026-03-01T12:00:00)", "2026-03-01T12:00:00", None),
        ("rate(2 hours)", "1970-01-01T03:00:00", "1970-01-01T04:00"),
    ],
)
def test_the_next_run(expression: str, after: str, expected: str | None) -> None:
    assert _run(expression, after) == expected


def test_a_time_zone_moves_it() -> None:
    assert _run("cron(0 9 * * ? *)", "2026-01-01T00:00:00", "America/New_York") == "2026-01-01T14:00"
    assert _run("at(2026-07-01T09:00:00)", "2026-01-01T00:00:00", "Europe/Berlin") == "2026-07-01T07:00"
