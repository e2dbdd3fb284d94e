"""How a sending process follows the keys of the domains it sends for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from esp.delivery.sender import signers
from esp.delivery.sender.signers import Signers
from esp.errors import Invalid
from esp.secrets import Cipher
from esp.senders import dkim_keys
from esp.senders.key_states import SETTLING
from esp.senders.models import SendingDomain
from tests.signatures import signatures

CIPHER = Cipher(("a key for tests that is long enough",))
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
MESSAGE = b"From: a@acme.example\r\n\r\nHello\r\n"


class Keys:
    def __init__(self, session, account_id) -> None:
        self.session, self.account_id = session, account_id
        self.domain_id = session.scalar(
            insert(SendingDomain)
            .values(account_id=account_id, name="acme.example")
            .returning(SendingDomain.id)
        )

    def rotate(self, now: datetime) -> str:
        (key,) = dkim_keys.rotate(self.session, self.account_id, self.domain_id, CIPHER, now)
        dkim_keys.mark_seen(self.session, self.account_id, key.id, now)
        dkim_keys.advance(self.session, self.account_id, now + SETTLING)
        return key.selector


@pytest.fixture
def keys(session, account_id) -> Keys:
    return Keys(session, account_id)


def selector(seal) -> str:
    return signatures(seal.signer.sign(MESSAGE, NOW))[0]["s"]


@pytest.mark.standard("DKIM-08")
def test_a_message_in_hand_follows_the_keys_soon(session, account_id, keys):
    ours = Signers(CIPHER)
    seal = ours.of(session, account_id, "acme.example")
    assert seal.signer is None
    for day in range(3):
        named = keys.rotate(NOW + timedelta(days=day))
        before = seal.signer
        ours.look_again(session, account_id)
        assert seal.signer is before
        seal.until = 0.0
        ours.look_again(session, account_id)
        assert selector(seal) == named
    assert signers._FRESH_SECONDS <= 60


def test_keys_that_stay_are_loaded_once(session, account_id, keys):
    keys.rotate(NOW)
    ours = Signers(CIPHER)
    seal = ours.of(session, account_id, "acme.example")
    first, seal.until = seal.signer, 0.0
    assert ours.of(session, account_id, "acme.example") is seal
    assert seal.signer is first


def test_a_key_that_cannot_be_read_stops_what_begins_and_not_what_runs(session, account_id, keys):
    keys.rotate(NOW)
    ours = Signers(CIPHER)
    seal = ours.of(session, account_id, "acme.example")
    session.execute(text("UPDATE dkim_keys SET private_key = 'of another installation'"))
    running, seal.until = seal.signer, 0.0
    ours.look_again(session, account_id)
    assert seal.signer is running
    with pytest.raises(Invalid):
        ours.of(session, account_id, "acme.example")
