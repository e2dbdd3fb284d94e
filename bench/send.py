"""How fast a scheduled broadcast goes out, against Postfix's smtp-source in the same minute.

Real processes, PostgreSQL and Valkey; a personal newsletter of 20 kB; from the commit that
schedules it until the last row of the ledger is final. Each round is source, ours, source.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from bench import newsletter, tools
from bench.product import Product, product
from bench.receivers import Pushed, Receiver, Taken, our_sink, smtp_sink, smtp_source
from bench.results import Better, Figure, figure
from bench.servers import Servers, servers
from esp.broadcasts import move, queries
from esp.delivery import ledger
from esp.entrypoints.tasks import wake
from esp.runtime import Runtime

RECIPIENTS, QUICK_RECIPIENTS = 50_000, 5_000
WARM_UP = 300
PROCESSES = 1
CONNECTIONS = 10
# Of the bench's looks at the ledger; costs PostgreSQL less than a hundredth of a core.
_LOOK_SECONDS = 0.02
_PATIENCE_SECONDS = 600.0


@dataclass(frozen=True)
class Sent:
    """One broadcast of ours: seconds, and CPU seconds by process tree."""

    people: int
    seconds: float
    first_seconds: float
    cpu: dict[str, float]
    size: float
    memory: int

    @property
    def rate(self) -> float:
        return self.people / self.seconds

    @property
    def cpu_per_message(self) -> float:
        return sum(self.cpu.values()) / self.people


@dataclass
class Rounds:
    """All rounds into one receiver; of each, ours and the mean of smtp-source before and after."""

    sent: list[Sent] = field(default_factory=list)
    source_rate: list[float] = field(default_factory=list)
    source_cpu: list[float] = field(default_factory=list)
    sink_cpu: list[float] = field(default_factory=list)

    def add(self, before: Pushed, sent: Sent, after: Pushed, sink_cpu: float) -> None:
        self.sent.append(sent)
        self.source_rate.append((before.rate + after.rate) / 2)
        self.source_cpu.append((before.cpu + after.cpu) / 2)
        self.sink_cpu.append(sink_cpu)

    @property
    def ratios(self) -> list[float]:
        return [one.rate / rate for one, rate in zip(self.sent, self.source_rate, strict=True)]

    @property
    def cpu_ratios(self) -> list[float]:
        pairs = zip(self.sent, self.source_cpu, strict=True)
        return [one.cpu_per_message / cpu for one, cpu in pairs]


@dataclass(frozen=True)
class Audience:
    """A list and how many people it holds."""

    list_id: int
    people: int


@dataclass(frozen=True)
class Ground:
    """Servers with people, and an account to send from."""

    servers: Servers
    account_id: int
    few: Audience
    everybody: Audience


def run(rounds: int, quick: bool) -> list[Figure]:
    """The figures of `make bench-send`; ToolMissingError without Postfix's tools."""
    tools.find("smtp-source")
    tools.find("smtp-sink")
    with servers() as started:
        ground = prepare(started, QUICK_RECIPIENTS if quick else RECIPIENTS)
        with our_sink() as receiver, started_product(started, receiver) as ours:
            warmed = send(ground, ours, receiver, ground.few)
            size = payload_of(receiver, warmed.size)
            into_ours = rounds_into(ground, ours, receiver, size, rounds)
        with smtp_sink() as receiver, started_product(started, receiver) as ours:
            send(ground, ours, receiver, ground.few)
            into_postfix = rounds_into(ground, ours, receiver, size, rounds)
    return figures(into_ours, into_postfix)


def prepare(started: Servers, people: int) -> Ground:
    """An account with a list of `people`."""
    with started.runtime.transaction(None) as session:
        account_id = newsletter.make_account(session, "bench")
        few = newsletter.make_list(session, account_id, "A few", WARM_UP)
    analyze(started)
    with started.runtime.transaction(account_id) as session:
        everybody = newsletter.make_list(session, account_id, "Everybody", people)
    return Ground(started, account_id, Audience(few, WARM_UP), Audience(everybody, people))


def analyze(started: Servers) -> None:
    """As autovacuum would in a minute; until then, plans of foreign keys read whole tables."""
    owner = create_engine(started.settings.database_owner_url, isolation_level="AUTOCOMMIT")
    with owner.connect() as connection:
        connection.execute(text("ANALYZE"))
    owner.dispose()


def started_product(started: Servers, receiver: Receiver) -> AbstractContextManager[Product]:
    """The product with the receiver as its transport."""
    return product(
        started,
        smtp_url=f"smtp://127.0.0.1:{receiver.port}",
        smtp_connections=CONNECTIONS,
        sending_workers=PROCESSES,
    )


def payload_of(receiver: Receiver, size: float) -> int:
    """What smtp-source must be told for messages of `size` octets, as it adds a header."""
    mark = receiver.mark()
    push(receiver, CONNECTIONS, 10_000)
    header = receiver.taken_since(mark)[0].size - 10_000
    return round(size) - header


def rounds_into(
    ground: Ground, ours: Product, receiver: Receiver, size: int, rounds: int
) -> Rounds:
    """Rounds of source, ours, source into one receiver."""
    found = Rounds()
    people = ground.everybody.people
    for _ in range(rounds):
        worked = receiver.cpu()
        before = push(receiver, people, size)
        sink_cpu = (receiver.cpu() - worked) / people
        sent = send(ground, ours, receiver, ground.everybody)
        found.add(before, sent, push(receiver, people, size), sink_cpu)
    return found


def push(receiver: Receiver, messages: int, size: int) -> Pushed:
    return smtp_source(receiver.port, messages, PROCESSES * CONNECTIONS, size)


def send(ground: Ground, ours: Product, receiver: Receiver, audience: Audience) -> Sent:
    """One broadcast from scheduling to the last row; SystemExit if a copy is missing or double."""
    runtime, account_id = ground.servers.runtime, ground.account_id
    with runtime.transaction(account_id) as session:
        broadcast_id = newsletter.make_broadcast(session, account_id, audience.list_id)
    mark, worked = receiver.mark(), ours.cpu()
    with runtime.transaction(account_id) as session:
        now = runtime.clock()
        move.schedule(session, account_id, broadcast_id, now, now)
    scheduled_at, begun = time.time(), time.perf_counter()
    wake(runtime, "broadcasts", account_id)
    wait_until_through(runtime, account_id, broadcast_id)
    seconds = time.perf_counter() - begun
    cpu = {name: spent - worked[name] for name, spent in ours.cpu().items()}
    taken = receiver.taken_since(mark)
    with runtime.transaction(account_id) as session:
        states = states_of(session, account_id, broadcast_id)
    wrong = differences(states, audience.people, None if receiver.record is None else taken)
    if wrong:
        raise SystemExit("; ".join(wrong))
    sizes = [one.size for one in taken]
    first = taken[0].at - scheduled_at if taken else 0.0
    mean = statistics.mean(sizes) if sizes else 0.0
    return Sent(audience.people, seconds, first, cpu, mean, ours.sending_memory())


def wait_until_through(runtime: Runtime, account_id: int, broadcast_id: int) -> None:
    """Until the whole audience is in the ledger and nothing of it waits any more."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with runtime.transaction(account_id) as session:
            broadcast = queries.one(session, account_id, broadcast_id)
            if broadcast.state == "failed":
                raise SystemExit(f"the broadcast failed: {broadcast.hold_reason}")
            if broadcast.snapshot_finished_at and ledger.is_through(
                session, account_id, broadcast_id
            ):
                return
        time.sleep(_LOOK_SECONDS)
    raise TimeoutError("the broadcast does not end")


def states_of(session: Session, account_id: int, broadcast_id: int) -> dict[str, int]:
    """How many rows of the ledger are in each state."""
    rows = session.execute(
        text(
            "SELECT state, count(*) FROM recipients WHERE account_id = :account"
            " AND broadcast_id = :broadcast GROUP BY state"
        ),
        {"account": account_id, "broadcast": broadcast_id},
    )
    return {state: int(number) for state, number in rows}


def differences(states: Mapping[str, int], people: int, taken: Sequence[Taken] | None) -> list[str]:
    """What ledger and receiver (None: it keeps no record) say that should not be."""
    found = []
    if states != {"sent": people}:
        found.append(f"the ledger says {dict(states)} of {people} people")
    if taken is not None:
        if len(taken) != people:
            found.append(f"the receiver took {len(taken)} of {people} messages")
        double = len(taken) - len({one.rcpt for one in taken})
        if double:
            found.append(f"{double} messages came twice")
    return found


def figures(ours: Rounds, postfix: Rounds) -> list[Figure]:
    """Into our sink and into Postfix's."""
    share = [mine / theirs for mine, theirs in zip(ours.sink_cpu, postfix.sink_cpu, strict=True)]
    found = [
        _figure("into bench/sink.py", [one.rate for one in ours.sent], "messages/s"),
        _figure("into bench/sink.py, of smtp-source", ours.ratios, "×", goal=0.80),
        _figure("into smtp-sink", [one.rate for one in postfix.sent], "messages/s"),
        _figure("into smtp-sink, of smtp-source", postfix.ratios, "×", goal=0.75),
        _figure(
            "CPU of everything, of smtp-source's",
            ours.cpu_ratios,
            "×",
            goal=3.5,
            better="lower",
        ),
        _figure(
            "first message",
            [one.first_seconds for one in ours.sent],
            "s",
            goal=2.0,
            better="lower",
        ),
        _figure("CPU of bench/sink.py, of smtp-sink's", share, "×", goal=0.5, better="lower"),
        _figure("smtp-source into bench/sink.py", ours.source_rate, "messages/s"),
        _figure("smtp-source into smtp-sink", postfix.source_rate, "messages/s"),
        _micros("CPU of smtp-source", ours.source_cpu),
    ]
    for name in ours.sent[0].cpu:
        found.append(_micros(f"CPU of {name}", [one.cpu[name] / one.people for one in ours.sent]))
    memory = [one.memory / 1e6 for one in ours.sent]
    found.append(_figure("memory of a sending process", memory, "MB", better="lower"))
    return found


def _micros(name: str, seconds: Sequence[float]) -> Figure:
    return _figure(name, [one * 1e6 for one in seconds], "µs/message", better="lower")


def _figure(
    name: str,
    values: Sequence[float],
    unit: str,
    goal: float | None = None,
    better: Better = "higher",
) -> Figure:
    return figure("send", name, values, unit, goal=goal, better=better)
