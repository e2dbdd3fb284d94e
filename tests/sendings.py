"""A broadcast that is being sent: dispatch, contacts, ledger and batches, made in bulk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import text
from sqlalchemy.orm import Session

from esp.delivery import batches, dispatches
from esp.delivery.batches import Range
from esp.delivery.frozen import FrozenContent, FrozenLink
from esp.delivery.plan import ListId, PlanSettings
from tests.factories import make_list

CONTENT = FrozenContent(
    subject="Hello {{ contact.first_name | default: 'friend' }}",
    html="<html><body><p>Hello {{ contact.first_name }}</p><a href='{{ click_0 }}'>Shop</a>"
    "<p>{{ account.postal_address }} <a href='{{ unsubscribe_url }}'>Leave</a></p></body></html>",
    text="Hello {{ contact.first_name }}\n{{ unsubscribe_url }}\n",
    links=(FrozenLink(0),),
)
EARLY = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Sending:
    """What was made; the first contact's number is `first_contact`, the others follow."""

    account_id: int
    broadcast_id: int
    list_id: int
    first_contact: int


def plan_settings(account_id: int, broadcast_id: int) -> PlanSettings:
    return PlanSettings(
        base_url="http://127.0.0.1:8000",
        tracking_base_url="http://127.0.0.1:8000",
        bounce_domain="bounces.localhost",
        message_id_domain="acme.example",
        from_name="Acme",
        from_address="news@acme.example",
        account_id=account_id,
        broadcast_id=broadcast_id,
        list_id=ListId("l1", "News", "acme.example"),
    )


def make_sending(
    session: Session,
    account_id: int,
    people: int,
    *,
    batch: int = 100,
    tracking: str = "all",
    rate: int | None = None,
    transport_id: int | None = None,
    prefix: str = "p",
) -> Sending:
    """A broadcast to `people` contacts `<prefix><seq>@customers.example`, seqs from 1."""
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
        transport_id=transport_id,
        tracking=tracking,
        rate_per_minute=rate,
    )
    values = {
        "account": account_id,
        "broadcast": broadcast_id,
        "list": list_id,
        "people": people,
        "prefix": f"{prefix}{broadcast_id}-",
    }
    first = session.scalar(
        text(
            "WITH made AS (INSERT INTO contacts (account_id, email, domain, first_name)"
            " SELECT :account, :prefix || n || '@customers.example', 'customers.example', 'N' || n"
            " FROM generate_series(1, :people) n ORDER BY n RETURNING id)"
            " SELECT min(id) FROM made"
        ),
        values,
    )
    values["first"] = first
    session.execute(
        text(
            "INSERT INTO subscriptions (account_id, list_id, contact_id, state)"
            " SELECT :account, :list, :first + n - 1, 'subscribed'"
            " FROM generate_series(1, :people) n"
        ),
        values,
    )
    session.execute(
        text(
            "INSERT INTO recipients (account_id, broadcast_id, seq, contact_id, email, provider_id)"
            " SELECT :account, :broadcast, n, c.id, c.email, 1 FROM generate_series(1, :people) n"
            " JOIN contacts c ON c.account_id = :account AND c.id = :first + n - 1"
        ),
        values,
    )
    ranges = [Range(lo, min(lo + batch - 1, people), 1) for lo in range(1, people + 1, batch)]
    batches.add_batches(session, account_id, broadcast_id, ranges, EARLY)
    return Sending(account_id, broadcast_id, list_id, int(first or 0))


def states(session: Session, sending: Sending) -> dict[str, int]:
    """How many recipients are in which state."""
    rows = session.execute(
        text(
            "SELECT state, count(*) FROM recipients WHERE account_id = :account"
            " AND broadcast_id = :broadcast GROUP BY state"
        ),
        {"account": sending.account_id, "broadcast": sending.broadcast_id},
    )
    return dict(rows.all())


def counts(session: Session, sending: Sending) -> dict[str, int]:
    """The broadcast's counts that are not 0."""
    rows = session.execute(
        text(
            "SELECT name, count FROM broadcast_counts WHERE account_id = :account"
            " AND broadcast_id = :broadcast AND count <> 0"
        ),
        {"account": sending.account_id, "broadcast": sending.broadcast_id},
    )
    return dict(rows.all())
