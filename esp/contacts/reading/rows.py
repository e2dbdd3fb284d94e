"""(pure) The rows of a contact file, one after the other, in bounded memory and resumable."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO

from esp.contacts.reading.lines import Line, lines
from esp.contacts.reading.shape import (
    COLUMNS,
    RECORD_BYTES,
    RECORD_LINES,
    ROWS,
    Checkpoint,
    Dialect,
    Row,
)
from esp.contacts.reading.workbook import workbook_rows
from esp.errors import N_, Invalid

# How much of a line that cannot be read is kept for the file of rejected lines.
_KEPT = 2000


def read_rows(stream: BinaryIO, dialect: Dialect, start: Checkpoint | None) -> Iterator[Row]:
    """Rows after `start`, or all rows after the header; empty rows are counted and left out.

    `stream` must be seekable. Rows that follow a checkpoint are the same in every run. Raises
    Invalid for what is not a table of contacts.
    """
    if dialect.kind == "xlsx":
        found = workbook_rows(stream, start)
    else:
        found = _Records(stream, dialect, start).rows()
    if start is None and dialect.has_header:
        next(found, None)
    for row in found:
        if row.number > ROWS:
            raise Invalid(
                N_("The file has more than %(rows)s rows. Split it, please."),
                place="file",
                rows=ROWS,
            )
        if len(row.values) > COLUMNS:
            yield Row(row.number, row.values[:COLUMNS], row.checkpoint, "columns")
        else:
            yield row


class _Broken(Exception):
    pass


class _Records:
    """CSV records; knows the bytes of each, and goes on after the line of a broken quotation."""

    def __init__(self, stream: BinaryIO, dialect: Dialect, start: Checkpoint | None) -> None:
        self._dialect = dialect
        self._offset, self._number = start or (dialect.offset, 0)
        stream.seek(self._offset)
        self._source = lines(stream, dialect.encoding)
        self._again: deque[Line] = deque()
        self._record: list[Line] = []
        self._bytes = 0
        self._ended = False

    def rows(self) -> Iterator[Row]:
        reader = self._reader()
        while True:
            self._record.clear()
            self._bytes = 0
            try:
                values = next(reader)
                if self._ended:
                    # The end came inside quotation marks.
                    raise _Broken
            except StopIteration:
                return
            except (_Broken, csv.Error):
                yield self._give_up_first_line()
                reader = self._reader()
                continue
            self._offset += self._bytes
            self._number += 1
            # Most rows have something in their first cell.
            if values and (values[0].strip() or any(map(str.strip, values))):
                yield Row(self._number, values, Checkpoint(self._offset, self._number))

    def _reader(self) -> Iterator[list[str]]:
        dialect = self._dialect
        return csv.reader(
            self._feed(),
            delimiter=dialect.delimiter,
            quotechar=dialect.quotechar,
            skipinitialspace=dialect.skip_space,
        )

    def _feed(self) -> Iterator[str]:
        record = self._record
        while True:
            line = self._again.popleft() if self._again else next(self._source, None)
            if line is None:
                self._ended = True
                return
            record.append(line)
            text, size = line
            self._bytes += size
            if self._bytes > RECORD_BYTES or len(record) > RECORD_LINES:
                raise _Broken
            yield text.replace("\0", "") if "\0" in text else text

    def _give_up_first_line(self) -> Row:
        (text, size), *rest = self._record
        self._again.extendleft(reversed(rest))
        self._ended = False
        self._offset += size
        self._number += 1
        kept = text[:_KEPT].rstrip("\r\n").replace("\0", "")
        # A single line that is broken is too long; several are held by a quotation mark.
        problem = "quote" if rest or len(text) < _KEPT else "long_line"
        return Row(self._number, [kept], Checkpoint(self._offset, self._number), problem)
