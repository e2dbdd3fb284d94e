"""The MTA-STS policies that domains have promised, kept until they run out (RFC 8461 §5.1)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from esp.senders.models import StsPolicy
from esp.senders.mx.sts import Mode, Policy

# RFC 8461 §3.3 asks for a look each day, so that a policy does not run out unnoticed.
_FRESH = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Kept:
    """A policy as it was fetched; it counts until `expires_at`, whatever the DNS says later."""

    policy_id: str
    policy: Policy
    fetched_at: datetime

    @property
    def expires_at(self) -> datetime:
        return self.fetched_at + timedelta(seconds=self.policy.max_age)

    def holds(self, now: datetime) -> bool:
        """Whether it binds us."""
        return now < self.expires_at

    def is_current(self, policy_id: str, now: datetime) -> bool:
        """Whether there is no need to fetch it again."""
        age = min(_FRESH, timedelta(seconds=self.policy.max_age / 2))
        return policy_id == self.policy_id and now < self.fetched_at + age


class Policies:
    """The table, in short transactions of its own."""

    def __init__(self, transaction: Callable[[None], AbstractContextManager[Session]]) -> None:
        self._transaction = transaction

    def read(self, domains: Collection[str]) -> Mapping[str, Kept]:
        """What is kept of `domains`."""
        with self._transaction(None) as session:
            rows = session.scalars(select(StsPolicy).where(StsPolicy.domain.in_(domains)))
            return {row.domain: _kept(row) for row in rows}

    def keep(self, fetched: Mapping[str, Kept]) -> None:
        """Put what was fetched in place of what was known."""
        if not fetched:
            return
        rows = [
            {
                "domain": domain,
                "policy_id": kept.policy_id,
                "mode": kept.policy.mode,
                "patterns": list(kept.policy.patterns),
                "max_age": kept.policy.max_age,
                "fetched_at": kept.fetched_at,
            }
            # Sorted: two at once must not wait for each other in a circle.
            for domain, kept in sorted(fetched.items())
        ]
        statement = insert(StsPolicy)
        news = {name: statement.excluded[name] for name in rows[0] if name != "domain"}
        with self._transaction(None) as session:
            session.execute(
                statement.on_conflict_do_update(index_elements=["domain"], set_=news), rows
            )


def _kept(row: StsPolicy) -> Kept:
    policy = Policy(cast(Mode, row.mode), tuple(row.patterns), row.max_age)
    return Kept(row.policy_id, policy, row.fetched_at)
