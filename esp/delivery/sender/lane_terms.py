"""What the client is told of a lane: hosts or domain, encryption, password, source addresses."""

from __future__ import annotations

from urllib.parse import unquote, urlsplit

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.config import Settings, is_loopback
from esp.delivery.greeting import helo
from esp.delivery.pacing.limits import Limits
from esp.delivery.sender.hosts import question
from esp.delivery.sender.routes import Exit, Route
from esp.delivery.smtp.commands import Auth
from esp.delivery.smtp.introduction import TlsMode
from esp.delivery.smtp.lane import Lane, Source
from esp.secrets import Cipher

NOTICE_CONNECTIONS = 2
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


def common_lane(settings: Settings, route: Route) -> Lane | None:
    """The lane of ESP_SMTP_URL, else of the local mailbox; None if there is neither."""
    if settings.smtp_url:
        url = urlsplit(settings.smtp_url)
        host = url.hostname or "localhost"
        auth = None
        if url.username:
            auth = Auth(unquote(url.username), unquote(url.password or ""), is_loopback(host))
        return Lane(
            key=route,
            hosts=((host, url.port or _PORTS[url.scheme]),),
            tls=_URL_TLS[url.scheme],
            auth=auth,
            max_connections=_connections(route, settings.smtp_connections),
            helo_name=helo(settings),
            dsn=True,
            group=_group(route),
        )
    if settings.mailbox_bind:
        host, _, port = settings.mailbox_bind.rpartition(":")
        return Lane(
            key=route,
            hosts=((host.strip("[]"), int(port)),),
            tls="none",
            max_connections=_connections(route, settings.smtp_connections),
            helo_name=helo(settings),
            group=_group(route),
        )
    return None


def own_lane(session: Session, settings: Settings, cipher: Cipher, route: Route) -> Lane | None:
    """The lane of an account's own relay; None if it is gone. Invalid for a lost key."""
    row = session.execute(
        text(
            "SELECT host, port, tls, username, password, max_connections FROM transports"
            " WHERE account_id = :account AND id = :id AND kind = 'relay'"
        ),
        {"account": route.exit.account_id, "id": route.exit.transport_id},
    ).first()
    if row is None:
        return None
    auth = None
    if row.username:
        auth = Auth(row.username, cipher.decrypt(row.password), is_loopback(row.host))
    return Lane(
        key=route,
        hosts=((row.host, row.port),),
        tls=_TABLE_TLS[row.tls],
        auth=auth,
        sources=sources_of(session, settings, route.exit),
        max_connections=_connections(route, row.max_connections),
        helo_name=helo(settings),
        dsn=True,
        group=_group(route),
    )


def direct_lane(
    route: Route, domain: str, limits: Limits, sources: tuple[Source, ...], helo_name: str
) -> Lane:
    """The lane to the servers that take `domain`'s mail."""
    return Lane(
        key=route,
        mx_domain=question(route, domain),
        tls="starttls",
        sources=sources,
        max_connections=_connections(route, limits.connections),
        max_messages_per_connection=limits.messages_per_connection,
        helo_name=helo_name,
        dsn=True,
        group=_group(route),
    )


def sources_of(session: Session, settings: Settings, leaves: Exit) -> tuple[Source, ...]:
    """Addresses to leave from, each with the name to say there; none: the system's choice."""
    if not leaves.pool_id:
        return ()
    rows = session.execute(
        text(
            "SELECT address, helo_name FROM pool_addresses"
            " WHERE account_id = :account AND pool_id = :pool AND :source IN ('', address)"
            " ORDER BY address"
        ),
        {"account": leaves.account_id, "pool": leaves.pool_id, "source": leaves.source},
    )
    return tuple(Source(address, name or helo(settings)) for address, name in rows)


def _group(route: Route) -> tuple[object, ...]:
    # Single messages wait for no place that bulk holds.
    return (route.way, route.single)


def _connections(route: Route, bulk: int) -> int:
    return NOTICE_CONNECTIONS if route.single else bulk
