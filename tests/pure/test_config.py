"""What the settings take and refuse."""

from __future__ import annotations

import pytest

from esp.config import is_loopback


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
