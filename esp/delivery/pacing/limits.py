"""(pure) How many connections, messages on each, and messages a minute a provider is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limits:
    """`rate_per_minute` None: as fast as it goes."""

    connections: int = 10
    messages_per_connection: int = 100
    rate_per_minute: float | None = None


class Set(Protocol):
    """What people have set; None: the default."""

    @property
    def max_connections(self) -> int | None: ...
    @property
    def messages_per_connection(self) -> int | None: ...
    @property
    def rate_per_minute(self) -> int | None: ...


# THR-02
_DEFAULT = Limits()
_OF_PROVIDER = {
    "google": Limits(5, 50),
    "yahoo": Limits(10, 20),
    "microsoft": Limits(5, 50),
    "apple": Limits(10, 5),
    "orange": Limits(2, 100),
}


def of(provider: str, row: Set | None) -> Limits:
    """The limits of a provider's name as people have set them in `row`."""
    known = _OF_PROVIDER.get(provider, _DEFAULT)
    if row is None:
        return known
    return Limits(
        row.max_connections or known.connections,
        row.messages_per_connection or known.messages_per_connection,
        row.rate_per_minute or known.rate_per_minute,
    )
