"""Who really calls, when a reverse proxy of ours stands in between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

Networks = Sequence[IPv4Network | IPv6Network]

_HOST = re.compile(r"[A-Za-z0-9.\-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?").fullmatch


def behind(app: WSGIApplication, networks: Networks) -> WSGIApplication:
    """`app`, told the caller's address, scheme and host by proxies in `networks` only."""
    if not networks:
        return app

    def told(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        believe(environ, networks)
        return app(environ, start_response)

    return told


def believe(environ: WSGIEnvironment, networks: Networks) -> None:
    """Put what a trusted proxy says into `environ`; anybody else may write what they like."""
    if not _trusted(environ.get("REMOTE_ADDR", ""), networks):
        return
    caller = _caller(environ.get("HTTP_X_FORWARDED_FOR", ""), networks)
    if caller:
        environ["REMOTE_ADDR"] = caller
    scheme = _last(environ.get("HTTP_X_FORWARDED_PROTO", "")).lower()
    if scheme in ("http", "https"):
        environ["wsgi.url_scheme"] = scheme
    host = _last(environ.get("HTTP_X_FORWARDED_HOST", ""))
    if _HOST(host):
        environ["HTTP_HOST"] = host


def _caller(chain: str, networks: Networks) -> str | None:
    """The first address from the right that is no proxy's: left of it anybody may have written."""
    known = None
    for word in reversed(chain.split(",")):
        found = _address(word)
        if found is None:
            return known
        known = str(found)
        if not _trusted(known, networks):
            return known
    return known


def _last(header: str) -> str:
    return header.rpartition(",")[2].strip()


def _trusted(text: str, networks: Networks) -> bool:
    found = _address(text)
    return found is not None and any(found in network for network in networks)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
