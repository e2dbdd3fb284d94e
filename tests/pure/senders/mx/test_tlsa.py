"""Certificates that the DNS itself vouches for."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.senders.mx.tlsa import Tlsa, is_usable, verify
from tests.certificates import NOW, authority, issue

ROOT = authority()
MIDDLE = authority("Middle", ROOT)
OURS = issue("mx.a.example", by=MIDDLE)
OTHER = issue("mx.a.example", by=authority())
NAMES = ("mx.a.example", "a.example")


def record(usage, selector, matching, of):
    data = of.der if selector == 0 else of.spki
    digest = {0: bytes, 1: lambda d: hashlib.sha256(d).digest()}
    digest[2] = lambda d: hashlib.sha512(d).digest()
    return Tlsa(usage, selector, matching, digest[matching](data))


@pytest.mark.standard("TLS-04")
@pytest.mark.parametrize("matching", [0, 1, 2])
@pytest.mark.parametrize("selector", [0, 1])
@pytest.mark.parametrize("usage", [2, 3])
def test_what_a_record_names_is_taken(usage, selector, matching):
    named = OURS if usage == 3 else ROOT
    one = record(usage, selector, matching, named)
    assert verify([one], NAMES, OURS.chain, NOW)
    assert verify([record(3, 1, 1, OTHER), one], NAMES, OURS.chain, NOW)
    assert not verify([one], NAMES, OTHER.chain, NOW)


@pytest.mark.standard("TLS-04")
@pytest.mark.parametrize("usage", [0, 1, 4, 255])
def test_other_usages_are_never_taken(usage):
    one = record(3, 1, 1, OURS)._replace(usage=usage)
    assert not is_usable(one)
    assert not verify([one], NAMES, OURS.chain, NOW)


@pytest.mark.parametrize(
    "bad", [{"selector": 2}, {"matching": 3}, {"data": b""}, {"data": b"short"}]
)
def test_a_record_that_makes_no_sense_is_unusable(bad):
    assert not is_usable(record(3, 1, 1, OURS)._replace(**bad))


@pytest.mark.standard("TLS-04")
def test_usage_3_asks_for_no_name_and_no_date():
    expired = issue("elsewhere.example", days=(-10, -5))
    assert verify([record(3, 1, 1, expired)], NAMES, expired.chain, NOW)


@pytest.mark.parametrize(
    ("chain", "taken"),
    [
        (OURS.chain, True),
        ([OURS.der, MIDDLE.der], False),
        ([OURS.der, ROOT.der], False),
        ([OURS.der, ROOT.der, MIDDLE.der], True),
        (issue("*.a.example", by=MIDDLE).chain, True),
        (issue("a.example", by=MIDDLE).chain, True),
        (issue("mx.b.example", by=MIDDLE).chain, False),
        (issue(by=MIDDLE).chain, False),
        (issue("mx.a.example", by=MIDDLE, days=(-10, -1)).chain, False),
        (issue("mx.a.example", by=MIDDLE, days=(1, 5)).chain, False),
        (issue("mx.a.example", by=issue("a.example", by=ROOT)).chain, False),
        ([], False),
        ([b"rubbish"], False),
    ],
)
def test_usage_2_asks_for_a_chain_a_name_and_dates(chain, taken):
    assert verify([record(2, 0, 1, ROOT)], NAMES, chain, NOW) is taken


def test_a_chain_that_circles_ends():
    assert not verify([record(2, 0, 1, OTHER)], NAMES, OURS.chain * 3, NOW + timedelta(hours=1))


@given(st.lists(st.binary(max_size=60), max_size=3))
def test_any_octets_are_refused_without_harm(chain):
    assert not verify([record(2, 0, 1, ROOT), record(3, 1, 1, OURS)], NAMES, chain, NOW)
