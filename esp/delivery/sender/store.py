"""Taking work from the database into memory, account by account in turn."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp import journal
from esp.delivery import batches, notices, shipping
from esp.delivery.batches import Claim
from esp.delivery.facts import SEND
from esp.delivery.load import Ready, Skip, load
from esp.delivery.notices import Due
from esp.delivery.sender.lanes import Share, Work
from esp.delivery.sender.messages import Message, Messages
from esp.delivery.sender.routes import Exit, Route, direct_route, exit_of, relay_route
from esp.delivery.sender.signers import Signers
from esp.delivery.sender.sites import Sites
from esp.errors import Invalid
from esp.runtime import Runtime

log = logging.getLogger(__name__)

_DEFERRED = 500
_NOTICES = 20
_LOOK_SECONDS = 0.25


@dataclass(slots=True)
class Taken:
    """What one look at one account brought."""

    works: list[tuple[Work, list[Skip]]] = field(default_factory=list)
    shares: list[tuple[Route, Share]] = field(default_factory=list)
    due: list[tuple[Route, Due]] = field(default_factory=list)

    @property
    def nothing(self) -> bool:
        return not self.works and not self.due


class Store:
    """Claims for one owner, the name of the process's journal."""

    def __init__(self, runtime: Runtime, owner: str) -> None:
        self._signers = Signers(runtime.cipher)
        self.messages = Messages(
            runtime.keyring,
            self._signers,
            common_is_direct=runtime.settings.delivers_directly,
        )
        self.sites = Sites(runtime.clock)
        # The ways out that were met so far.
        self.exits: set[Exit] = set()
        self._runtime = runtime
        self.owner = owner
        self._turns: deque[int] = deque()
        self._looked_at = float("-inf")
        # Living owners of this host: a lease of theirs that ran out is still theirs.
        self._alive: list[str] = [owner]
        self._hopeless: set[int] = set()

    def account(self) -> int | None:
        """Whose turn it is; None when nobody has anything due."""
        now = time.monotonic()
        if not self._turns and now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            with self._runtime.transaction(None) as session:
                self._turns.extend(
                    session.scalars(
                        text("SELECT accounts_with_due('sending', :now)"),
                        {"now": self._runtime.clock()},
                    )
                )
        return self._turns.popleft() if self._turns else None

    def turn_again(self, account_id: int) -> None:
        """The account may have more; after the others."""
        self._turns.append(account_id)

    def take(self, account_id: int, full: list[batches.WayOut], busy: list[int]) -> Taken:
        """Claim and load something of one account, in one transaction."""
        now = self._runtime.clock()
        taken = Taken()
        busy = [*busy, *self._hopeless]
        with self._runtime.transaction(account_id) as session:
            due = notices.claim(session, account_id, now, _NOTICES)
            self._add_due(session, [self._signers.signed(session, one, now) for one in due], taken)
            claims = batches.claim_deferred(
                session, account_id, self.owner, now, _DEFERRED,
                full=full, busy_broadcasts=busy, alive=self._alive,
            )  # fmt: skip
            claims += batches.claim(
                session, account_id, self.owner, now, 1,
                full=full, busy_broadcasts=busy, alive=self._alive,
            )  # fmt: skip
            for claim in claims:
                self._load(session, claim, taken)
        return taken

    def _load(self, session: Session, claim: Claim, taken: Taken) -> None:
        try:
            message = self.messages.get(session, claim.account_id, claim.broadcast_id)
        except Invalid:
            # It compiled when it was frozen: an operator has to look, the others go on.
            log.exception("Broadcast %s can't be made", claim.broadcast_id)
            self._hopeless.add(claim.broadcast_id)
            batches.release(session, claim, self.owner)
            return
        self.exits.add(message.exit)
        found = load(session, claim, message.audience)
        work = Work(claim, message)
        ready = [one for one in found if isinstance(one, Ready)]
        taken.works.append((work, [one for one in found if isinstance(one, Skip)]))
        if message.exit.is_direct:
            taken.shares += self._by_site(session, work, ready)
        else:
            taken.shares.append((relay_route(message.exit), work.give(ready)))

    def _by_site(
        self, session: Session, work: Work, ready: list[Ready]
    ) -> Iterator[tuple[Route, Share]]:
        """Of domains with the same servers, those that come first are together."""
        leaves = work.message.exit
        domains = {one.email.rpartition("@")[2] for one in ready}
        sites = self.sites.of(session, domains)
        routes = {
            domain: direct_route(leaves, provider_id, site, domain)
            for domain, (provider_id, site) in sites.items()
        }
        for domain, route in routes.items():
            self.sites.remember(route, domain)
        by_route: dict[Route, list[Ready]] = {}
        for one in ready:
            by_route.setdefault(routes[one.email.rpartition("@")[2]], []).append(one)
        for route, found in by_route.items():
            yield route, work.give(found)

    def _add_due(self, session: Session, due: list[Due], taken: Taken) -> None:
        for one in due:
            leaves = self._leaves(one)
            if not leaves.is_direct:
                taken.due.append((relay_route(leaves, single=True), one))
                continue
            domain = one.email.rpartition("@")[2]
            provider_id, site = self.sites.of(session, {domain})[domain]
            route = direct_route(leaves, provider_id, site, domain, single=True)
            self.sites.remember(route, domain)
            taken.due.append((route, one))

    def _leaves(self, due: Due) -> Exit:
        common = self._runtime.settings.delivers_directly
        return exit_of(
            due.account_id,
            due.transport_id,
            is_direct=due.transport_kind == "direct" if due.transport_id else common,
            pool_id=due.pool_id,
        )

    def look_again(self, work: Work, seqs: list[int]) -> list[Ready | Skip]:
        """Judge recipients anew who were loaded a while ago."""
        with self._runtime.transaction(work.claim.account_id) as session:
            return load(session, work.claim, work.message.audience, seqs)

    def is_open(self, message: Message) -> bool:
        """Whether the broadcast still goes on; reads its rate again."""
        with self._runtime.transaction(message.account_id) as session:
            row = session.execute(
                text(
                    "SELECT state, rate_per_minute FROM dispatches"
                    " WHERE account_id = :account AND broadcast_id = :broadcast"
                ),
                {"account": message.account_id, "broadcast": message.broadcast_id},
            ).first()
        if row is None:
            return False
        message.rate = row.rate_per_minute
        return bool(row.state == "open")

    def renew(self, account_ids: set[int], due: list[Due]) -> None:
        """Hold everything for another lease's time."""
        now = self._runtime.clock()
        for account_id in sorted(account_ids | {one.account_id for one in due}):
            with self._runtime.transaction(account_id) as session:
                self._signers.look_again(session, account_id)
                batches.renew(session, account_id, self.owner, now)
                ids = [one.id for one in due if one.account_id == account_id]
                notices.hold(session, account_id, ids, now + notices.CLAIM)

    def give_back(self, due: list[Due], at: datetime) -> None:
        """Notices that were not begun."""
        for one in due:
            with self._runtime.transaction(one.account_id) as session:
                notices.hold(session, one.account_id, [one.id], at)

    def inherit(self) -> None:
        """Ship the journals of dead senders of this host, then give their leases back."""
        folder = self._runtime.journal_folder
        for orphan in journal.orphans(folder, SEND):
            try:
                shipping.ship_file(self._runtime.transaction, folder, orphan.name)
                self._release(orphan.name)
            except BaseException:
                orphan.close()
                raise
            orphan.remove()
            shipping.forget(self._runtime.transaction, orphan.name)
        # In this order: who begins to live in between is among the living.
        with self._runtime.transaction(None) as session:
            owners = session.scalars(text("SELECT lease_owners()")).all()
        living = set(journal.names(folder, SEND)) | {self.owner}
        self._alive = sorted(living)
        ours = f"{SEND}-{journal.host(folder)}-"
        for owner in owners:
            if owner.startswith(ours) and owner not in living:
                self._release(owner)

    def _release(self, owner: str) -> None:
        with self._runtime.transaction(None) as session:
            session.execute(text("SELECT release_leases(:owner)"), {"owner": owner})
            batches.warn_owners(session, [owner])
