"""What the database tells senders at each commit that concerns them, and what follows."""

from __future__ import annotations

from collections.abc import Iterable

from esp.delivery.load import Ready
from esp.delivery.sender.feed import Feed
from esp.delivery.sender.governor import Governor
from esp.delivery.sender.lanes import Work
from esp.delivery.sender.routes import Way
from esp.delivery.sender.store import Store


class Stops:
    """Payloads as the triggers of the migrations make them: `c:` a contact, `e:` an address,
    `a:` an account with very many changes, `b:` a broadcast, `p:` the pace of a pool at a
    provider; as those who take leases over do: `o:` the owner that lost some."""

    def __init__(self, feed: Feed, store: Store, governor: Governor) -> None:
        self._feed = feed
        self._store = store
        self._governor = governor

    def obey(self, payloads: Iterable[str]) -> None:
        """Nothing that one of them concerns begins after this without having been judged anew."""
        contacts: set[tuple[int, int]] = set()
        emails: set[tuple[int, str]] = set()
        accounts: set[int] = set()
        broadcasts: set[int] = set()
        ways: set[Way] = set()
        for payload in payloads:
            if payload == f"o:{self._store.owner}":
                self._feed.drop(lambda _: True)
                continue
            kind, account, *rest = payload.split(":", 2)
            if kind == "c":
                contacts.add((int(account), int(rest[0])))
            elif kind == "e":
                emails.add((int(account), rest[0]))
            elif kind == "a":
                accounts.add(int(account))
            elif kind == "b":
                broadcasts.add(int(rest[0]))
            elif kind == "p":
                pool_id, provider_id = rest[0].split(":")
                ways.add(Way(int(account), int(pool_id), int(provider_id)))
        if accounts:
            self._feed.drop(lambda work: work.claim.account_id in accounts)
        for broadcast_id in broadcasts:
            self._broadcast(broadcast_id)
        if contacts or emails:
            self._people(contacts, emails)
        if ways:
            self._governor.reread(ways)

    def _broadcast(self, broadcast_id: int) -> None:
        works = [work for work in self._feed.works() if work.claim.broadcast_id == broadcast_id]
        self._feed.paces.forget(broadcast_id)
        for account_id in {work.claim.account_id for work in works}:
            self._store.messages.forget(account_id, broadcast_id)
        for message in {work.message for work in works}:
            if not self._store.is_open(message):
                self._feed.drop(lambda work: work.claim.broadcast_id == broadcast_id)

    def _people(self, contacts: set[tuple[int, int]], emails: set[tuple[int, str]]) -> None:
        def concerns(work: Work, ready: Ready) -> bool:
            account_id = work.claim.account_id
            return (account_id, ready.contact_id) in contacts or (account_id, ready.email) in emails

        self._feed.judge_again(concerns, self._store.look_again)
