"""(pure) How the connections to a provider are divided among the processes that want some."""

from __future__ import annotations

from collections.abc import Mapping

# When there are fewer connections than processes, they go round so often (seconds).
TURN = 30.0


def fair(limit: int, owners: list[str], owner: str, now: float) -> int:
    """The part of `owner` when all `owners` keep to theirs; a whole number that goes round."""
    count = len(owners)
    whole, rest = divmod(limit, count)
    place = sorted(owners).index(owner)
    # Only where somebody has none at all do they take turns: a turn costs new connections.
    turn = int(now / TURN) if not whole else 0
    return whole + (1 if (place + turn) % count < rest else 0)


def allot(limit: int, held: Mapping[str, int], owner: str, now: float) -> int:
    """How many connections `owner` may have, where living owners hold `held`.

    Never more than what the others leave; at first that is less than the fair part, until they
    have closed theirs. Whoever has more open than this holds what is open until it is closed.
    """
    others = {name: number for name, number in held.items() if name != owner}
    left = max(0, limit - sum(others.values()))
    return min(fair(limit, [*others, owner], owner, now), left)
