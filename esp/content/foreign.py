"""(pure) Mailchimp's merge tags in ours, so that a template can be pasted as it is."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass

_TAG = re.compile(r"\*\|([^|\r\n]{1,200})\|\*")
_PLAIN = re.compile(r"[A-Z][A-Z0-9_]*")

_PATHS = {
    "EMAIL": "contact.email",
    "MERGE0": "contact.email",
    "FNAME": "contact.first_name",
    "MERGE1": "contact.first_name",
    "LNAME": "contact.last_name",
    "MERGE2": "contact.last_name",
    "FULLNAME": "contact.name",
    "PHONE": "contact.phone",
    "COMPANY": "contact.company",
    "CITY": "contact.city",
    "COUNTRY": "contact.country",
    "MC_LANGUAGE": "contact.language",
    "UNSUB": "unsubscribe_url",
    "UPDATE_PROFILE": "preferences_url",
    "ARCHIVE": "view_url",
    "MC:SUBJECT": "broadcast.subject",
    "MC:TITLE": "broadcast.name",
    "LIST:COMPANY": "account.name",
    "LIST:URL": "account.url",
    "LIST:NAME": "list.name",
    "LIST:ADDRESS": "account.postal_address",
    "LIST_ADDRESS": "account.postal_address",
    "LIST:ADDRESSLINE": "account.postal_address",
}
_WHOLE = {
    "LIST:DESCRIPTION": "{{ list.description | default: list.name }}",
    "HTML:LIST_ADDRESS_HTML": "{{ account.postal_address | newline_to_br }}",
    "LIST_ADDRESS_HTML": "{{ account.postal_address | newline_to_br }}",
    "CURRENT_YEAR": '{{ now | date: "%Y" }}',
    "MC:DATE": '{{ now | date: "%Y-%m-%d" }}',
    # The preheader is put in by us.
    "MC_PREVIEW_TEXT": "",
}
# Mailchimp's own services, which no field of a contact can be meant by.
_SERVICES = frozenset(
    {"FORWARD", "REWARDS", "REWARDS_TEXT", "ABOUT_LIST", "ARCHIVE_PAGE", "CAMPAIGN_UID"}
    | {"UNIQID", "USER_URL", "TRANSLATE", "SURVEY", "PROMO_CODE", "POLLS"}
)
_FILTERS = {"UPPER": "upcase", "LOWER": "downcase", "TITLE": "capitalize", "URL": "url_encode"}
_PHP_DATE = {
    "d": "%d", "j": "%-d", "D": "%a", "l": "%A", "m": "%m", "n": "%-m", "M": "%b", "F": "%B",
    "Y": "%Y", "y": "%y", "H": "%H", "G": "%-H", "h": "%I", "g": "%-I", "i": "%M", "s": "%S",
    "A": "%p", "a": "%P",
}  # fmt: skip
_CONDITION = re.compile(r"([A-Z][A-Z0-9_:]*)\s*(?:(!=|>=|<=|=|>|<)\s*(.*))?", re.DOTALL)


@dataclass(frozen=True)
class Translated:
    """`source` in our Liquid; `unknown` are the tags that have no meaning here and became empty."""

    source: str
    unknown: tuple[str, ...]


def translate(source: str) -> Translated:
    """`source` with every `*|TAG|*` translated."""
    reader = _Reader()
    text = _TAG.sub(reader.one, source)
    return Translated(text + "".join(reversed(reader.ends)), tuple(dict.fromkeys(reader.unknown)))


class _Reader:
    def __init__(self) -> None:
        self.ends: list[str] = []
        self.unknown: list[str] = []

    def one(self, found: re.Match[str]) -> str:
        tag = html.unescape(found[1]).strip()
        word, _, rest = tag.partition(":")
        match word.upper():
            case "IF" | "IFNOT":
                return self._begin(word.upper(), rest, found[0])
            case "ELSEIF" if self.ends:
                condition = _condition(rest)
                return f"{{% elsif {condition} %}}" if condition else ""
            case "ELSE" if self.ends:
                return "{% else %}"
            case "END" if self.ends and rest.upper() == "IF":
                return self.ends.pop()
            case "DATE":
                return _date(rest)
        return self._value(tag.upper(), found[0])

    def _begin(self, word: str, rest: str, whole: str) -> str:
        condition = _condition(rest)
        if condition is None:
            self.unknown.append(whole)
            condition = "false"
        name = "if" if word == "IF" else "unless"
        self.ends.append(f"{{% end{name} %}}")
        return f"{{% {name} {condition} %}}"

    def _value(self, tag: str, whole: str) -> str:
        if tag in _WHOLE:
            return _WHOLE[tag]
        if path := _path(tag):
            return f"{{{{ {path} }}}}"
        word, _, rest = tag.partition(":")
        if word in _FILTERS and (path := _path(rest)):
            return f"{{{{ {path} | {_FILTERS[word]} }}}}"
        if word == "HTML" and (path := _path(rest)):
            return f"{{{{ {path} }}}}"
        self.unknown.append(whole)
        return ""


def _path(tag: str) -> str | None:
    if tag in _PATHS:
        return _PATHS[tag]
    if tag in _SERVICES or not _PLAIN.fullmatch(tag):
        return None
    return f"contact.fields.{tag.lower()}"


def _condition(text: str) -> str | None:
    found = _CONDITION.fullmatch(text.strip().upper())
    if found is None:
        return None
    path = "archive_page" if found[1] == "ARCHIVE_PAGE" else _path(found[1])
    if path is None:
        return None
    if found[2] is None:
        # Liquid holds an empty text for true, Mailchimp does not.
        return path if path == "archive_page" else f'{path} and {path} != ""'
    # The value keeps its own case, which the match above has lost.
    value = text.strip()[found.start(3) :].strip().strip("\"'").replace('"', "")
    if not re.fullmatch(r"-?\d+(\.\d+)?", value):
        value = f'"{re.sub(r"[{}%]", "", value)}"'
    operator = "==" if found[2] == "=" else found[2]
    return f"{path} {operator} {value}"


def _date(form: str) -> str:
    """Mailchimp's dates are written as PHP writes them."""
    safe = re.sub(r"[^\w \-/.,:]", "", form, flags=re.ASCII)
    return f'{{{{ now | date: "{"".join(_PHP_DATE.get(c, c) for c in safe) or "%Y-%m-%d"}" }}}}'
