"""(pure) Which lane a message goes in: by which way out, from which addresses, to whose servers."""

from __future__ import annotations

from typing import NamedTuple


class Way(NamedTuple):
    """What a receiver judges together, and what is paced together: a pool and a provider.

    Account 0 and pool 0 are the installation's own. A relay is one receiver to us, whatever it
    does behind: its way bears its own number, negative, in place of a pool's, and provider 0.
    """

    account_id: int
    pool_id: int
    provider_id: int


class Exit(NamedTuple):
    """How a broadcast's or a notice's mail leaves; transport 0: the installation's."""

    account_id: int
    transport_id: int
    is_direct: bool
    pool_id: int
    # One address of the pool; empty: all in turn.
    source: str = ""


class Route(NamedTuple):
    """The key of a lane: bulk or `single` messages by one exit to one site.

    `site` names the receiving hosts (see `esp.senders.mx`), or after an `@` a domain whose hosts
    nobody has looked up yet; empty behind a relay.
    """

    exit: Exit
    provider_id: int
    site: str
    single: bool

    @property
    def way(self) -> Way:
        return way_of(self.exit, self.provider_id)


def exit_of(
    account_id: int,
    transport_id: int | None,
    *,
    is_direct: bool,
    pool_id: int | None = None,
    source: str = "",
) -> Exit:
    """Without a transport of its own, mail leaves by the installation's."""
    if not transport_id:
        return Exit(0 if not pool_id else account_id, 0, is_direct, pool_id or 0, source)
    return Exit(account_id, transport_id, is_direct, pool_id or 0, source)


def way_of(leaves: Exit, provider_id: int) -> Way:
    if leaves.is_direct:
        return Way(leaves.account_id, leaves.pool_id, provider_id)
    return Way(leaves.account_id, -leaves.transport_id, 0)


def relay_route(leaves: Exit, *, single: bool = False) -> Route:
    return Route(leaves, 0, "", single)


def direct_route(
    leaves: Exit, provider_id: int, site: str, domain: str, *, single: bool = False
) -> Route:
    """Where `site` is unknown the domain has a lane of its own."""
    return Route(leaves, provider_id, site or f"@{domain}", single)
