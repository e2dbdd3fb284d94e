"""(pure) What happened hour by hour or day by day in a time zone, with the quiet times as zeros."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

Row = tuple[datetime, str, int]
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
# Most of what happens to a broadcast happens in its first two days.
FIRST_HOURS = 48


@dataclass(frozen=True)
class Slot:
    """An hour or a day, and what was counted in it; `start` is in the reader's zone."""

    start: datetime
    counts: Counter[str]

    @property
    def comes_twice(self) -> bool:
        """Whether the clocks go back over this hour, so that its name alone is not enough."""
        first, second = (self.start.replace(fold=fold).utcoffset() for fold in (0, 1))
        return first != second


def window(rows: Iterable[Row], started_at: datetime, now: datetime) -> tuple[datetime, datetime]:
    """First and last hour of a report, in UTC: from the start to the last thing that happened.

    The first two days are shown as far as they have come, so that silence is seen too.
    """
    hours = [hour.astimezone(UTC) for hour, _, count in rows if count]
    first = min([_hour(started_at), *hours])
    quiet = min(_hour(now), first + (FIRST_HOURS - 1) * HOUR)
    return first, max([first, quiet, *hours])


def hourly(rows: Iterable[Row], zone: str, first: datetime, last: datetime) -> list[Slot]:
    """Every hour from `first` to `last`, both in UTC and taken in; rows outside are left out.

    A day on which the clocks change has 23 or 25 of them.
    """
    here = ZoneInfo(zone)
    found: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    for hour, name, count in rows:
        found[hour.astimezone(UTC)][name] += count
    hours = [first + n * HOUR for n in range((last - first) // HOUR + 1)]
    return [Slot(hour.astimezone(here), found[hour]) for hour in hours]


def daily(rows: Iterable[Row], zone: str, first: datetime, last: datetime) -> list[Slot]:
    """Every day of `zone` from that of `first` to that of `last`.

    Counts are kept by hours of UTC: where a zone is off by half an hour, the one round midnight
    belongs to the day it begins in.
    """
    here = ZoneInfo(zone)
    found: defaultdict[date, Counter[str]] = defaultdict(Counter)
    for hour, name, count in rows:
        found[hour.astimezone(here).date()][name] += count
    start = first.astimezone(here).date()
    days = [start + n * DAY for n in range((last.astimezone(here).date() - start).days + 1)]
    return [Slot(datetime(day.year, day.month, day.day, tzinfo=here), found[day]) for day in days]


def _hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
