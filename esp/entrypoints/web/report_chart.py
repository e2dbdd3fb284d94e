"""The chart over time of a report, as its macro takes it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from flask_babel import get_locale
from flask_babel import gettext as _

from esp.entrypoints.web.frame import time_zone
from esp.entrypoints.web.looks import clock_time, day
from esp.reports import over_time
from esp.reports.over_time import FIRST_HOURS, HOUR, Row, Slot

# A line through fewer points than this says nothing.
_FEW = 6


def chart(rows: Sequence[Row], started_at: datetime, now: datetime, wanted: str) -> dict[str, Any]:
    """By hour over the first two days, or by day over all of them; None where nothing happened."""
    first, last = over_time.window(rows, started_at, now)
    is_long = last - first >= FIRST_HOURS * HOUR
    by_day = is_long and wanted == "day"
    if by_day:
        slots = over_time.daily(rows, time_zone(), first, last)
    else:
        slots = over_time.hourly(
            rows, time_zone(), first, min(last, first + (FIRST_HOURS - 1) * HOUR)
        )
    any_at_all = any(name in ("opens", "clicks") and count for _hour, name, count in rows)
    return {
        "chart": _data(slots, by_day) if any_at_all else None,
        "is_long": is_long,
        "by_day": by_day,
    }


def _data(slots: Sequence[Slot], by_day: bool) -> dict[str, Any]:
    return {
        "kind": "bar" if by_day or len(slots) < _FEW else "line",
        "labels": [day(slot.start) if by_day else _hour(slot) for slot in slots],
        "series": [
            {"name": _("Opens"), "values": [slot.counts["opens"] for slot in slots]},
            {"name": _("Clicks"), "values": [slot.counts["clicks"] for slot in slots]},
        ],
    }


def short_time(value: datetime) -> str:
    """Nov 2, 4:00 PM in the account's zone: where the year is known from elsewhere."""
    here = value.astimezone(ZoneInfo(time_zone()))
    date = format_skeleton("MMMd", here, tzinfo=here.tzinfo, locale=get_locale())
    return f"{date}, {clock_time(value)}"


def _hour(slot: Slot) -> str:
    """Nov 2, 4:00 PM; with the offset where the clocks go back over this hour."""
    words = short_time(slot.start)
    return f"{words} ({slot.start.isoformat()[-6:]})" if slot.comes_twice else words
