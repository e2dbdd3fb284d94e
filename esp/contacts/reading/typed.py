"""(pure) Cells to typed values; a cell that does not fit raises Misfit with a reason."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

TEXT_LIMIT = 2000

FIELD_TYPES = ("text", "number", "date", "boolean", "choice")
DATE_ORDERS = ("dmy", "mdy")

Typed = str | int | float | bool


class Misfit(Exception):
    """`reason` is a key of mapping.REASONS."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class FieldType:
    """`kind` is one of FIELD_TYPES; `choices` belong to the kind choice."""

    kind: str
    choices: tuple[str, ...] = ()


# C0, C1, line separators, direction overrides, surrogates: nothing a value of a contact needs.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_GAP = re.compile(r"\s+")
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
_PLACED = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})")
_CLOCK = re.compile(
    r"[T ]\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?\s*(?:[AaPp][Mm])?\s*(?:Z|UTC|[+-]\d{2}:?\d{2})?"
)
_YES = "1 true t yes y on ya iya benar ja wahr oui si sí x ✓"
_NO = "0 false f no n off tidak salah nein falsch non -"
_TRUE = frozenset(_YES.split())
_FALSE = frozenset(_NO.split())
_DIGITS_LIMIT = 15


def line(text: str, limit: int) -> str:
    """One line of text without control characters. Raises Misfit `long` above `limit`."""
    text = text.strip()
    if not text.isprintable():
        text = _GAP.sub(" ", _CONTROL.sub("", text)).strip()
    if len(text) > limit:
        raise Misfit("long")
    return text


def paragraph(text: str, limit: int = TEXT_LIMIT) -> str:
    """Text that may have line ends, which become LF."""
    text = text.strip()
    if not text.isprintable():
        text = _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()
    if len(text) > limit:
        raise Misfit("long")
    return text


def day(text: str, order: str) -> date:
    """ISO, dd.mm.yyyy, and dd/mm/yyyy or mm/dd/yyyy by `order`; a time of day is left out."""
    text = text.strip()
    found = _ISO.match(text)
    if found:
        year, month, number = found.groups()
    elif found := _PLACED.match(text):
        first, mark, second, year = found.groups()
        monthly = order == "mdy" and mark != "."
        month, number = (first, second) if monthly else (second, first)
    else:
        raise Misfit("date")
    rest = text[found.end() :]
    if rest and not _CLOCK.fullmatch(rest):
        raise Misfit("date")
    try:
        return date(int(year), int(month), int(number))
    except ValueError:
        raise Misfit("date") from None


def moment(text: str, order: str) -> datetime:
    """A time in UTC; without an offset it is taken as UTC."""
    text = text.strip().removesuffix(" UTC")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found_day = day(text, order)
        found = datetime(found_day.year, found_day.month, found_day.day, tzinfo=UTC)
    if found.tzinfo is None:
        return found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise Misfit("date") from None


def number(text: str) -> int | float:
    """`1234.5`, `1,234.50`, `1.234,50`, `1 234`; a lone comma before three digits groups."""
    if len(text) <= _DIGITS_LIMIT and text.isascii() and text.isdigit():
        return int(text)
    plain = re.sub(r"[\s'’_]", "", text)
    dots, commas = plain.count("."), plain.count(",")
    if dots and commas:
        grouping = "," if plain.rfind(".") > plain.rfind(",") else "."
        plain = plain.replace(grouping, "")
    elif dots > 1:
        plain = plain.replace(".", "")
    elif commas and (commas > 1 or re.search(r",\d{3}$", plain)):
        plain = plain.replace(",", "")
    plain = plain.replace(",", ".")
    if not re.fullmatch(r"[+-]?\d+(?:\.\d*)?|[+-]?\.\d+", plain, re.ASCII):
        raise Misfit("number")
    if len(plain.partition(".")[0].lstrip("+-0")) > _DIGITS_LIMIT:
        raise Misfit("number")
    value = float(plain)
    return int(value) if value.is_integer() else value


def boolean(text: str) -> bool:
    """Yes and no in the languages that contact files come in."""
    word = text.strip().casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise Misfit("boolean")


def is_no(text: str) -> bool:
    """Whether a cell of a column such as "bounced" says no; a date or a cause there is a yes."""
    return not text.strip() or text.strip().casefold() in _FALSE


def choice(text: str, choices: tuple[str, ...]) -> str:
    """The choice that equals `text` but for case."""
    wanted = line(text, TEXT_LIMIT).casefold()
    for candidate in choices:
        if candidate.casefold() == wanted:
            return candidate
    raise Misfit("choice")


def typed(text: str, kind: FieldType, order: str) -> Typed:
    """The value of a custom field as JSON keeps it; a date is ISO text."""
    if kind.kind == "number":
        return number(text)
    if kind.kind == "date":
        return day(text, order).isoformat()
    if kind.kind == "boolean":
        return boolean(text)
    if kind.kind == "choice":
        return choice(text, kind.choices)
    return paragraph(text)


def guess(values: list[str]) -> str:
    """The type that all `values` of a new field have: number, date, boolean or text."""
    filled = [value for value in values if value.strip()]
    if not filled:
        return "text"
    for kind in ("boolean", "number", "date"):
        if kind == "boolean" and {value.strip() for value in filled} <= {"0", "1", "-", "x"}:
            continue
        # A leading zero is part of a code or a phone number.
        if kind == "number" and any(re.match(r"[+]|0\d", value.strip()) for value in filled):
            continue
        if _all_fit(filled, FieldType(kind)):
            return kind
    return "text"


def date_order(values: list[str]) -> str:
    """mdy if a date can only be read so, else dmy."""
    for value in values:
        found = _PLACED.match(value.strip())
        if found and found[2] != "." and int(found[3]) > 12 >= int(found[1]):
            return "mdy"
    return "dmy"


def _all_fit(values: list[str], kind: FieldType) -> bool:
    order = date_order(values)
    try:
        for value in values:
            typed(value, kind, order)
    except Misfit:
        return False
    return True


_FEMALE = "f female w weiblich frau woman perempuan wanita mrs ms p"
_MALE = "m male männlich mann herr man laki-laki pria mr l"
_OTHER = "d x o other divers diverse nonbinary non-binary lainnya"
_SEXES: Mapping[str, str] = {
    **dict.fromkeys(_FEMALE.split(), "female"),
    **dict.fromkeys(_MALE.split(), "male"),
    **dict.fromkeys(_OTHER.split(), "other"),
}
_LANGUAGES: Mapping[str, str] = {
    **dict.fromkeys(("english", "englisch", "inggris"), "en"),
    **dict.fromkeys(("indonesian", "bahasa indonesia", "indonesia", "indonesisch"), "id"),
    **dict.fromkeys(("german", "deutsch", "jerman"), "de"),
    **dict.fromkeys(("french", "français", "französisch", "prancis"), "fr"),
    **dict.fromkeys(("spanish", "español", "spanisch", "spanyol"), "es"),
    **dict.fromkeys(("dutch", "nederlands", "niederländisch", "belanda"), "nl"),
    **dict.fromkeys(("portuguese", "português", "portugiesisch"), "pt"),
    **dict.fromkeys(("italian", "italiano", "italienisch"), "it"),
}
_LANGUAGE_TAG = re.compile(r"([A-Za-z]{2,3})(?:[-_]([A-Za-z]{4}))?(?:[-_]([A-Za-z]{2}|\d{3}))?")


def sex(text: str) -> str:
    """female, male or other."""
    try:
        return _SEXES[text.strip().rstrip(".").casefold()]
    except KeyError:
        raise Misfit("sex") from None


def language(text: str) -> str:
    """A language tag such as `id` or `pt-BR`."""
    text = text.strip()
    named = _LANGUAGES.get(text.casefold())
    if named:
        return named
    found = _LANGUAGE_TAG.fullmatch(text)
    if not found:
        raise Misfit("language")
    parts = (found[1].lower(), (found[2] or "").title(), (found[3] or "").upper())
    return "-".join(part for part in parts if part)
