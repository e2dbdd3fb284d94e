"""(pure) The file of rejected lines: what was not taken, why, and the line as it was."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Callable, Sequence

from esp.contacts.reading.apply import REASONS
from esp.errors import N_

ROW = N_("Row")
REASON = N_("Reason")

# A spreadsheet takes what begins so for a formula, also in full width or after a space.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠\t\r]")
_PLAIN_NUMBER = re.compile(r"[+-]?\d[\d .,]*")


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet runs: what looks like a formula gets an apostrophe before it."""
    if _FORMULA.match(text) and not _PLAIN_NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def head(header: Sequence[str], translate: Callable[[str], str]) -> bytes:
    """The first line, with the byte order mark by which Excel knows UTF-8."""
    return codecs.BOM_UTF8 + cells([translate(ROW), translate(REASON), *header])


def line(number: int, reason: str, values: Sequence[str], translate: Callable[[str], str]) -> bytes:
    """One rejected line; `reason` is a key of REASONS."""
    sentence = REASONS.get(reason)
    return cells([str(number), translate(sentence) if sentence else reason, *values])


def cells(texts: Sequence[str]) -> bytes:
    """One line of a CSV file that a spreadsheet may open."""
    out = io.StringIO()
    csv.writer(out).writerow([safe_cell(text) for text in texts])
    return out.getvalue().encode(errors="replace")
