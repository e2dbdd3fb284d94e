"""The life of a domain's DKIM keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from esp.db import enter_account
from esp.errors import Invalid, NotFound, Refused
from esp.secrets import Cipher
from esp.senders import dkim_keys
from esp.senders.key_states import OVERLAP, SETTLING
from esp.senders.models import SendingDomain
from tests.factories import make_account

CIPHER = Cipher(("a key for tests that is long enough",))
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def make_domain(session, account_id, name="acme.example") -> int:
    return session.scalar(
        insert(SendingDomain).values(account_id=account_id, name=name).returning(SendingDomain.id)
    )


def make_key(session, account_id, domain_id, algorithm="rsa", now=NOW):
    return dkim_keys.create_key(session, account_id, domain_id, algorithm, CIPHER, now)


def seen(session, account_id, key, now=NOW) -> None:
    dkim_keys.mark_seen(session, account_id, key.id, now)


def states(session, account_id, domain_id) -> dict[str, str]:
    return {key.selector: key.state for key in dkim_keys.keys_of(session, account_id, domain_id)}


def selectors(session, account_id, domain="acme.example") -> list[tuple[str, str]]:
    found = dkim_keys.signing_keys(session, account_id, domain, CIPHER)
    return [(key.domain, key.selector) for key in found]


@pytest.fixture
def domain_id(session, account_id) -> int:
    return make_domain(session, account_id)


@pytest.mark.standard("DKIM-01")
def test_a_key_is_rsa_2048_and_encrypted_at_rest(session, account_id, domain_id):
    key = make_key(session, account_id, domain_id)
    assert (key.algorithm, key.state, key.selector) == ("rsa", "waiting", "s20261122")
    stored = session.scalar(text("SELECT private_key FROM dkim_keys"))
    assert CIPHER.decrypt(stored) != stored
    assert dkim_keys.is_whole(key, CIPHER)
    seen(session, account_id, key)
    (signing,) = dkim_keys.signing_keys(session, account_id, "acme.example", CIPHER)
    assert dkim_keys.load("rsa", signing.private_key).key_size == 2048
    assert signing.private_key not in stored.encode()


@pytest.mark.standard("DKIM-08")
def test_a_key_signs_only_once_its_record_was_seen(session, account_id, domain_id):
    key = make_key(session, account_id, domain_id)
    assert selectors(session, account_id) == []
    dkim_keys.advance(session, account_id, NOW + timedelta(days=30))
    assert selectors(session, account_id) == []
    seen(session, account_id, key)
    assert selectors(session, account_id) == [("acme.example", "s20261122")]


@pytest.mark.standard("DKIM-08")
def test_the_old_key_signs_until_the_new_one_settled_and_stays_published_a_week(
    session, account_id, domain_id
):
    seen(session, account_id, make_key(session, account_id, domain_id))
    later = NOW + timedelta(days=90)
    (new,) = dkim_keys.rotate(session, account_id, domain_id, CIPHER, later)
    seen(session, account_id, new, later)
    assert selectors(session, account_id) == [("acme.example", "s20261122")]

    taken_over = later + SETTLING
    dkim_keys.advance(session, account_id, taken_over - timedelta(seconds=1))
    assert selectors(session, account_id) == [("acme.example", "s20261122")]
    dkim_keys.advance(session, account_id, taken_over)
    assert selectors(session, account_id) == [("acme.example", "s20270220")]
    assert states(session, account_id, domain_id)["s20261122"] == "leaving"

    dkim_keys.advance(session, account_id, taken_over + OVERLAP - timedelta(seconds=1))
    assert states(session, account_id, domain_id)["s20261122"] == "leaving"
    dkim_keys.advance(session, account_id, taken_over + OVERLAP)
    assert states(session, account_id, domain_id) == {
        "s20261122": "retired",
        "s20270220": "active",
    }
    assert timedelta(days=7) <= OVERLAP
    kept = session.scalar(text("SELECT private_key FROM dkim_keys WHERE state = 'retired'"))
    assert kept == ""


def test_a_record_that_is_gone_again_has_to_be_seen_anew(session, account_id, domain_id):
    seen(session, account_id, make_key(session, account_id, domain_id))
    (new,) = dkim_keys.rotate(session, account_id, domain_id, CIPHER, NOW)
    seen(session, account_id, new)
    dkim_keys.mark_missing(session, account_id, new.id)
    dkim_keys.advance(session, account_id, NOW + SETTLING)
    assert states(session, account_id, domain_id)["s20261122-2"] == "waiting"


def test_a_waiting_key_is_not_made_twice(session, account_id, domain_id):
    seen(session, account_id, make_key(session, account_id, domain_id))
    assert len(dkim_keys.rotate(session, account_id, domain_id, CIPHER, NOW)) == 1
    assert dkim_keys.rotate(session, account_id, domain_id, CIPHER, NOW) == []
    with pytest.raises(Refused):
        make_key(session, account_id, domain_id)


@pytest.mark.standard("DKIM-04")
def test_ed25519_signs_only_beside_rsa(session, account_id, domain_id):
    with pytest.raises(Refused, match="RSA"):
        make_key(session, account_id, domain_id, "ed25519")
    first = make_key(session, account_id, domain_id)
    second = make_key(session, account_id, domain_id, "ed25519")
    seen(session, account_id, second)
    assert selectors(session, account_id) == []
    seen(session, account_id, first)
    assert selectors(session, account_id) == [
        ("acme.example", "s20261122"),
        ("acme.example", "e20261122"),
    ]
    rotated = dkim_keys.rotate(session, account_id, domain_id, CIPHER, NOW)
    assert sorted(key.algorithm for key in rotated) == ["ed25519", "rsa"]


def test_keys_are_those_of_the_nearest_domain_that_has_some(session, account_id, domain_id):
    below = make_domain(session, account_id, "news.acme.example")
    make_domain(session, account_id, "example")
    seen(session, account_id, make_key(session, account_id, domain_id))
    for name in ("acme.example", "ACME.example.", "news.acme.example", "a.b.acme.example"):
        assert selectors(session, account_id, name) == [("acme.example", "s20261122")], name
    for name in ("example", "notacme.example", "acme.example.evil.example", ""):
        assert selectors(session, account_id, name) == [], name
    seen(session, account_id, make_key(session, account_id, below))
    assert selectors(session, account_id, "x.news.acme.example")[0][0] == "news.acme.example"
    assert selectors(session, account_id)[0][0] == "acme.example"


@pytest.mark.standard("DKIM-09")
def test_what_dns_is_compared_with_belongs_to_the_private_key(session, account_id, domain_id):
    key = make_key(session, account_id, domain_id)
    assert dkim_keys.is_whole(key, CIPHER)
    assert not dkim_keys.is_whole(key, Cipher(("another key that is long enough",)))


def test_what_is_not_there_is_not_found(session, account_id, domain_id):
    with pytest.raises(NotFound):
        make_key(session, account_id, domain_id + 1)
    with pytest.raises(NotFound):
        dkim_keys.mark_seen(session, account_id, 1, NOW)
    with pytest.raises(Invalid):
        make_key(session, account_id, domain_id, "dsa")
    key = make_key(session, account_id, domain_id)
    seen(session, account_id, key)
    stranger = make_account(session)
    enter_account(session, stranger)
    assert dkim_keys.signing_keys(session, stranger, "acme.example", CIPHER) == ()
    with pytest.raises(NotFound):
        dkim_keys.key_of(session, stranger, key.id)


@pytest.mark.parametrize(
    ("after", "due"),
    [
        (SETTLING - timedelta(seconds=1), False),
        (SETTLING, True),
    ],
)
def test_the_ticker_finds_who_has_keys_to_move(session, account_id, domain_id, after, due):
    def found(moment):
        rows = text("SELECT accounts_with_due('domains', :moment)")
        return list(session.scalars(rows, {"moment": moment})) == [account_id]

    session.execute(text("UPDATE sending_domains SET next_check_at = '3000-01-01'"))
    seen(session, account_id, make_key(session, account_id, domain_id))
    assert not found(NOW + timedelta(days=300))
    (new,) = dkim_keys.rotate(session, account_id, domain_id, CIPHER, NOW)
    seen(session, account_id, new)
    assert found(NOW + after) is due
    dkim_keys.advance(session, account_id, NOW + SETTLING)
    assert not found(NOW + SETTLING + OVERLAP - timedelta(seconds=1))
    assert found(NOW + SETTLING + OVERLAP)
