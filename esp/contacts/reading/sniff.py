"""(pure) How a contact file is written, guessed from its first bytes."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter

from esp.addresses import check
from esp.contacts.reading.encodings import detect
from esp.contacts.reading.lines import lines
from esp.contacts.reading.shape import COLUMNS, Dialect
from esp.errors import N_, Invalid

# Enough for a guess; callers read no more than this for the sample.
SAMPLE_BYTES = 1 << 18
_LOOK_LINES = 100
_DELIMITERS = (",", ";", "\t", "|")
_SEP_LINE = re.compile(r"sep=(.)(?:\r\n|\r|\n)", re.IGNORECASE)


def sniff(sample: bytes, name: str) -> Dialect:
    """Guess from `sample` (the file's first SAMPLE_BYTES) and its file name. Raises Invalid."""
    if sample.startswith(b"PK\x03\x04"):
        return Dialect(kind="xlsx", delimiter="", quotechar="")
    _refuse_others(sample)
    encoding, offset = detect(sample)
    stream = io.BytesIO(sample)
    stream.seek(offset)
    look = _first_lines(stream, encoding, whole=len(sample) < SAMPLE_BYTES)
    delimiter = None
    if look and (sep := _SEP_LINE.fullmatch(look[0])):
        delimiter = sep[1]
        offset += len(look.pop(0).encode(encoding))
    if not any(line.strip() for line in look):
        raise Invalid(N_("The file is empty."), place="file")
    quotechar = _quotechar(look)
    delimiter = delimiter or _delimiter(look, quotechar, name)
    skip_space = _spaced_quotes(look, delimiter, quotechar)
    first = _records(look, delimiter, quotechar, skip_space)[:1]
    return Dialect(
        kind="csv",
        encoding=encoding,
        delimiter=delimiter,
        quotechar=quotechar,
        has_header=not first or looks_like_header(first[0]),
        skip_space=skip_space,
        offset=offset,
    )


def looks_like_header(values: list[str]) -> bool:
    """A row without an address; whoever leaves the header out begins with a contact."""
    return not any(check(value.strip(), dressed=True).valid for value in values if "@" in value)


def _refuse_others(sample: bytes) -> None:
    if not sample:
        raise Invalid(N_("The file is empty."), place="file")
    if sample.startswith(b"\xd0\xcf\x11\xe0"):
        raise Invalid(
            N_("This is an old or a protected Excel file. Save it as XLSX or CSV, please."),
            place="file",
        )
    if sample.startswith((b"%PDF", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf")):
        raise Invalid(N_("This is not a CSV or XLSX file."), place="file")


def _first_lines(stream: io.BytesIO, encoding: str, *, whole: bool) -> list[str]:
    look: list[str] = []
    for text, _ in lines(stream, encoding):
        look.append(text.replace("\0", ""))
        if len(look) > _LOOK_LINES:
            break
    else:
        # The sample cuts its last line short.
        if not whole and len(look) > 1:
            look.pop()
    return look


def _records(look: list[str], delimiter: str, quotechar: str, skip: bool) -> list[list[str]]:
    reader = csv.reader(look, delimiter=delimiter, quotechar=quotechar, skipinitialspace=skip)
    try:
        return [record for record in reader if any(record)]
    except csv.Error:
        return []


def _delimiter(look: list[str], quotechar: str, name: str) -> str:
    """The one that cuts most rows into as many columns as the first row has."""

    def score(delimiter: str) -> tuple[float, int, bool]:
        counts = [len(r) for r in _records(look, delimiter, quotechar, skip=True)]
        if not counts or not 1 < counts[0] <= COLUMNS:
            return 0, 0, False
        share = Counter(counts)[counts[0]] / len(counts)
        by_name = delimiter == "\t" and name.lower().endswith((".tsv", ".tab"))
        return round(share, 1), min(counts[0], 20), by_name

    best = max(_DELIMITERS, key=score)
    return best if score(best)[0] else ","


def _quotechar(look: list[str]) -> str:
    text = "".join(look)
    if '"' in text:
        return '"'
    apart = re.findall(r"(?:^|[,;|\t])'[^'\r\n]*'(?=[,;|\t\r\n]|$)", text, re.MULTILINE)
    return "'" if len(apart) > len(look) else '"'


def _spaced_quotes(look: list[str], delimiter: str, quotechar: str) -> bool:
    """Whether quotation marks open after a space, as in `a, "b, c"`."""
    mark, apart = re.escape(quotechar), re.escape(delimiter)
    opening = re.compile(rf"{apart} +{mark}[^{mark}{apart}\s][^{mark}]*{mark}\s*(?:{apart}|$)")
    return any(opening.search(line) for line in look)
