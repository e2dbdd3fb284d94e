"""What all faults share: the servers, the receiver, an account with people, and its broadcasts."""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from bench import newsletter
from bench.chaos.findings import Finding, judge
from bench.chaos.host import Host, wait_until
from bench.chaos.network import Network, network
from bench.receivers import Receiver, Taken, our_sink
from bench.send import analyze
from bench.servers import Servers, servers
from esp.broadcasts import compose, move, queries
from esp.entrypoints.tasks import wake
from esp.runtime import Runtime
from esp.senders.models import SendingDomain, Transport

PATIENCE_SECONDS = 600.0
_SLOW_SECONDS = 0.01


@dataclass
class Ground:
    """`folder` holds the data folders of hosts; `network` is None where we may not make one.

    The `slow` receiver leaves time for something to happen to a few thousand messages.
    """

    servers: Servers
    receiver: Receiver
    slow: Receiver
    network: Network | None
    account_id: int
    transports: dict[int, int]
    folder: Path
    hosts: list[Host] = field(default_factory=list)
    spoken: bool = True

    @property
    def runtime(self) -> Runtime:
        return self.servers.runtime

    def host(self, name: str, *, apart: bool = False, sending_workers: int = 1) -> Host:
        """Another machine; `apart`: behind a cable of its own, where that can be had."""
        settings = self.servers.settings
        given: dict[str, object] = {
            "base_url": "https://news.example.com",
            "secret_key": settings.secret_key,
            "database_url": settings.database_url,
            "database_owner_url": settings.database_owner_url,
            "redis_url": settings.redis_url,
            "sending_workers": sending_workers,
        }
        prefix: list[str] = []
        if apart and self.network:
            given |= self.servers.addresses()
            prefix = self.network.attach(name)
        host = Host(self.folder / name, given, prefix)
        self.hosts.append(host)
        host.start()
        self.say(f"host {name} runs")
        return host

    def remove(self, host: Host) -> None:
        self.hosts.remove(host)
        host.close()

    @property
    def address(self) -> str:
        return self.network.address if self.network else "127.0.0.1"

    def people(self, number: int) -> int:
        """A new list of so many."""
        with self.runtime.transaction(self.account_id) as session:
            made = newsletter.make_list(session, self.account_id, "Everybody", number)
        analyze(self.servers)
        return made

    def mailing(self, people: int, list_id: int, receiver: Receiver) -> Mailing:
        """A broadcast to so many people, begun now."""
        runtime, account_id = self.runtime, self.account_id
        with runtime.transaction(account_id) as session:
            broadcast_id = newsletter.make_broadcast(session, account_id, list_id)
            way = {"transport_id": self.transports[receiver.port]}
            compose.save(session, account_id, broadcast_id, way)
        mailing = Mailing(self, receiver, broadcast_id, people)
        with runtime.transaction(account_id) as session:
            now = runtime.clock()
            move.schedule(session, account_id, broadcast_id, now, now)
        wake(runtime, "broadcasts", account_id)
        self.say(f"a broadcast to {people:,} has begun")
        return mailing

    def say(self, words: str) -> None:
        """Progress, for people who wait."""
        if self.spoken:
            print(f"  {time.strftime('%X')} {words}", file=sys.stderr, flush=True)


class Mailing:
    """A broadcast on its way: what the receiver took of it, and what the ledger says."""

    def __init__(self, ground: Ground, receiver: Receiver, broadcast_id: int, people: int) -> None:
        self.ground = ground
        self.receiver = receiver
        self.broadcast_id = broadcast_id
        self.people = people
        self._mark = self._read = receiver.mark()
        self._number = 0

    def number(self) -> int:
        """How many messages the receiver has taken since it began."""
        assert self.receiver.record is not None
        with self.receiver.record.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        self._read += len(fresh)
        self._number += fresh.count(b"\n")
        return self._number

    def taken(self) -> list[Taken]:
        return self.receiver.taken_since(self._mark)

    def ledger(self) -> dict[str, str]:
        """Everybody's state by address."""
        with self.ground.runtime.transaction(self.ground.account_id) as session:
            rows = session.execute(
                text(
                    "SELECT email, state FROM recipients"
                    " WHERE account_id = :account AND broadcast_id = :broadcast"
                ),
                {"account": self.ground.account_id, "broadcast": self.broadcast_id},
            )
            return {str(email): str(state) for email, state in rows}

    def wait_for(self, number: int) -> None:
        """Until the receiver has so many."""
        wait_until(lambda: self.number() >= number, PATIENCE_SECONDS, self._stuck())

    def wait_until_over(self, state: str = "sent") -> None:
        """Until the product itself says so; the database may be away meanwhile."""
        wait_until(lambda: self._is_over(state), PATIENCE_SECONDS, self._stuck())

    def _is_over(self, state: str) -> bool:
        time.sleep(0.05)
        runtime, account_id = self.ground.runtime, self.ground.account_id
        try:
            with runtime.transaction(account_id) as session:
                broadcast = queries.one(session, account_id, self.broadcast_id)
                return broadcast.state == state and broadcast.finished_at is not None
        except DBAPIError:
            return False

    def _stuck(self) -> str:
        return f"broadcast {self.broadcast_id} does not go on"

    def judged(self, fault: str, bound: int = 0, unsent: tuple[str, ...] = ()) -> Finding:
        """Once it is over."""
        return judge(fault, self.people, self.ledger(), self.taken(), bound, unsent)


@contextmanager
def ground(spoken: bool = True) -> Iterator[Ground]:
    """Everything that faults need; nothing of it is left."""
    with ExitStack() as stack:
        cables = stack.enter_context(network())
        address = cables.address if cables else "127.0.0.1"
        running = stack.enter_context(servers(cables.address if cables else ""))
        receiver = stack.enter_context(our_sink(address))
        slow = stack.enter_context(our_sink(address, delay=_SLOW_SECONDS))
        folder = Path(tempfile.mkdtemp(prefix="esp-hosts-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        account_id, transports = _account(running.runtime, address, (receiver.port, slow.port))
        made = Ground(
            running, receiver, slow, cables, account_id, transports, folder, spoken=spoken
        )
        stack.callback(lambda: [host.close() for host in made.hosts])
        yield made


def _account(runtime: Runtime, address: str, ports: Sequence[int]) -> tuple[int, dict[int, int]]:
    """One that sends by the receivers as relays that sign for it; its transports by port."""
    with runtime.transaction(None) as session:
        account_id = newsletter.make_account(session, "chaos")
        session.execute(
            insert(SendingDomain).values(
                account_id=account_id,
                name="example.com",
                is_signed_by_relay=True,
                # Nobody is to ask DNS about it.
                next_check_at=datetime(9999, 1, 1, tzinfo=UTC),
            )
        )
        transports = {}
        for port in ports:
            values = {"name": f"port {port}", "host": address, "port": port, "tls": "none"}
            made = insert(Transport).values(account_id=account_id, **values)
            transports[port] = session.scalars(made.returning(Transport.id)).one()
        return account_id, transports
