"""The DNS record of a DKIM key."""

from __future__ import annotations

import base64
import itertools

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from esp.errors import Invalid
from esp.senders import key_states
from esp.senders.dkim_records import load, public_part, record, tells

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED25519 = Ed25519PrivateKey.generate()
P = public_part(RSA)


def der(key) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.standard("DKIM-09")
def test_a_long_record_is_shown_split_in_strings():
    shown = record("s20261122", "acme.example", "rsa", P)
    assert shown.name == "s20261122._domainkey.acme.example"
    assert shown.value == f"v=DKIM1; k=rsa; p={P}"
    assert [len(piece) <= 255 for piece in shown.strings] == [True, True]
    assert "".join(shown.strings) == shown.value
    assert tells(["".join(shown.strings)], "rsa", P)


@pytest.mark.standard("DKIM-04")
def test_the_record_of_ed25519_holds_32_raw_octets():
    shown = record("e20261122", "acme.example", "ed25519", public_part(ED25519))
    assert shown.value.startswith("v=DKIM1; k=ed25519; p=")
    assert len(base64.b64decode(shown.value.partition("p=")[2])) == 32
    assert shown.strings == (shown.value,)


@pytest.mark.parametrize(
    ("values", "is_it"),
    [
        ([f"v=DKIM1; k=rsa; p={P}"], True),
        ([f"p={P}"], True),
        ([f"v=DKIM1;p={P};"], True),
        ([f"v=DKIM1; h=sha1:sha256; s=email; t=y; p={P[:100]} {P[100:]}"], True),
        ([f"v=DKIM1; k=rsa; n=a note; p={P}", f"p={P}"], True),
        ([], False),
        ([""], False),
        (["v=spf1 -all"], False),
        ([f"v=DKIM1; k=rsa; p={P}", "v=DKIM1; p="], False),
        (["v=DKIM1; k=rsa; p="], False),
        (["v=DKIM1; k=rsa; p=???"], False),
        ([f"v=DKIM1; k=rsa; p={P[:255]}"], False),
        ([f"v=DKIM2; p={P}"], False),
        ([f"k=rsa; v=DKIM1; p={P}"], False),
        ([f"v=DKIM1; k=ed25519; p={P}"], False),
        ([f"v=DKIM1; h=sha1; p={P}"], False),
        ([f"v=DKIM1; s=other; p={P}"], False),
        ([f"v=DKIM1; p={P}; p={P}"], False),
        ([f"v=DKIM1; p={P}é"], False),
    ],
)
def test_only_a_record_that_verifiers_take_is_the_key(values, is_it):
    assert tells(values, "rsa", P) is is_it


@pytest.mark.standard("DKIM-01")
def test_a_weak_or_other_key_does_not_sign():
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    assert load("rsa", der(weak)).key_size == 1024
    for algorithm, bad in (("rsa", der(ED25519)), ("ed25519", der(RSA)), ("rsa", b"no key")):
        with pytest.raises(Invalid):
            load(algorithm, bad)


def test_states_move_forward_only():
    order = ("waiting", "active", "leaving", "retired")
    allowed = {(old, new) for old in order for new in order if key_states.may_move(old, new)}
    assert allowed == set(itertools.pairwise(order))
