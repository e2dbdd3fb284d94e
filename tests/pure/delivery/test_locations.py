"""Where a click may lead."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.locations import location, needs_person

ANA = {"contact": {"first_name": "Ana", "email": "ana@b.example", "evil": "//evil.example/"}}


@pytest.mark.standard("TRK-01")
@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://acme.example/", "https://acme.example/"),
        ("HTTPS://acme.example", "https://acme.example"),
        ("http://acme.example:8080/a?b=1&c=%20d#e", "http://acme.example:8080/a?b=1&c=%20d#e"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https://acme.example/a b", "https://acme.example/a%20b"),
        ("https://acme.example/é?q=ü", "https://acme.example/%C3%A9?q=%C3%BC"),
        ("https://bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://acme.example/100%", "https://acme.example/100%25"),
        (
            "https://acme.example/\r\nSet-Cookie: a=b",
            "https://acme.example/%0D%0ASet-Cookie:%20a=b",
        ),
        ("https://acme.example/?u=https://x.example", "https://acme.example/?u=https://x.example"),
        ("https://acme.example@evil.example/", None),
        ("https://acme.example\\@evil.example/", None),
        ("https://acme.example:x/", None),
        ("https:///path", None),
        ("javascript:alert(1)", None),
        ("ftp://acme.example/", None),
        ("mailto:a@b.example", None),
        ("//acme.example/", None),
        ("/path", None),
        ("", None),
    ],
)
def test_plain_targets(target, expected):
    assert location(target) == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("https://acme.example/{{ contact.first_name }}", "https://acme.example/Ana"),
        ("https://acme.example/?e={{ contact.email }}", "https://acme.example/?e=ana@b.example"),
        ("https://acme.example?n={{ contact.nothing | default: 'x' }}", "https://acme.example?n=x"),
        ("https://acme.example{{ contact.evil }}", None),
        ("https://{{ contact.first_name }}.example/", None),
        ("{{ contact.evil }}", None),
        ("https://acme.example/{% if %}", None),
    ],
)
def test_targets_filled_for_a_person(target, expected):
    assert needs_person(target)
    assert location(target, ANA) == expected


def test_without_the_person_a_target_with_merge_tags_is_none():
    assert location("https://acme.example/{{ contact.first_name }}") is None


@pytest.mark.standard("TRK-01")
@given(st.text(max_size=60), st.sampled_from(["/{}", "?q={}", "/a/{}/b", "#{}"]))
def test_no_value_leads_to_another_host_or_into_a_header(value, place):
    target = "https://acme.example" + place.replace("{}", "{{ contact.x }}")
    found = location(target, {"contact": {"x": value}})
    assert found is not None
    assert urlsplit(found).netloc == "acme.example"
    assert re.fullmatch(r"[!-~]+", found)


@given(st.text(max_size=80))
def test_whatever_is_written_the_answer_is_a_web_address_or_none(target):
    found = location(target)
    assert found is None or re.fullmatch(r"https?://[!-~]+", found)
