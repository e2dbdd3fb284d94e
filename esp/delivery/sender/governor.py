"""How fast each way may be used: by limits, by rates that all processes share, by replies."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from esp.db import enter_account
from esp.delivery import holders, paces
from esp.delivery.pacing import adapt
from esp.delivery.pacing.adapt import State
from esp.delivery.pacing.classify import react
from esp.delivery.pacing.key import Key
from esp.delivery.pacing.limits import Limits
from esp.delivery.pacing.reaction import SENT, Reaction
from esp.delivery.pacing.slots import GRANT, Grant
from esp.delivery.sender.lane_terms import NOTICE_CONNECTIONS
from esp.delivery.sender.paced import LONG_SECONDS, Paced
from esp.delivery.sender.routes import Way
from esp.delivery.smtp.envelope import Outcome
from esp.delivery.tally import Tally
from esp.runtime import Runtime

log = logging.getLogger(__name__)

_WANTED = 1000
_PROBE_EVERY = 1.0
_REST = timedelta(minutes=10)


@dataclass(slots=True)
class _News:
    """What a way was and is; several lessons between two flushes are one."""

    old: State
    new: State


class Governor:
    """One for each sending process."""

    def __init__(self, runtime: Runtime, owner: str, held: Callable[[Way], int]) -> None:
        """`owner` names the process; `held` says how many connections of a way are open."""
        self._runtime = runtime
        self._owner = owner
        self._held = held
        self._paces: dict[Way, Paced] = {}
        # What one account is denied on a way that it shares with others.
        self._streams: dict[tuple[int, Way], Way] = {}
        self._news: dict[Way, _News] = {}
        self._tally = Tally()
        self._probe_at: dict[Way, float] = {}

    # -- asked for each message ---------------------------------------------------------------

    def may_begin(self, way: Way) -> float:
        """0: one message may; `begun` or `unused` follows. Else when to ask again (monotonic)."""
        paced = self._paces[way]
        if paced.is_free:
            return 0.0
        epoch, now = self._epoch(), time.monotonic()
        if adapt.wants_probe(paced.state, epoch):
            self._probe(paced, now)
        return paced.may_begin(epoch, now, lambda rate: self._grant(way, rate))

    def account_may_begin(self, way: Way, account_id: int) -> float:
        """The same of one account among those that share the way."""
        stream = self._streams.get((account_id, way))
        return self.may_begin(stream) if stream else 0.0

    @property
    def has_streams(self) -> bool:
        """Whether any account may be denied what others are not."""
        return bool(self._streams)

    def begun(self, way: Way) -> None:
        paced = self._paces[way]
        if not paced.is_free:
            paced.begun()

    def unused(self, way: Way) -> None:
        paced = self._paces[way]
        if not paced.is_free:
            paced.unused(time.monotonic())

    def learn(
        self, way: Way, account_id: int, provider_id: int, outcome: Outcome, at: datetime
    ) -> Reaction:
        """What an outcome asks of us; `provider_id` is the recipient's, also behind a relay."""
        paced = self._paces[way]
        self._tally.add(
            account_id,
            max(0, way.pool_id),
            provider_id,
            outcome.kind,
            outcome.code,
            "" if outcome.kind == "sent" else f"{outcome.enhanced} {outcome.text}",
            at,
        )
        if outcome.kind == "sent" and paced.is_quiet:
            return SENT
        reaction = react(paced.provider, outcome)
        if reaction.scope == "stream" and not way.account_id and way.provider_id:
            paced = self._paces[self._streams[account_id, way]]
        self._learn(paced, reaction, outcome, at)
        return reaction

    def failed(self, way: Way, outcome: Outcome) -> None:
        """No connection could be made."""
        paced = self._paces[way]
        self._learn(paced, react(paced.provider, outcome), outcome, self._runtime.clock())

    def connections(self, way: Way, is_single: bool) -> int:
        """How many this process may have open now."""
        if is_single:
            return NOTICE_CONNECTIONS
        return self._paces[way].connections(self._epoch())

    # -- asked now and then -------------------------------------------------------------------

    def limits(self, way: Way) -> Limits:
        return self._paces[way].limits

    def closed(self, account_id: int) -> Iterator[Way]:
        """Ways on which nothing of this account may begin for a while."""
        epoch = self._epoch()
        for way, paced in self._paces.items():
            stream = self._streams.get((account_id, way))
            if paced.rests(epoch) or (stream and self._paces[stream].rests(epoch)):
                yield way

    def is_closed(self, way: Way, account_id: int) -> bool:
        """Whether that is so of one way."""
        stream = self._streams.get((account_id, way))
        epoch = self._epoch()
        return self._paces[way].rests(epoch) or bool(stream and self._paces[stream].rests(epoch))

    def opens_at(self, way: Way, account_id: int, now: datetime) -> datetime:
        """When to look again at what waits for a way that is closed."""
        stream = self._streams.get((account_id, way), way)
        paused_until = max(self._paces[one].state.paused_until for one in (way, stream))
        until = datetime.fromtimestamp(paused_until, now.tzinfo) if paused_until else now + _REST
        return max(until, now + timedelta(seconds=LONG_SECONDS))

    def want(self, wanted: Collection[tuple[Way, int]]) -> None:
        """Know these ways before anything of theirs begins, each with an account that uses it."""
        missing = {way for way, _ in wanted if way not in self._paces}
        for way, account_id in wanted:
            if way.provider_id and not way.account_id:
                stream = Way(account_id, 0, way.provider_id)
                self._streams[account_id, way] = stream
                missing |= {stream} - self._paces.keys()
        for way in missing:
            self._paces[way] = Paced(way)
        self._read(way for way in missing if way.provider_id)

    def refresh(self) -> None:
        """Hear what others learnt and people set, and divide the connections anew."""
        self.flush()
        self._read(way for way in self._paces if way.provider_id)

    def reread(self, ways: Collection[Way]) -> None:
        """These have changed."""
        self.flush()
        self._read(way for way in ways if way in self._paces)

    def forget(self, used: Collection[Way]) -> None:
        """Of other ways than these nothing is open and nothing waits."""
        self._streams = {pair: one for pair, one in self._streams.items() if pair[1] in used}
        kept = {*used, *self._news, *self._streams.values()}
        unused = [way for way in self._paces if way not in kept]
        by_account = sorted(way for way in unused if way.provider_id)
        for account_id, ways in groupby(by_account, key=lambda way: way.account_id):
            with self._runtime.transaction(account_id) as session:
                holders.release_connections(session, account_id, self._owner, map(_key, ways))
        for way in unused:
            del self._paces[way]

    def flush(self) -> None:
        """Store what was learnt and counted."""
        if not self._news and not self._tally:
            return
        now = self._runtime.clock()
        news = dict(self._news)
        with self._runtime.transaction(None) as session:
            for way, lesson in sorted(news.items()):
                enter_account(session, way.account_id)
                paces.record(session, _key(way), lesson.old, lesson.new, now)
            self._tally.flush(session)
        for way in news:
            del self._news[way]

    # -- inside -------------------------------------------------------------------------------

    def _epoch(self) -> float:
        return self._runtime.clock().timestamp()

    def _learn(self, paced: Paced, reaction: Reaction, outcome: Outcome, at: datetime) -> None:
        old = paced.state
        reply = f"{outcome.code or ''} {outcome.enhanced} {outcome.text}".strip()
        if not paced.learn(reaction, at.timestamp(), random.random(), reply):
            return
        if paced.state.reason != old.reason and paced.state.reason:
            log.warning("Slower on %s (%s): %s", paced.way, paced.state.reason, reply)
        if paced.way.provider_id:
            known = self._news.setdefault(paced.way, _News(old, old))
            known.new = paced.state

    def _probe(self, paced: Paced, now: float) -> None:
        """One process tries one message, the first to ask."""
        if now < self._probe_at.get(paced.way, 0.0):
            return
        self._probe_at[paced.way] = now + _PROBE_EVERY
        if not paced.way.provider_id:
            paced.state = adapt.granted(paced.state, self._epoch() + adapt.PROBE_SECONDS)
            return
        with self._runtime.transaction(paced.way.account_id) as session:
            paced.state = paces.claim_probe(
                session, _key(paced.way), paced.state, self._runtime.clock()
            )

    def _grant(self, way: Way, rate: float) -> Grant:
        now = self._runtime.clock()
        if not way.provider_id:
            gap = timedelta(minutes=1) / rate
            return Grant(max(1, int(GRANT / gap)), now, gap)
        with self._runtime.transaction(way.account_id) as session:
            return paces.grant(session, _key(way), rate, _WANTED, now)

    def _read(self, ways: Iterator[Way]) -> None:
        now = self._runtime.clock()
        for (account_id, pool_id), found in groupby(sorted(ways), key=lambda way: way[:2]):
            numbers = [way.provider_id for way in found]
            with self._runtime.transaction(account_id) as session:
                known = paces.load(session, account_id, pool_id, numbers, now)
                for provider_id, pace in known.items():
                    self._paces[Way(account_id, pool_id, provider_id)].refresh(
                        pace, now.timestamp()
                    )
                wants = {
                    number: (
                        pace.allowed(now.timestamp()).connections,
                        self._held(Way(account_id, pool_id, number)),
                    )
                    for number, pace in known.items()
                }
                parts = holders.share_connections(
                    session, account_id, pool_id, self._owner, wants, now
                )
            until = time.monotonic() + holders.HOLDING.total_seconds()
            for number, part in parts.items():
                paced = self._paces[Way(account_id, pool_id, number)]
                paced.part, paced.part_until = part, until


def _key(way: Way) -> Key:
    return Key(*way)
