"""What a domain's MTA-STS record and policy say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.senders.mx.sts import LONGEST_AGE, Policy, parse, policy_id, takes


@pytest.mark.standard("TLS-02")
@pytest.mark.parametrize(
    ("texts", "found"),
    [
        ([b"v=STSv1; id=20260101T000000;"], "20260101T000000"),
        ([b"v=STSv1;id=a1"], "a1"),
        ([b"v=STSv1; new=x; id=a1"], "a1"),
        ([b"v=spf1 -all", b"v=STSv1; id=a1"], "a1"),
        ([b"v=STSv1; id=a1", b"v=STSv1; id=a2"], None),
        ([b"v=STSv1"], None),
        ([b"v=STSv1; id=not good"], None),
        ([b"v=STSv1; id=" + b"x" * 33], None),
        ([b"v=STSv10; id=a1"], None),
        ([b"\xff\xfe"], None),
        ([], None),
    ],
)
def test_the_record(texts, found):
    assert policy_id(texts) == found


def body(mode="enforce", age="86400", mx=("mx.a.example",), version="STSv1"):
    lines = [f"version: {version}", f"mode: {mode}", *(f"mx: {one}" for one in mx)]
    return "\r\n".join([*lines, f"max_age: {age}"]).encode()


@pytest.mark.standard("TLS-02")
@pytest.mark.parametrize(
    ("octets", "policy"),
    [
        (body(), Policy("enforce", ("mx.a.example",), 86400)),
        (body("testing", mx=("*.A.example",)), Policy("testing", ("*.a.example",), 86400)),
        (body("none", mx=()), Policy("none", (), 86400)),
        (body(age="9999999999"), Policy("enforce", ("mx.a.example",), LONGEST_AGE)),
        (body() + b"\nmode: none\nnew: thing", Policy("enforce", ("mx.a.example",), 86400)),
        (body(mx=()), None),
        (body(mx=("a b",)), None),
        (body(mx=("*.*.example",)), None),
        (body("strict"), None),
        (body(version="STSv2"), None),
        (body(age="-1"), None),
        (body(age=""), None),
        (body(mx=("a.example",) * 101), None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_the_policy(octets, policy):
    assert parse(octets) == policy


@given(st.binary(max_size=400))
def test_any_octets_are_read_without_harm(octets):
    parse(octets)
    policy_id([octets])


@pytest.mark.standard("TLS-03")
@pytest.mark.parametrize(
    ("pattern", "host", "taken"),
    [
        ("mx.a.example", "mx.a.example", True),
        ("mx.a.example", "mx2.a.example", False),
        ("*.a.example", "mx.a.example", True),
        ("*.a.example", "a.example", False),
        ("*.a.example", "mx.eu.a.example", False),
        ("*.a.example", "mxa.example", False),
    ],
)
def test_which_hosts_a_policy_takes(pattern, host, taken):
    assert takes(Policy("enforce", (pattern,), 1), host) is taken
