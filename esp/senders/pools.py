"""Pools: the addresses of ours that mail leaves from, each judged by receivers on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from esp import addresses
from esp.errors import N_, Invalid, NotFound, Refused
from esp.senders.models import Pool, PoolAddress, Transport

NAME_LENGTH = 80
MOST_ADDRESSES = 256


@dataclass(frozen=True)
class Source:
    """An address, and the name that its PTR record gives it (empty: the installation's)."""

    address: str
    helo_name: str = ""


@dataclass(frozen=True)
class PoolSettings:
    """What a person says about a pool."""

    name: str
    sources: tuple[Source, ...]


def pools(session: Session, account_id: int) -> Sequence[Pool]:
    """The account's pools by name."""
    return session.scalars(
        select(Pool).where(Pool.account_id == account_id).order_by(Pool.name, Pool.id)
    ).all()


def pool(session: Session, account_id: int, pool_id: int) -> Pool:
    """One pool; NotFound if the account has no such one."""
    found = session.scalar(select(Pool).where(Pool.account_id == account_id, Pool.id == pool_id))
    if found is None:
        raise NotFound()
    return found


def sources(session: Session, account_id: int) -> dict[int, tuple[Source, ...]]:
    """The addresses of each pool."""
    rows = session.execute(
        select(PoolAddress.pool_id, PoolAddress.address, PoolAddress.helo_name)
        .where(PoolAddress.account_id == account_id)
        .order_by(PoolAddress.pool_id, PoolAddress.address)
    )
    found: dict[int, tuple[Source, ...]] = {}
    for pool_id, address, helo_name in rows:
        found[pool_id] = (*found.get(pool_id, ()), Source(address, helo_name))
    return found


def check_source(session: Session, account_id: int, pool_id: int, address: str = "") -> None:
    """Invalid unless the account has the pool, and the pool the address (if one is named)."""
    known = sources(session, account_id).get(pool_id, ())
    if not known:
        raise Invalid(N_("There is no such pool."), "pool_id")
    if address and address not in {one.address for one in known}:
        raise Invalid(N_("The pool has no such address."), "source_address")


def add_pool(session: Session, account_id: int, settings: PoolSettings) -> int:
    """Make a pool; Invalid at the wrong field."""
    name, found = _checked(settings)
    new_id = _named(
        session, insert(Pool).values(account_id=account_id, name=name).returning(Pool.id)
    )
    assert new_id is not None  # noqa: S101 -- INSERT … RETURNING gives a row or raises
    _put(session, account_id, new_id, found)
    return new_id


def change_pool(session: Session, account_id: int, pool_id: int, settings: PoolSettings) -> None:
    """Put `settings` in place; senders follow within half a minute."""
    pool(session, account_id, pool_id)
    name, found = _checked(settings)
    _named(
        session,
        update(Pool)
        .where(Pool.account_id == account_id, Pool.id == pool_id)
        .values(name=name)
        .returning(Pool.id),
    )
    session.execute(
        delete(PoolAddress).where(
            PoolAddress.account_id == account_id, PoolAddress.pool_id == pool_id
        )
    )
    _put(session, account_id, pool_id, found)


def delete_pool(session: Session, account_id: int, pool_id: int) -> str:
    """Forget a pool and return its name; Refused while a transport leaves from it."""
    name = pool(session, account_id, pool_id).name
    used = session.scalar(
        select(Transport.name)
        .where(Transport.account_id == account_id, Transport.pool_id == pool_id)
        .limit(1)
    )
    if used is not None:
        raise Refused(
            N_("“%(transport)s” leaves from this pool. Choose another pool there first."),
            transport=used,
        )
    session.execute(delete(Pool).where(Pool.account_id == account_id, Pool.id == pool_id))
    return name


def read_sources(text: str) -> tuple[Source, ...]:
    """A line for each address, its name after a space; Invalid names the line that is wrong."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        address, _, name = line.strip().partition(" ")
        if address:
            found.append(Source(_address(address, number), _name(name.strip(), number)))
    return tuple(found)


def written(sources: Sequence[Source]) -> str:
    """As `read_sources` takes them."""
    return "\n".join(f"{one.address} {one.helo_name}".strip() for one in sources)


def _checked(settings: PoolSettings) -> tuple[str, dict[str, str]]:
    name = " ".join(settings.name.split())
    if not name:
        raise Invalid(N_("Give the pool a name."), "name")
    if len(name) > NAME_LENGTH:
        raise Invalid(
            N_("This is too long: at most %(longest)s characters."), "name", longest=NAME_LENGTH
        )
    if not settings.sources:
        raise Invalid(N_("A pool needs at least one address."), "sources")
    if len(settings.sources) > MOST_ADDRESSES:
        raise Invalid(N_("Use at most %(most)s addresses."), "sources", most=MOST_ADDRESSES)
    return name, {one.address: one.helo_name for one in settings.sources}


def _address(value: str, number: int) -> str:
    try:
        found = ip_address(value.strip("[]"))
    except ValueError:
        raise Invalid(
            N_("Line %(line)s does not begin with an IP address."), "sources", line=number
        ) from None
    if found.is_unspecified or found.is_multicast:
        raise Invalid(
            N_("Nothing can be sent from the address of line %(line)s."), "sources", line=number
        )
    return str(found)


def _name(value: str, number: int) -> str:
    if not value:
        return ""
    checked = addresses.check(f"a@{value.rstrip('.')}").normalized
    if checked is None:
        raise Invalid(
            N_("Line %(line)s: write the host's name after the address, as in mx1.acme.example."),
            "sources",
            line=number,
        )
    return addresses.domain_of(checked)


def _put(session: Session, account_id: int, pool_id: int, found: dict[str, str]) -> None:
    session.execute(
        insert(PoolAddress),
        [
            {"account_id": account_id, "pool_id": pool_id, "address": a, "helo_name": name}
            for a, name in found.items()
        ],
    )


def _named(session: Session, statement: object) -> int | None:
    try:
        with session.begin_nested():
            return session.scalar(statement)  # type: ignore[call-overload,no-any-return]  # one of two
    except IntegrityError:
        raise Invalid(N_("There is a pool of that name already."), "name") from None
