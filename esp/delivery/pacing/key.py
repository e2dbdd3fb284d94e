"""(pure) Which pool at which provider a pace is of."""

from __future__ import annotations

from typing import Any, NamedTuple


class Key(NamedTuple):
    """Account 0 and pool 0: the installation's own way out, for all accounts together.

    An account's number with pool 0: what this account alone sends by it.
    """

    account_id: int
    pool_id: int
    provider_id: int

    @property
    def values(self) -> dict[str, Any]:
        """For a statement made by `of_key`."""
        return {"account": self.account_id, "pool": self.pool_id, "provider": self.provider_id}


def of_key(statement: str) -> str:
    """The statement with `OF_KEY` standing for the condition on the key's columns."""
    return statement.replace(
        "OF_KEY", "account_id = :account AND pool_id = :pool AND provider_id = :provider"
    )
