"""Pools: the addresses that an account's mail leaves from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esp.errors import Invalid, NotFound, Refused
from esp.secrets import Cipher
from esp.senders import pools, transports
from esp.senders.pools import PoolSettings, Source
from esp.senders.transports import TransportSettings
from tests.factories import make_account

CIPHER = Cipher(("a key for tests that is long enough",))
OFFERS = PoolSettings("Offers", (Source("192.0.2.10", "mta1.acme.example"), Source("2001:db8::1")))


def test_a_pool_is_kept_with_its_addresses(session, account_id):
    made = pools.add_pool(session, account_id, OFFERS)
    assert pools.sources(session, account_id) == {made: OFFERS.sources}

    pools.change_pool(session, account_id, made, PoolSettings(" News  ", (Source("192.0.2.11"),)))
    session.expire_all()
    assert [one.name for one in pools.pools(session, account_id)] == ["News"]
    assert pools.sources(session, account_id) == {made: (Source("192.0.2.11"),)}


@pytest.mark.parametrize(
    ("text", "sources"),
    [
        ("", ()),
        ("192.0.2.10", (Source("192.0.2.10"),)),
        (" 192.0.2.10  MTA1.Acme.Example. \n\n", (Source("192.0.2.10", "mta1.acme.example"),)),
        ("2001:DB8:0::1\r\n[::1] a.example", (Source("2001:db8::1"), Source("::1", "a.example"))),
    ],
)
def test_addresses_are_read_a_line_each(text, sources):
    assert pools.read_sources(text) == sources
    assert pools.read_sources(pools.written(sources)) == sources


@pytest.mark.parametrize(
    "text", ["here", "192.0.2.256", "192.0.2.1 not_a name", "0.0.0.0", "224.0.0.1", "192.0.2.1 -"]
)
def test_a_line_that_is_wrong_is_named(text):
    with pytest.raises(Invalid, match=r"[Ll]ine %\(line\)s|[Ll]ine 2") as refused:
        pools.read_sources(f"192.0.2.1\n{text}")
    assert refused.value.place == "sources"


@pytest.mark.parametrize(
    ("change", "place"),
    [({"name": " "}, "name"), ({"name": "x" * 81}, "name"), ({"sources": ()}, "sources")],
)
def test_what_is_wrong_is_refused_at_its_field(session, account_id, change, place):
    with pytest.raises(Invalid) as refused:
        pools.add_pool(session, account_id, replace(OFFERS, **change))
    assert refused.value.place == place


def test_a_name_is_taken_once(session, account_id):
    pools.add_pool(session, account_id, OFFERS)
    with pytest.raises(Invalid, match="already") as refused:
        pools.add_pool(session, account_id, OFFERS)
    assert refused.value.place == "name"


def test_a_transport_leaves_from_a_pool_of_the_account(session, account_id):
    made = pools.add_pool(session, account_id, OFFERS)
    direct = TransportSettings("Straight", kind="direct", pool_id=made)
    kept = transports.add_transport(session, account_id, direct, CIPHER, secure=True)
    stored = transports.transport(session, account_id, kept)
    assert (stored.kind, stored.host, stored.pool_id) == ("direct", "", made)
    with pytest.raises(Refused):
        pools.delete_pool(session, account_id, made)
    with pytest.raises(Invalid) as refused:
        transports.add_transport(
            session, account_id, replace(direct, pool_id=made + 1), CIPHER, secure=True
        )
    assert refused.value.place == "pool_id"

    transports.delete_transport(session, account_id, kept)
    assert pools.delete_pool(session, account_id, made) == "Offers"


def test_straight_to_the_receivers_needs_https(session, account_id):
    direct = TransportSettings("Straight", kind="direct")
    with pytest.raises(Invalid, match="ESP_BASE_URL"):
        transports.add_transport(session, account_id, direct, CIPHER, secure=False)


def test_a_broadcast_may_name_a_pool_or_an_address_of_it(session, account_id):
    made = pools.add_pool(session, account_id, OFFERS)
    pools.check_source(session, account_id, made)
    pools.check_source(session, account_id, made, "192.0.2.10")
    for pool_id, address in ((made, "192.0.2.99"), (made + 1, "")):
        with pytest.raises(Invalid):
            pools.check_source(session, account_id, pool_id, address)


def test_a_pool_of_another_account_is_not_there(session, account_id):
    made = pools.add_pool(session, account_id, OFFERS)
    other = make_account(session)
    with pytest.raises(NotFound):
        pools.pool(session, other, made)
    with pytest.raises(Invalid):
        pools.check_source(session, other, made)
