"""Which hosts follow from what the DNS said."""

from __future__ import annotations

import random

import pytest

from esp.senders.mx.answers import Answer, ascii_domain, exchanges, is_reachable
from esp.senders.mx.destination import Undeliverable, Unresolved

CHANCE = random.Random(7)


def mx(*records):
    return Answer("found", tuple(records))


def names(answer, own=(), domain="a.example"):
    return [(one.rank, one.name) for one in exchanges(domain, answer, own, CHANCE)]


@pytest.mark.standard("SMTP-13")
def test_hosts_come_in_the_order_of_their_preferences():
    answer = mx((20, "b.example"), (5, "c.example"), (10, "d.example"))
    assert names(answer) == [(0, "c.example"), (1, "d.example"), (2, "b.example")]


@pytest.mark.standard("SMTP-13")
def test_equal_preferences_come_in_any_order():
    answer = mx((10, "a.example"), (10, "b.example"), (10, "c.example"), (20, "z.example"))
    orders = {tuple(name for _rank, name in names(answer)) for _ in range(200)}
    assert len(orders) == 6
    assert {order[3] for order in orders} == {"z.example"}


@pytest.mark.standard("SMTP-13")
def test_without_any_mx_the_domain_itself_is_the_host():
    assert names(Answer("empty")) == [(0, "a.example")]


@pytest.mark.parametrize(
    ("answer", "code", "enhanced"),
    [
        pytest.param(Answer("absent"), 550, "5.1.2", marks=pytest.mark.standard("SMTP-13")),
        pytest.param(mx((0, "")), 556, "5.1.10", marks=pytest.mark.standard("SMTP-14")),
        (mx((10, "not a name"), (20, "a..b")), 550, "5.1.2"),
    ],
)
def test_what_is_final(answer, code, enhanced):
    with pytest.raises(Undeliverable) as failure:
        names(answer)
    assert (failure.value.code, failure.value.enhanced) == (code, enhanced)


@pytest.mark.standard("SMTP-13")
def test_no_answer_is_temporary():
    with pytest.raises(Unresolved) as failure:
        names(Answer("failed"))
    assert failure.value.enhanced == "4.4.3"


def test_a_null_mx_beside_others_means_nothing():
    assert names(mx((0, ""), (10, "b.example"))) == [(0, "b.example")]


@pytest.mark.parametrize(
    ("own", "left"),
    [
        ((), ["a.example", "b.example", "c.example", "d.example"]),
        (("b.example",), ["a.example"]),
        (("d.example",), ["a.example", "b.example", "c.example"]),
    ],
)
def test_what_is_as_far_as_ourselves_is_cut(own, left):
    answer = mx((1, "a.example"), (2, "b.example"), (2, "c.example"), (3, "d.example"))
    assert sorted(name for _rank, name in names(answer, own)) == left


def test_mail_that_would_come_back_to_us_is_final():
    with pytest.raises(Undeliverable) as failure:
        names(mx((1, "a.example")), own=("a.example",))
    assert failure.value.enhanced == "5.4.6"


def test_a_zone_of_thousands_of_hosts_is_cut():
    assert len(names(mx(*((n, f"h{n}.example") for n in range(1000))))) == 10


@pytest.mark.standard("EAI-02")
@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("Bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("A.EXAMPLE.", "a.example"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
    ],
)
def test_the_dns_is_asked_for_a_labels(written, asked):
    assert ascii_domain(written) == asked


@pytest.mark.parametrize("written", ["", "a b.example", "a..example", "x" * 64 + ".example", "a\n"])
def test_what_is_no_name_is_final(written):
    with pytest.raises(Undeliverable):
        ascii_domain(written)


@pytest.mark.parametrize(
    ("address", "for_good", "in_a_trial"),
    [
        ("192.0.2.1", True, True),
        ("10.0.0.1", True, True),
        ("2001:db8::1", True, True),
        ("127.0.0.1", False, True),
        ("::1", False, True),
        ("0.0.0.0", False, False),
        ("169.254.169.254", False, False),
        ("224.0.0.1", False, False),
    ],
)
def test_where_a_strangers_dns_may_send_us(address, for_good, in_a_trial):
    assert is_reachable(address, trial=False) is for_good
    assert is_reachable(address, trial=True) is in_a_trial
