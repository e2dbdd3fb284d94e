"""The table of openssl speed."""

from __future__ import annotations

import pytest

from bench.dkim import signs_per_second


@pytest.mark.parametrize(
    "told",
    [
        "version: 3.0\n                  sign    verify    sign/s verify/s\n"
        "rsa 2048 bits 0.000895s 0.000047s   1116.9  21355.0\n",
        "   sign  verify  encrypt  decrypt  sign/s  verify/s  encr./s  decr./s\n"
        "rsa 2048 bits 0.000895s 0.000047s 0.00005s 0.0009s 1116.9 21355.0 2000.0 1000.0",
    ],
)
def test_the_rate_of_signing_is_found_in_any_version(told):
    assert signs_per_second(told) == 1116.9


def test_another_table_is_refused():
    with pytest.raises(ValueError, match="says"):
        signs_per_second("a\nb\n")
