"""The shapes of addresses and links that carry a token, and reading the addresses back."""

from __future__ import annotations

import pytest

from esp.delivery.plan import urls
from esp.tokens import MAX_ID, Keyring, recipient_token


def test_the_addresses_of_merge_tags() -> None:
    assert urls.merge_urls("https://m.example", "https://t.example", [0, 7], "tok") == {
        "pixel_url": "https://t.example/o/tok.gif",
        "unsubscribe_url": "https://m.example/u/tok",
        "preferences_url": "https://m.example/p/tok",
        "view_url": "https://m.example/v/tok",
        "click_0": "https://t.example/c/tok/0",
        "click_7": "https://t.example/c/tok/7",
    }


@pytest.mark.parametrize(
    ("local_part", "read"),
    [
        ("b+tok", ("bounce", "tok")),
        ("B+TOK", ("bounce", "tok")),
        ("u+tok", ("unsubscribe", "tok")),
        ("postmaster", None),
        ("b", None),
        ("", None),
    ],
)
@pytest.mark.standard("DSN-07")
def test_local_parts(local_part: str, read: tuple[str, str] | None) -> None:
    assert urls.read_local_part(local_part) == read


@pytest.mark.standard("SMTP-15")
@pytest.mark.standard("DSN-07")
def test_the_longest_return_path_has_a_legal_local_part() -> None:
    token = recipient_token(Keyring((b"k" * 32,)), MAX_ID, MAX_ID, MAX_ID)
    for address in (
        urls.return_path(token, "b.example"),
        urls.unsubscribe_address(token, "b.example"),
    ):
        local_part, _, domain = address.partition("@")
        assert len(local_part) <= 64
        assert domain == "b.example"
        found = urls.read_local_part(local_part)
        assert found is not None
        assert found[1] == token
