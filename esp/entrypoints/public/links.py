"""Where links lead, kept at hand: in memory, then in a file of this host, then in the database."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import orjson
from sqlalchemy.exc import SQLAlchemyError

from esp.delivery import targets
from esp.delivery.locations import location, needs_person
from esp.runtime import Runtime
from esp.tokens import RecipientRef

BROADCASTS_IN_MEMORY = 5_000
TEST_SEQ = 0

Table = dict[int, str]


class UnreachableError(Exception):
    """The database is away, and nobody here remembers the answer."""


class Links:
    """The link tables of broadcasts; a table never changes once its broadcast has begun."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._folder = runtime.settings.data_dir / "links"
        self._lock = threading.Lock()
        # Plain targets as they go into the header, those with merge tags as they were written.
        self._known: OrderedDict[tuple[int, int], Table] = OrderedDict()

    def location(self, ref: RecipientRef, number: int) -> str | None:
        """Where this copy's link leads; None for one not in the mail; or UnreachableError."""
        target = self._table(ref).get(number)
        if target is None or not needs_person(target):
            return target
        return location(target, self._data(ref))

    def _table(self, ref: RecipientRef) -> Table:
        key = (ref.account_id, ref.broadcast_id)
        known = self._known.get(key)
        if known is not None and ref.seq != TEST_SEQ:
            return known
        try:
            table = self._from_database(key)
        except SQLAlchemyError as error:
            kept = known or self._from_file(key)
            if kept is None:
                raise UnreachableError from error
            return kept
        # Before a broadcast begins its links may still change: only tests are out.
        if table and ref.seq != TEST_SEQ:
            self._remember(key, table)
        return table

    def _from_database(self, key: tuple[int, int]) -> Table:
        with self._runtime.transaction(key[0]) as session:
            written = targets.targets_of(session, *key)
        found = {}
        for number, target in written.items():
            ready = target if needs_person(target) else location(target)
            if ready is not None:
                found[number] = ready
        return found

    def _remember(self, key: tuple[int, int], table: Table) -> None:
        with self._lock:
            self._known[key] = table
            while len(self._known) > BROADCASTS_IN_MEMORY:
                self._known.popitem(last=False)
        path = self._path(key)
        if path.exists():
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            fresh = path.with_suffix(f".{threading.get_ident()}")
            fresh.write_bytes(orjson.dumps(table, option=orjson.OPT_NON_STR_KEYS))
            fresh.replace(path)
        except OSError:
            # The copy only helps while the database is away.
            return

    def _from_file(self, key: tuple[int, int]) -> Table | None:
        try:
            table = orjson.loads(self._path(key).read_bytes())
        except (OSError, ValueError):
            return None
        return {int(number): target for number, target in table.items()}

    def _path(self, key: tuple[int, int]) -> Path:
        return self._folder / f"{key[0]}-{key[1]}.json"

    def _data(self, ref: RecipientRef) -> dict[str, object]:
        try:
            with self._runtime.transaction(ref.account_id) as session:
                message = targets.frozen_message(session, ref.account_id, ref.broadcast_id)
                data = message[2] if message else {}
                recipient = targets.recipient_of(session, *ref, data)
        except SQLAlchemyError as error:
            raise UnreachableError from error
        return dict(recipient.data) if recipient else dict(data)
