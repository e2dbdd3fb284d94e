"""(pure) The CSV files of a report; cells are safe to open in a spreadsheet."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from esp.contacts.reading.rejected import safe_cell
from esp.errors import N_

Translate = Callable[[str], str]
Cell = str | int | float | datetime | None

RECIPIENTS = (
    N_("Address"),
    N_("State"),
    N_("Reason"),
    N_("SMTP code"),
    N_("SMTP reply"),
    N_("Attempts"),
    N_("Last attempt"),
    N_("First opened"),
    N_("Opens"),
    N_("First clicked"),
    N_("Clicks"),
    N_("Bounced"),
    N_("Unsubscribed"),
)
LINKS = (N_("Link"), N_("Target"), N_("Clicks"), N_("People who clicked"), N_("Share of clicks"))
PROVIDERS = (
    N_("Provider"),
    N_("Recipients"),
    N_("Sent"),
    N_("Failed"),
    N_("Bounced"),
    N_("Opened"),
    N_("Clicked"),
)
HOUR = N_("Hour")
# Names of counts by hour, with their words.
HOURS = (
    ("sent", N_("Sent")),
    ("opens", N_("Opens")),
    ("unique_opens", N_("First opens")),
    ("clicks", N_("Clicks")),
    ("unique_clicks", N_("First clicks")),
    ("unsubscribed", N_("Unsubscribed")),
)


@dataclass(frozen=True)
class Sheet:
    """How to write cells: words in `translate`'s language, times in `zone`."""

    translate: Translate
    zone: str

    def head(self, names: Sequence[str]) -> bytes:
        """The first line, after the byte order mark by which Excel knows UTF-8."""
        return codecs.BOM_UTF8 + self.line([self.translate(name) for name in names])

    def line(self, cells: Iterable[Cell]) -> bytes:
        """One line; times carry their offset, so that no hour is meant twice."""
        out = io.StringIO()
        csv.writer(out).writerow([self._cell(cell) for cell in cells])
        return out.getvalue().encode(errors="replace")

    def _cell(self, cell: Cell) -> str:
        if cell is None:
            return ""
        if isinstance(cell, datetime):
            return cell.astimezone(ZoneInfo(self.zone)).isoformat(" ", "seconds")
        if isinstance(cell, float):
            return f"{cell:.4f}"
        return safe_cell(cell) if isinstance(cell, str) else str(cell)
