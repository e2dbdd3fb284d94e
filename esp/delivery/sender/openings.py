"""Starts lanes with the terms of their way out, and gives up those that are quiet."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

from esp.delivery.greeting import helo
from esp.delivery.sender.feed import Feed
from esp.delivery.sender.governor import Governor
from esp.delivery.sender.lane_terms import common_lane, direct_lane, own_lane, sources_of
from esp.delivery.sender.routes import Exit, Route
from esp.delivery.sender.sites import Sites
from esp.delivery.smtp.lane import Lane, Source
from esp.delivery.smtp.loop import Loop
from esp.errors import Invalid
from esp.runtime import Runtime

log = logging.getLogger(__name__)

# Terms are read again so often; as long a way that can't be used is left alone.
_TERMS_SECONDS = 30.0
_QUIET_SECONDS = 60.0


class Openings:
    """The lanes that a sending process has told its loop of."""

    def __init__(
        self, runtime: Runtime, loop: Loop, feed: Feed, sites: Sites, governor: Governor
    ) -> None:
        self._runtime = runtime
        self._loop = loop
        self._feed = feed
        self._sites = sites
        self._governor = governor
        self._until: dict[Route, float] = {}
        self._sources: dict[Exit, tuple[float, tuple[Source, ...]]] = {}
        self._bad: dict[Exit, float] = {}

    def unusable(self) -> list[Exit]:
        """Ways out that can't be used at present: their mail waits in the database."""
        now = time.monotonic()
        return [leaves for leaves, until in self._bad.items() if now < until]

    def open(self, route: Route) -> None:
        """Start the lane, or tell it that there is something; its terms are read now and then."""
        now = time.monotonic()
        if now < self._until.get(route, 0.0):
            self._loop.wake(route)
            return
        terms = self._terms(route, now)
        if terms is None:
            log.error("There is no usable transport for %s", route)
            self._bad[route.exit] = now + _TERMS_SECONDS
            self._feed.drop(lambda work: work.message.exit == route.exit)
            self._feed.singles.drop(lambda lane: lane.exit == route.exit)
            return
        self._until[route] = now + _TERMS_SECONDS
        self._loop.add(terms)
        self._loop.wake(route)

    def close_quiet(self) -> None:
        """Thousands of small receivers have their turn and go again."""
        for key in self._loop.quiet(_QUIET_SECONDS):
            assert isinstance(key, Route)  # noqa: S101  # our lanes have no other keys
            if self._feed.forget(key):
                self._loop.remove(key)
                self._until.pop(key, None)
                self._sites.forget(key)

    def _terms(self, route: Route, now: float) -> Lane | None:
        leaves, settings = route.exit, self._runtime.settings
        if leaves.is_direct:
            return direct_lane(
                route,
                self._sites.domain_of(route),
                self._governor.limits(route.way),
                self._sources_of(leaves, now),
                helo(settings),
            )
        if not leaves.transport_id:
            lane = common_lane(settings, route)
            return lane and replace(lane, sources=self._sources_of(leaves, now))
        with self._runtime.transaction(leaves.account_id) as session:
            try:
                return own_lane(session, settings, self._runtime.cipher, route)
            except Invalid:
                log.exception("Transport %s can't be used", leaves.transport_id)
                return None

    def _sources_of(self, leaves: Exit, now: float) -> tuple[Source, ...]:
        if not leaves.pool_id:
            return ()
        until, found = self._sources.get(leaves, (0.0, ()))
        if now >= until:
            with self._runtime.transaction(leaves.account_id) as session:
                found = sources_of(session, self._runtime.settings, leaves)
            self._sources[leaves] = (now + _TERMS_SECONDS, found)
        return found
