"""A small world of receivers: a DNS that knows their domains, and a server for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.orm import Session

from bench.conversation import Behaviour, Received
from bench.sink import Sink
from esp.clock import utc_now
from esp.config import DIRECT, Settings
from esp.delivery import batches, dispatches
from esp.delivery.batches import Range
from esp.runtime import Runtime
from esp.senders import providers
from tests.dns import FakeDns
from tests.doors.smtp.parties import Client, Scripted
from tests.factories import make_list
from tests.sendings import CONTENT, EARLY, Sending, plan_settings


@dataclass
class World:
    """Receivers by domain: what each took, and how it behaves."""

    dns: FakeDns
    port: int
    taken: dict[str, list[Received]] = field(default_factory=dict)
    sinks: dict[str, Sink] = field(default_factory=dict)

    def count(self, domain: str) -> int:
        return len(self.taken[domain])


Part = Behaviour | Callable[[Client], None]


@contextmanager
def world(parts: Mapping[str, Part]) -> Iterator[World]:
    """Each domain's MX is a server of its own: a sink that behaves so, or a script."""
    with ExitStack() as stack:
        found = World(stack.enter_context(FakeDns()), 0)
        for number, (domain, part) in enumerate(parts.items(), 11):
            host = f"127.0.0.{number}"
            found.dns[domain] = {"MX": [f"10 mx.{domain}."]}
            found.dns[f"mx.{domain}"] = {"A": [host]}
            if isinstance(part, Behaviour):
                taken = found.taken.setdefault(domain, [])
                sink = stack.enter_context(Sink(taken.extend, part, found.port, host))
                found.sinks[domain] = sink
                found.port = found.port or sink.port
            else:
                scripted = stack.enter_context(Scripted(part, host=host, port=found.port))
                found.port = found.port or scripted.port
        yield found


@contextmanager
def direct_runtime(settings: Settings, dns: FakeDns, port: int) -> Iterator[Runtime]:
    """The product at the present time, delivering straight to these receivers."""
    changed = settings.model_copy(
        update={"smtp_url": DIRECT, "dns": (dns.nameserver,), "mx_port": port}
    )
    made = Runtime.from_settings(changed, utc_now)
    yield made
    made.close()


def send_to(
    session: Session,
    account_id: int,
    people: Mapping[str, int],
    *,
    together: bool = False,
    **values: object,
) -> Sending:
    """A broadcast to so many people at each domain, a provider each; `together`: in one batch."""
    list_id = make_list(session, account_id)
    broadcast_id = session.scalar(text("SELECT nextval('broadcasts_id_seq')"))
    assert broadcast_id is not None
    dispatches.open_dispatch(
        session,
        account_id,
        broadcast_id,
        content=CONTENT,
        settings=plan_settings(account_id, broadcast_id),
        data={"account": {"postal_address": "1 Main Street"}},
        include_list_ids=[list_id],
        tracking="all",
        **values,  # type: ignore[arg-type]  # as open_dispatch takes them
    )
    numbers = provider_numbers(session, tuple(people))
    ranges = []
    seq = 0
    for domain, number in people.items():
        provider_id = numbers[domain]
        session.execute(_PEOPLE, {
            "account": account_id, "broadcast": broadcast_id, "list": list_id, "domain": domain,
            "before": seq, "people": number, "provider": provider_id,
        })  # fmt: skip
        ranges.append(Range(seq + 1, seq + number, provider_id))
        seq += number
    if together:
        ranges = [Range(1, seq, providers.provider_id(session, providers.OTHER))]
    batches.add_batches(session, account_id, broadcast_id, ranges, EARLY)
    return Sending(account_id, broadcast_id, list_id, 0)


def provider_numbers(session: Session, domains: tuple[str, ...]) -> dict[str, int]:
    """The provider of each domain, with a name of its own unless it is a known one."""
    numbers = {}
    for domain in domains:
        name = providers.provider_of(domain)
        numbers[domain] = providers.provider_id(
            session, domain if name == providers.OTHER else name
        )
        session.execute(
            text(
                "INSERT INTO domain_providers (domain, provider_id) VALUES (:domain, :provider)"
                " ON CONFLICT (domain) DO UPDATE SET provider_id = excluded.provider_id"
            ),
            {"domain": domain, "provider": numbers[domain]},
        )
    return numbers


_PEOPLE = text("""
    WITH made AS (
        INSERT INTO contacts (account_id, email, domain, first_name)
        SELECT :account, 'p' || :broadcast || '-' || n || '@' || :domain, :domain, 'N' || n
        FROM generate_series(1, CAST(:people AS int)) n ORDER BY n
        RETURNING id, email
    ), joined AS (
        INSERT INTO subscriptions (account_id, list_id, contact_id, state)
        SELECT :account, :list, id, 'subscribed' FROM made
    )
    INSERT INTO recipients (account_id, broadcast_id, seq, contact_id, email, provider_id)
    SELECT :account, :broadcast, :before + row_number() OVER (ORDER BY id), id, email, :provider
    FROM made
""")
