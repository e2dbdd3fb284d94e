"""The servers an account's mail leaves by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esp.errors import Invalid, NotFound
from esp.secrets import Cipher
from esp.senders import transports
from esp.senders.transports import TransportSettings
from tests.factories import make_account

CIPHER = Cipher(("a key for tests that is long enough",))
REAL = TransportSettings("Relay", "SMTP.Acme.example.", 587, username="acme", password="secret")


def add(session, account_id, settings=REAL, secure=True) -> int:
    return transports.add_transport(session, account_id, settings, CIPHER, secure=secure)


def test_a_server_is_kept_with_its_password_encrypted(session, account_id):
    kept = transports.transport(session, account_id, add(session, account_id))
    assert (kept.host, kept.port, kept.tls) == ("smtp.acme.example", 587, "required")
    assert "secret" not in kept.password
    assert CIPHER.decrypt(kept.password) == "secret"


def test_a_real_server_needs_https(session, account_id):
    with pytest.raises(Invalid, match="ESP_BASE_URL") as refused:
        add(session, account_id, secure=False)
    assert refused.value.place == "host"
    for host in ("localhost", "127.0.0.1", "[::1]"):
        add(session, account_id, TransportSettings("Sink", host, 2525, tls="none"), secure=False)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"host": ""}, "host"),
        ({"host": "smtp acme"}, "host"),
        ({"host": "smtp.acme.example/x"}, "host"),
        ({"port": 0}, "port"),
        ({"port": 65536}, "port"),
        ({"tls": "maybe"}, "tls"),
        ({"tls": "none"}, "tls"),
        ({"tls": "starttls"}, "tls"),
        ({"username": ""}, "username"),
        ({"username": "a\r\nb"}, "username"),
        ({"max_connections": 0}, "max_connections"),
        ({"name": "x" * 81}, "name"),
    ],
)
def test_what_is_wrong_is_refused_at_its_field(session, account_id, change, place):
    with pytest.raises(Invalid) as refused:
        add(session, account_id, replace(REAL, **change))
    assert refused.value.place == place


def test_one_server_is_the_default(session, account_id):
    assert transports.default_transport(session, account_id) is None
    first = add(session, account_id)
    second = add(session, account_id, replace(REAL, name="Other"))
    session.expire_all()
    assert transports.default_transport(session, account_id).id == second
    transports.make_default(session, account_id, first)
    session.expire_all()
    assert [t.id for t in transports.transports(session, account_id)] == [first, second]
    assert transports.delete_transport(session, account_id, first) == "Relay"
    assert transports.default_transport(session, account_id) is None


def test_a_stored_password_goes_to_no_other_server(session, account_id):
    kept = add(session, account_id)
    same = replace(REAL, password=None, port=465, tls="tls")
    transports.change_transport(session, account_id, kept, same, CIPHER, secure=True)
    session.expire_all()
    assert CIPHER.decrypt(transports.transport(session, account_id, kept).password) == "secret"
    for change in ({"host": "evil.example"}, {"username": "other"}):
        with pytest.raises(Invalid) as refused:
            transports.change_transport(
                session, account_id, kept, replace(same, **change), CIPHER, secure=True
            )
        assert refused.value.place == "password"


def test_another_accounts_server_is_not_there(session, account_id):
    kept = add(session, account_id)
    other = make_account(session)
    with pytest.raises(NotFound):
        transports.transport(session, other, kept)
    with pytest.raises(NotFound):
        transports.delete_transport(session, other, kept)
    with pytest.raises(NotFound):
        transports.make_default(session, other, kept)
