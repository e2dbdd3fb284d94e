"""Which lane a message goes in, and where that lane leads."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.config import Settings, is_loopback
from esp.delivery.smtp.commands import Auth
from esp.delivery.smtp.introduction import TlsMode
from esp.delivery.smtp.lane import Lane
from esp.secrets import Cipher

_NOTICE_CONNECTIONS = 2
_URL_TLS: dict[str, TlsMode] = {
    "smtp": "none",
    "smtp+starttls": "starttls-required",
    "smtps": "tls",
}
_TABLE_TLS: dict[str, TlsMode] = {
    "none": "none",
    "starttls": "starttls",
    "required": "starttls-required",
    "tls": "tls",
}
_PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class Route(NamedTuple):
    """A transport (`transport_id` 0: the installation's) for bulk or for single messages.

    A relay is one receiver to us, so all providers behind it share its lane; the provider's own
    pace is the relay's affair.
    """

    account_id: int
    transport_id: int
    single: bool


def route(account_id: int, transport_id: int | None, single: bool = False) -> Route:
    return Route(account_id if transport_id else 0, transport_id or 0, single)


def common_lane(settings: Settings, key: Route) -> Lane | None:
    """The lane of ESP_SMTP_URL, else of the local mailbox; None if there is neither."""
    helo_name = helo(settings)
    if settings.smtp_url:
        url = urlsplit(settings.smtp_url)
        host = url.hostname or "localhost"
        auth = None
        if url.username:
            auth = Auth(unquote(url.username), unquote(url.password or ""), is_loopback(host))
        return Lane(
            key=key,
            hosts=((host, url.port or _PORTS[url.scheme]),),
            tls=_URL_TLS[url.scheme],
            auth=auth,
            max_connections=_connections(key, settings.smtp_connections),
            helo_name=helo_name,
            dsn=True,
        )
    if settings.mailbox_bind:
        host, _, port = settings.mailbox_bind.rpartition(":")
        return Lane(
            key=key,
            hosts=((host.strip("[]"), int(port)),),
            tls="none",
            max_connections=_connections(key, settings.smtp_connections),
            helo_name=helo_name,
        )
    return None


def own_lane(session: Session, settings: Settings, cipher: Cipher, key: Route) -> Lane | None:
    """The lane of an account's own transport; None if it is gone. Invalid for a lost key."""
    row = session.execute(
        text(
            "SELECT host, port, tls, username, password, max_connections FROM transports"
            " WHERE account_id = :account AND id = :id"
        ),
        {"account": key.account_id, "id": key.transport_id},
    ).first()
    if row is None:
        return None
    auth = None
    if row.username:
        auth = Auth(row.username, cipher.decrypt(row.password), is_loopback(row.host))
    return Lane(
        key=key,
        hosts=((row.host, row.port),),
        tls=_TABLE_TLS[row.tls],
        auth=auth,
        max_connections=_connections(key, row.max_connections),
        helo_name=helo(settings),
        dsn=True,
    )


def helo(settings: Settings) -> str:
    """Our name, or the literal of our address where we have none (SMTP-04)."""
    host = urlsplit(settings.public_url).hostname or "localhost"
    if ":" in host:
        return f"[IPv6:{host}]"
    return f"[{host}]" if host.replace(".", "").isdecimal() else host


def _connections(key: Route, bulk: int) -> int:
    return _NOTICE_CONNECTIONS if key.single else bulk
