"""The lines of a CSV file."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from esp.reports.sheets import Sheet

SHEET = Sheet({"Sent": "Terkirim"}.get, "Europe/Berlin")


def test_the_first_line_says_what_it_is_in_the_readers_language():
    assert SHEET.head(["Sent"]) == "\ufeffTerkirim\r\n".encode()


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        (None, ""),
        ("", ""),
        (0, "0"),
        (0.5, "0.5000"),
        ("a, b", '"a, b"'),
        ("=1+1", "'=1+1"),
        ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"),
        ("@sum", "'@sum"),
        (datetime(2026, 7, 1, 10, 0, 0, 5, tzinfo=UTC), "2026-07-01 12:00:00+02:00"),
        # The hour that comes twice.
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25 02:30:00+02:00"),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), "2026-10-25 02:30:00+01:00"),
    ],
)
def test_a_cell(cell, written):
    assert SHEET.line([cell]).decode().strip("\r\n") == (written or '""')
