"""(pure) Where a click leads: the link's target as a Location header, never another host's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

import idna

from esp.content import liquid
from esp.errors import Error

# RFC 3986 §2.2 and §2.3, and the percent sign of what is already encoded.
_KEPT = "-._~:/?#[]@!$&'()*+,;=%"
_LONGEST = 8000
_SCHEME_AND_HOST = re.compile(r"(https?)://([^/?#\\\s{}]+)", re.IGNORECASE)
_LOOSE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def needs_person(target: str) -> bool:
    """Whether the target has merge tags, so that it differs from person to person."""
    return "{{" in target or "{%" in target


def location(target: str, data: Mapping[str, object] | None = None) -> str | None:
    """The address to send the browser to, in ASCII; None where there is none that may be.

    With `data`, merge tags in path and query are filled; what they hold can't change the host.
    """
    written = _SCHEME_AND_HOST.match(target)
    if written is None:
        return None
    filled = target
    if needs_person(target):
        # What follows the host directly could make another one of it.
        if data is None or target[written.end() : written.end() + 1] == "{":
            return None
        try:
            filled = liquid.render(target, data, html=False)
        except Error:
            return None
    host = _host(written[2])
    if host is None or len(filled) > _LONGEST or not filled.startswith(written[0]):
        return None
    rest = filled[written.end() :].strip()
    if rest[:1] not in ("", "/", "?", "#"):
        return None
    encoded = quote(_LOOSE_PERCENT.sub("%25", rest), safe=_KEPT, errors="replace")
    found = f"{written[1].lower()}://{host}{encoded}"
    return found if urlsplit(found).hostname else None


def _host(written: str) -> str | None:
    """Host and port as they may stand in a header; user names are kept out, they only deceive."""
    if "@" in written:
        return None
    name, colon, port = written.partition(":") if not written.startswith("[") else (written, "", "")
    if colon and not (port.isdigit() and port.isascii()):
        return None
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode()
        except UnicodeError:
            return None
    if not re.fullmatch(r"[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\]", name):
        return None
    return f"{name}{colon}{port}"
