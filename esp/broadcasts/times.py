"""(pure) From the day and time a person chose to a moment."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from esp.errors import N_, Invalid


def moment(local: str, zone: str) -> datetime:
    """`local` as a browser's field writes it (2026-11-02T09:00), in `zone`; Invalid for what isn't.

    Of an hour that comes twice the first is meant; one that is left out does not exist.
    """
    try:
        naive = datetime.fromisoformat(local.strip())
        if naive.tzinfo is not None:
            raise ValueError("a zone of its own")
        aware = naive.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(N_("Choose a day and a time."), "send_at") from None
    if aware.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != naive:
        raise Invalid(
            N_("This time does not exist: on that day the clocks go forward over it."), "send_at"
        )
    return aware


def local_field(value: datetime, zone: str) -> str:
    """The same way back, to the minute."""
    return value.astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
