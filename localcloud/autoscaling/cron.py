"""Schedule expressions: ``at(yyyy-mm-ddThh:mm:ss)``, ``rate(n unit)`` and ``cron(minute hour day month weekday year)``.

https://docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html
Of cron's special characters ``L``, ``W`` and ``#`` are not covered, and refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_UNITS = {"minute": 60, "hour": 3600, "day": 86_400}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_HORIZON_DAYS = 366 * 5


@dataclass(frozen=True, kw_only=True)
class Cron:
    """The values that each field admits. ``weekdays`` count from Sunday, 1."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    years: frozenset[int]

    def next_after(self, moment: datetime) -> datetime | None:
        """The first occurrence later than ``moment``, in its time zone; None when there is none within five years."""
        for day in _days_from(moment.date()):
            if not self._admits(day):
                continue
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=moment.tzinfo)
                    if found > moment:
                        return found
        return None

    def _admits(self, day: date) -> bool:
        weekday = day.isoweekday() % 7 + 1
        return day.year in self.years and day.month in self.months and day.day in self.days and weekday in self.weekdays


def next_run(expression: str, timezone: str, *, start: float, after: float) -> float | None:
    """Epoch seconds of the first run later than ``after``; None when there is none any more.

    ``start`` is the moment from which rates count. Raises ValueError with what is wrong in the expression.
    """
    kind, body = _split(expression)
    if kind == "rate":
        seconds = _rate(body)
        return start + (max(0, int((after - start) // seconds)) + 1) * seconds
    zone = ZoneInfo(timezone)
    if kind == "at":
        run = datetime.fromisoformat(body).replace(tzinfo=zone).timestamp()
        return run if run > after else None
    found = _cron(body).next_after(datetime.fromtimestamp(after, UTC).astimezone(zone))
    return found.timestamp() if found else None


def _split(expression: str) -> tuple[str, str]:
    match = re.fullmatch(r"(at|rate|cron)\((.+)\)", expression.strip())
    if match is None:
        raise ValueError("expected at(...), rate(...) or cron(...)")
    return match[1], match[2].strip()


def _rate(body: str) -> int:
    match = re.fullmatch(r"([1-9]\d*) (minute|hour|day)(s?)", body)
    if match is None or (match[1] == "1") == bool(match[3]):
        raise ValueError(f"expected rate(value minute|minutes|hour|hours|day|days), found {body!r}")
    return int(match[1]) * _UNITS[match[2]]


def _cron(body: str) -> Cron:
    fields = body.split()
    if len(fields) != 6:
        raise ValueError(f"a cron expression has 6 fields, found {len(fields)}")
    minutes, hours, days, months, weekdays, years = fields
    return Cron(
        minutes=_field(minutes, 0, 59),
        hours=_field(hours, 0, 23),
        days=_field(days, 1, 31),
        months=_field(months, 1, 12, names=_MONTHS),
        weekdays=_field(weekdays, 1, 7, names=_WEEKDAYS),
        years=_field(years, 1970, 2199),
    )


def _field(text: str, low: int, high: int, names: tuple[str, ...] = ()) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, last = _span(span, low, high, names)
        if step and (not step.isdigit() or int(step) == 0):
            raise ValueError(f"{part!r} is not a step")
        if step and first == last:  # "5/10" starts at 5
            last = high
        values.update(range(first, last + 1, int(step or 1)))
    return frozenset(values)


def _span(text: str, low: int, high: int, names: tuple[str, ...]) -> tuple[int, int]:
    if text in ("*", "?"):
        return low, high
    first, _, last = text.partition("-")
    begin = _value(first, low, high, names)
    return begin, _value(last, low, high, names) if last else begin


def _value(text: str, low: int, high: int, names: tuple[str, ...]) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + 1
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"{text!r} is not a value from {low} to {high}")
    return int(text)


def _days_from(day: date) -> Iterator[date]:
    for offset in range(_HORIZON_DAYS):
        yield day + timedelta(days=offset)
