"""What the settings take and refuse."""

from __future__ import annotations

import pytest

from esp.config import is_loopback, load, nameserver
from esp.errors import SettingError


@pytest.mark.parametrize(
    ("host", "stays"),
    [
        ("localhost", True),
        ("sink.localhost", True),
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("127.0.0.1.example.com", False),
        ("127.example.com", False),
        ("10.0.0.1", False),
        ("smtp.example.com", False),
        ("", False),
    ],
)
def test_which_hosts_stay_on_this_machine(host, stays):
    assert is_loopback(host) is stays


@pytest.mark.parametrize(
    ("value", "nameservers"),
    [
        ("", []),
        ("192.0.2.1", [("192.0.2.1", 53)]),
        ("192.0.2.1:5353, ::1", [("192.0.2.1", 5353), ("::1", 53)]),
        ("[2001:db8::1]:5353", [("2001:db8::1", 5353)]),
    ],
)
def test_nameservers(value, nameservers):
    assert [nameserver(word) for word in load({"ESP_DNS": value}).dns] == nameservers


@pytest.mark.parametrize("value", ["dns.example", "192.0.2.1:0", "192.0.2.1:65536", "1.2.3", ":53"])
def test_a_nameserver_is_an_address(value):
    with pytest.raises(SettingError, match="ESP_DNS is wrong"):
        load({"ESP_DNS": value})
