"""What became of envelopes: first into the journal, soon after into the database."""

from __future__ import annotations

import logging
import time
from datetime import datetime

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from esp.db import enter_account
from esp.delivery import batches, shipping
from esp.delivery.facts import (
    SEND,
    Fact,
    NoticeOutcome,
    RecipientOutcome,
    encode_notice,
    encode_outcome,
)
from esp.delivery.ledger import record_outcomes
from esp.delivery.sender.lanes import Work
from esp.journal import Journal, JournalError
from esp.runtime import Runtime

log = logging.getLogger(__name__)

MANY = 1000
PAUSED = "4.4.5 Sending to this receiver is paused for a while."


class Outbox:
    """The process's journal and what of it is not in the database yet."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self.journal = Journal(runtime.journal_folder, SEND)
        self._shipped_until = 0
        self._written: list[tuple[int, Fact]] = []
        # The disk took no more of these: the database comes first now.
        self._unwritten: list[Fact] = []
        self._skips: list[RecipientOutcome] = []
        self._over: list[Work] = []

    @property
    def name(self) -> str:
        """Owns the leases of this process."""
        return self.journal.name

    @property
    def size(self) -> int:
        return len(self._written) + len(self._unwritten) + len(self._skips) + len(self._over)

    @property
    def urgent(self) -> bool:
        """Whether the database should have it at once."""
        return bool(self._unwritten) or len(self._written) >= MANY

    def add(self, fact: RecipientOutcome | NoticeOutcome) -> None:
        """Write an outcome down; after this it outlives the process, or is `urgent`."""
        if isinstance(fact, RecipientOutcome):
            encoded = encode_outcome(fact)
        else:
            encoded = encode_notice(fact)
        try:
            self._written.append((self.journal.append(encoded), fact))
        except JournalError as error:
            log.error("The journal takes no more: %s", error.__cause__ or error)
            self._unwritten.append(fact)

    def skip(self, work: Work, seq: int, reason: str, at: datetime) -> None:
        """Nothing was sent, so nothing is lost if this is."""
        claim = work.claim
        self._skips.append(
            RecipientOutcome(
                claim.account_id, claim.broadcast_id, seq, "skipped", 0, "", reason, at
            )
        )

    def postpone(self, work: Work, seq: int, until: datetime, at: datetime) -> None:
        """Its receiver is given a rest; nothing was begun, so nothing is lost if this is."""
        claim = work.claim
        self._skips.append(
            RecipientOutcome(
                claim.account_id, claim.broadcast_id, seq, "deferred", 0, PAUSED, "", at, until
            )
        )

    def leave(self, work: Work) -> None:
        """The work is over: finish or release it together with its last outcomes."""
        self._over.append(work)

    def ship(self) -> None:
        """Everything into the database, in one transaction; what that raises changes nothing."""
        if not self.size:
            return
        try:
            shipping.again(self._ship)
        except (DataError, IntegrityError):
            # Something can't be stored: fact by fact, so that it is found and passed over.
            transaction = self._runtime.transaction
            shipping.ship_file(transaction, self._runtime.journal_folder, self.name)
            shipping.again(self._ship)
        self.journal.shipped(self._shipped_until)
        for held in (self._written, self._unwritten, self._skips, self._over):
            held.clear()

    def sync(self) -> None:
        """Have the disk keep the journal, at most once a second."""
        self.journal.sync_due(time.monotonic())

    def close(self) -> None:
        """Let go of the journal; with everything shipped it goes from the disk as well."""
        if self.size:
            self.journal.close()
        else:
            self.journal.remove()
            try:
                shipping.forget(self._runtime.transaction, self.name)
            except (DBAPIError, PoolTimeout):
                log.warning("The offset of journal %s stays behind", self.name)

    def _ship(self) -> int:
        with self._runtime.transaction(None) as session:
            if self._written:
                self._shipped_until = shipping.ship(session, self.name, self._written)
            shipping.store(session, self._unwritten)
            record_outcomes(session, self._skips)
            self._leave_works(session)
        return self._shipped_until

    def _leave_works(self, session: Session) -> None:
        for work in self._over:
            enter_account(session, work.claim.account_id)
            leave = batches.release if work.dropped else batches.finish
            leave(session, work.claim, self.name)
