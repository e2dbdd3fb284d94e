"""The ways an account's mail leaves; without one it stays in the local mailbox."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import urlsplit

from sqlalchemy import delete, insert, select, update
from sqlalchemy.orm import Session

from esp import addresses
from esp.config import Settings, is_loopback
from esp.errors import N_, Invalid, NotFound
from esp.secrets import Cipher
from esp.senders import pools
from esp.senders.models import Transport

KINDS = ("relay", "direct")
# Shown as it is in both languages: a name that can be changed.
DIRECT_NAME = "MX"
TLS = ("required", "tls", "starttls", "none")
NAME_LENGTH = 80
MOST_CONNECTIONS = 500


@dataclass(frozen=True)
class TransportSettings:
    """What a person says about a way out; `password` None keeps the stored one.

    `kind` "direct" delivers to the receivers' own servers and has no host.
    """

    name: str
    host: str = ""
    port: int = 25
    tls: str = "required"
    username: str = ""
    password: str | None = None
    max_connections: int = 10
    is_default: bool = True
    kind: str = "relay"
    pool_id: int | None = None


def transports(session: Session, account_id: int) -> Sequence[Transport]:
    """The account's servers, the default first; their passwords stay encrypted."""
    return session.scalars(
        select(Transport)
        .where(Transport.account_id == account_id)
        .order_by(Transport.is_default.desc(), Transport.name, Transport.id)
    ).all()


def transport(session: Session, account_id: int, transport_id: int) -> Transport:
    """One server; NotFound if the account has no such one."""
    found = session.scalar(
        select(Transport).where(Transport.account_id == account_id, Transport.id == transport_id)
    )
    if found is None:
        raise NotFound()
    return found


def default_transport(session: Session, account_id: int) -> Transport | None:
    """The server mail leaves by; None: the installation's, or the local mailbox."""
    return session.scalar(
        select(Transport).where(Transport.account_id == account_id, Transport.is_default)
    )


def leaves(session: Session, settings: Settings, account_id: int, transport_id: int | None) -> bool:
    """Whether mail by this way (None: the installation's own) goes beyond this machine."""
    if transport_id is None:
        return bool(settings.smtp_url) and not is_loopback(
            urlsplit(settings.smtp_url).hostname or ""
        )
    found = session.get(Transport, (account_id, transport_id))
    return found is not None and (found.kind == "direct" or not is_loopback(found.host))


def add_transport(
    session: Session, account_id: int, settings: TransportSettings, cipher: Cipher, *, secure: bool
) -> int:
    """Add a server; Invalid at the wrong field. `secure`: people reach the pages over HTTPS."""
    values = _values(settings, secure=secure, has_password=bool(settings.password))
    _check_pool(session, account_id, settings.pool_id)
    values["password"] = cipher.encrypt(settings.password or "")
    if settings.is_default:
        _clear_default(session, account_id)
    new_id = session.scalar(
        insert(Transport).values(account_id=account_id, **values).returning(Transport.id)
    )
    assert new_id is not None  # noqa: S101 -- INSERT … RETURNING gives a row or raises
    return int(new_id)


def change_transport(
    session: Session,
    account_id: int,
    transport_id: int,
    settings: TransportSettings,
    cipher: Cipher,
    *,
    secure: bool,
) -> None:
    """Put `settings` in place; a stored password goes to no other server than it was made for."""
    stored = transport(session, account_id, transport_id)
    settings = replace(settings, kind=stored.kind)
    keeps = settings.password is None and bool(stored.password)
    values = _values(settings, secure=secure, has_password=keeps or bool(settings.password))
    if keeps and (values["host"], values["username"]) != (stored.host, stored.username):
        # Who may change settings must not be able to send the password to a server of their own.
        raise Invalid(
            N_("Type the password again: it belongs to the former server and user."), "password"
        )
    _check_pool(session, account_id, settings.pool_id)
    if settings.password is not None:
        values["password"] = cipher.encrypt(settings.password)
    if settings.is_default:
        _clear_default(session, account_id)
    session.execute(
        update(Transport)
        .where(Transport.account_id == account_id, Transport.id == transport_id)
        .values(**values)
    )


def delete_transport(session: Session, account_id: int, transport_id: int) -> str:
    """Forget a server and return its name; without a default, mail stays in the local mailbox."""
    name: str | None = session.scalar(
        delete(Transport)
        .where(Transport.account_id == account_id, Transport.id == transport_id)
        .returning(Transport.name)
    )
    if name is None:
        raise NotFound()
    return name


def make_default(session: Session, account_id: int, transport_id: int) -> None:
    """Let mail leave by this server from now on."""
    transport(session, account_id, transport_id)
    _clear_default(session, account_id)
    session.execute(
        update(Transport)
        .where(Transport.account_id == account_id, Transport.id == transport_id)
        .values(is_default=True)
    )


def _clear_default(session: Session, account_id: int) -> None:
    session.execute(
        update(Transport)
        .where(Transport.account_id == account_id, Transport.is_default)
        .values(is_default=False)
    )


def _values(
    settings: TransportSettings, *, secure: bool, has_password: bool
) -> dict[str, str | int | bool | None]:
    if settings.kind not in KINDS:
        raise Invalid(N_("Choose by which way the mail leaves."), "kind")
    direct = settings.kind == "direct"
    values = _of_direct(secure) if direct else _of_relay(settings, secure, has_password)
    return values | {
        "name": _line(settings.name, "name") or str(values["host"]) or DIRECT_NAME,
        "kind": settings.kind,
        "pool_id": settings.pool_id,
        "is_default": settings.is_default,
    }


def _of_direct(secure: bool) -> dict[str, str | int | bool | None]:
    if not secure:
        raise Invalid(
            N_(
                "This sends real mail, so the pages must be reached over https://: set "
                "ESP_BASE_URL first. Until then mail stays in the local mailbox."
            ),
            "name",
        )
    return {"host": "", "port": 25, "tls": "starttls", "username": ""}


def _of_relay(
    settings: TransportSettings, secure: bool, has_password: bool
) -> dict[str, str | int | bool | None]:
    host = _host(settings.host)
    local = is_loopback(host)
    if not local and not secure:
        raise Invalid(
            N_(
                "This server sends real mail, so the pages must be reached over https://: set "
                "ESP_BASE_URL first. Until then mail stays in the local mailbox."
            ),
            "host",
        )
    if not 1 <= settings.port <= 65535:
        raise Invalid(N_("A port is a number from 1 to 65535."), "port")
    if settings.tls not in TLS:
        raise Invalid(N_("Choose how the connection is encrypted."), "tls")
    if has_password and not settings.username.strip():
        raise Invalid(N_("A password needs a user name."), "username")
    if has_password and not local and settings.tls in ("none", "starttls"):
        raise Invalid(N_("With a password the connection must be encrypted."), "tls")
    if not 1 <= settings.max_connections <= MOST_CONNECTIONS:
        raise Invalid(
            N_("Use 1 to %(most)s connections."), "max_connections", most=MOST_CONNECTIONS
        )
    return {
        "host": host,
        "port": settings.port,
        "tls": settings.tls,
        "username": _line(settings.username, "username", 255),
        "max_connections": settings.max_connections,
    }


def _check_pool(session: Session, account_id: int, pool_id: int | None) -> None:
    if pool_id is None:
        return
    try:
        pools.pool(session, account_id, pool_id)
    except NotFound:
        raise Invalid(N_("There is no such pool."), "pool_id") from None


def _host(value: str) -> str:
    """An address, `localhost`, or a domain as A-labels."""
    host = value.strip().rstrip(".").lower()
    if host == "localhost":
        return host
    try:
        return str(ip_address(host.strip("[]")))
    except ValueError:
        pass
    found = addresses.check(f"a@{host}").normalized if host else None
    if found is None:
        raise Invalid(N_("Write the server's name, for example smtp.acme.example."), "host")
    return addresses.domain_of(found)


def _line(value: str, place: str, longest: int = NAME_LENGTH) -> str:
    value = value.strip()
    if len(value) > longest:
        raise Invalid(
            N_("This is too long: at most %(longest)s characters."), place, longest=longest
        )
    if re.search(r"[\x00-\x1f\x7f]", value):
        raise Invalid(N_("This contains a line break or another control character."), place)
    return value
