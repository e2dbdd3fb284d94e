"""DMARC: which record holds for a domain, and what vouches for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.senders import dmarc
from tests.pure.senders.zone import SILENT, asking

NONE = ("v=DMARC1; p=none",)


def policies(**records: str | tuple[str, ...]):
    """`co__acme="…"` is the record of acme.co."""
    zone = {}
    for name, text in records.items():
        domain = ".".join(reversed(name.split("__")))
        if text == SILENT:
            zone[f"_dmarc.{domain}"] = SILENT
        else:
            zone[f"_dmarc.{domain}"] = {"TXT": (text,) if isinstance(text, str) else text}
    return zone


@pytest.mark.standard("DMARC-03")
@pytest.mark.parametrize(
    ("text", "p"),
    [
        ("v=DMARC1; p=none", "none"),
        ("v=DMARC1;p=reject;rua=mailto:d@acme.example", "reject"),
        ("v=DMARC1; P=Quarantine ; pct=20; rf=afrf; ri=3600; t=y; np=reject; new=1", "quarantine"),
        ("v = DMARC1 ; adkim=s", "none"),
        ("v=DMARC1; p=maybe", ""),
        ("v=DMARC1; nonsense; p=reject", "reject"),
        ("v=DMARC1; p=none; p=reject", "none"),
    ],
)
def test_a_record_is_read_leniently(text: str, p: str):
    found = dmarc.parse(text)

    assert found is not None
    assert found.p == p


@pytest.mark.parametrize(
    "text", ["", "p=none; v=DMARC1", "v=DMARC2; p=none", "v=spf1 -all", "v=dmarc1"]
)
def test_what_is_no_record(text: str):
    assert dmarc.parse(text) is None


@pytest.mark.standard("DMARC-03")
@pytest.mark.parametrize(
    ("domain", "asked"),
    [
        ("acme.example", ["acme.example", "example"]),
        (
            "a.b.c.d.e.f.g",
            ["a.b.c.d.e.f.g", "b.c.d.e.f.g", "c.d.e.f.g", "d.e.f.g", "e.f.g", "f.g", "g"],
        ),
        (
            "1.2.3.4.5.6.7.8.9.10",
            [
                "1.2.3.4.5.6.7.8.9.10",
                *(
                    "4.5.6.7.8.9.10",
                    "5.6.7.8.9.10",
                    "6.7.8.9.10",
                    "7.8.9.10",
                    "8.9.10",
                    "9.10",
                    "10",
                ),
            ],
        ),
    ],
)
def test_the_walk_goes_up_in_at_most_eight_steps(domain: str, asked: list[str]):
    assert list(dmarc.names(domain)) == asked


@given(st.lists(st.from_regex(r"[a-z]{1,5}", fullmatch=True), min_size=1, max_size=40))
def test_no_domain_takes_more_than_eight_questions(labels: list[str]):
    names: list[str] = []

    dmarc.find(".".join(labels), asking({}, names))

    assert len(names) <= dmarc.MOST_QUERIES


@pytest.mark.standard("DMARC-03")
@pytest.mark.parametrize(
    ("zone", "organisation"),
    [
        # No record anywhere: the domain itself.
        ({}, "mail.news.acme.example"),
        # The highest record names it.
        (policies(example__acme="v=DMARC1; p=none"), "acme.example"),
        (
            policies(example__acme="v=DMARC1; p=none", example__acme__news="v=DMARC1; p=reject"),
            "acme.example",
        ),
        # psd=n says: I am one.
        (
            policies(example__acme="v=DMARC1", example__acme__news="v=DMARC1; psd=n"),
            "news.acme.example",
        ),
        # psd=y says: those right below me are.
        (policies(example="v=DMARC1; psd=y"), "acme.example"),
        (policies(example__acme="v=DMARC1; psd=y; p=none"), "news.acme.example"),
        # Of two records none counts.
        (
            policies(example__acme=("v=DMARC1; p=none", "v=DMARC1; p=reject")),
            "mail.news.acme.example",
        ),
    ],
)
def test_the_organisation_is_found_by_the_walk(zone, organisation: str):
    assert dmarc.organisational("mail.news.acme.example", asking(zone)) == organisation


@pytest.mark.standard("DMARC-03")
@pytest.mark.parametrize(
    ("author", "other", "strict", "aligned"),
    [
        ("acme.example", "acme.example", True, True),
        ("acme.example", "bounces.acme.example", False, True),
        ("acme.example", "bounces.acme.example", True, False),
        ("shop.acme.example", "bounces.acme.example", False, True),
        ("acme.example", "other.example", False, False),
        # Two customers of one public suffix are strangers.
        ("one.host.example", "two.host.example", False, False),
        ("away.example", "acme.example", False, None),
    ],
)
def test_alignment(author: str, other: str, strict: bool, aligned: bool | None):
    zone = policies(
        example__acme="v=DMARC1; p=none",
        example__host="v=DMARC1; psd=y",
        example__away=SILENT,
    )

    assert dmarc.aligned(author, other, asking(zone), strict=strict) is aligned


@pytest.mark.standard("DMARC-04")
@pytest.mark.parametrize(
    ("zone", "at", "p"),
    [
        (policies(example__acme__news="v=DMARC1; p=reject"), "news.acme.example", "reject"),
        (policies(example__acme="v=DMARC1; p=quarantine"), "acme.example", "quarantine"),
        (policies(example="v=DMARC1; psd=y; p=none"), "example", "none"),
        ({}, "", None),
    ],
)
def test_the_policy_that_holds(zone, at: str, p: str | None):
    found = dmarc.find("news.acme.example", asking(zone))

    assert (found.at, found.policy.p if found.policy else None) == (at, p)


def test_two_records_are_an_error_and_silence_is_none():
    two = policies(example__acme=("v=DMARC1; p=none", "v=DMARC1; p=reject"))
    assert dmarc.find("acme.example", asking(two)).several
    for zone in (policies(example__acme=SILENT), policies(example=SILENT)):
        assert dmarc.find("acme.example", asking(zone)).failed
