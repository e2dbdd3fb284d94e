"""Replies that say the same have the same words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esp.delivery.pacing.wording import LONGEST, essence


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (
            "5.1.1 The account that you tried to reach does not exist. d9443c01a7336-21sm - gsmtp",
            "5.1.1 The account that you tried to reach does not exist. … - gsmtp",
        ),
        (
            "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume",
            "4.7.0 [TSS04] Messages from … temporarily deferred due to unexpected volume",
        ),
        (
            "4.7.650 The mail server [192.0.2.1] has been temporarily rate limited (S775)",
            "4.7.650 The mail server […] has been temporarily rate limited (S775)",
        ),
        ("<ana@example.net>: User unknown", "<…>: User unknown"),
        ("try again in 300 seconds", "try again in … seconds"),
        ("from [2001:db8::1]: RFC 5321", "from […]: RFC 5321"),
        ("unresolvable RFC.5321 from domain", "unresolvable RFC.5321 from domain"),
        ("", ""),
    ],
)
def test_what_is_left_out(reply, words):
    assert essence(reply) == words


@given(st.text(max_size=1000))
def test_any_text_is_cut(reply):
    assert len(essence(reply)) <= LONGEST


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_equal_but_for_a_number(one, other):
    assert essence(f"queued as {one}.") == essence(f"queued as {other}.")
