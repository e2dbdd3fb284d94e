"""What the sending bench refuses to measure."""

from __future__ import annotations

import pytest

from bench.receivers import Taken
from bench.send import differences


def taken(*numbers: int) -> list[Taken]:
    return [
        Taken(0.0, f"person{n}@example.net", f"<{n}@example.com>", 20_000, 0.0) for n in numbers
    ]


@pytest.mark.parametrize(
    ("states", "record", "found"),
    [
        ({"sent": 2}, taken(1, 2), []),
        ({"sent": 2}, None, []),
        ({"sent": 1, "deferred": 1}, None, ["the ledger says {'sent': 1, 'deferred': 1} of 2"]),
        ({"sent": 2}, taken(1), ["the receiver took 1 of 2"]),
        ({"sent": 2}, taken(1, 1), ["1 messages came twice"]),
        ({"sent": 2}, taken(1, 2, 2), ["the receiver took 3 of 2", "1 messages came twice"]),
    ],
)
def test_missing_and_double_copies_are_told(states, record, found):
    told = differences(states, 2, record)
    assert len(told) == len(found)
    assert all(words.startswith(beginning) for words, beginning in zip(told, found, strict=True))
