"""Sites: domains whose mail may share connections."""

from __future__ import annotations

import itertools

import pytest

from esp.senders.mx.destination import Demand, Host, site_of
from esp.senders.mx.tlsa import Tlsa

ONE, TWO, FAR = Host("a.example", 25, 0), Host("b.example", 25, 0), Host("c.example", 25, 1)


def test_a_site_is_the_same_however_equal_hosts_are_shuffled():
    assert len({site_of((*pair, FAR)) for pair in itertools.permutations((ONE, TWO))}) == 1
    assert site_of((ONE, TWO)).startswith("a.example#")


def test_addresses_make_no_difference():
    assert site_of((Host("a.example", 25, 0, ("192.0.2.1",)),)) == site_of((ONE,))


@pytest.mark.parametrize(
    "other",
    [
        (ONE,),
        (ONE, TWO),
        (ONE, Host("b.example", 25, 1)),
        (ONE, FAR),
        (Host("a.example", 2525, 0),),
        (Host("a.example", 25, 0, demand=Demand("sts")),),
        (Host("a.example", 25, 0, demand=Demand("dane")),),
        (Host("a.example", 25, 0, demand=Demand("dane", (Tlsa(3, 1, 1, b"x"),))),),
        (Host("a.example", 25, 0, demand=Demand("dane", (Tlsa(3, 1, 1, b"y"),))),),
        (Host("a.example", 25, 0, demand=Demand("dane", (Tlsa(3, 1, 1, b"y"),), ("d.example",))),),
    ],
)
def test_whatever_else_differs_makes_another_site(other):
    sites = [site_of((ONE, TWO, FAR)), site_of(other)]
    assert len(set(sites)) == 2
