"""The demo account of a first run: people, lists, a template and a draft to play with."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

from sqlalchemy.orm import Session

from esp.accounts import accounts, memberships, queries, users
from esp.broadcasts import compose
from esp.contacts import fields, lists, people
from esp.contacts.subscriptions import Asked
from esp.content import templates
from esp.places import templates_folder
from esp.runtime import Runtime

SLUG = "demo"
USER = "demo@esp.localhost"
# Reserved for examples (RFC 2606): nothing sent to them can reach anybody.
DOMAIN = "people.example"

FIRST = ("Ayu", "Budi", "Citra", "Dewi", "Eko", "Freya", "Gilang", "Hana", "Ivan", "Joko", "Karin")
LAST = ("Lestari", "Santoso", "Weber", "Okafor", "García", "Nguyen", "O’Neill", "Putri", "Sørensen")
CITIES = ("Jakarta", "Bandung", "Berlin", "Lagos", "Madrid", "Hanoi", "Dublin")
PLANS = ("Free", "Plus", "Business")


def ensure_demo(runtime: Runtime) -> None:
    """Make the account `demo` and its only user, unless anybody has begun to work here."""
    with runtime.transaction(None) as session:
        if queries.has_users(session):
            return
        account_id = accounts.create_account(session, SLUG, _settings())
        user_id = users.create_user(session, USER, "Demo")
        memberships.add_member(session, account_id, user_id, "owner")
        users.set_operator(session, USER, True)
        newsletter, customers = _lists(session, account_id)
        _people(session, runtime, account_id, newsletter, customers)
        _draft(session, account_id, user_id, newsletter)


def _settings() -> accounts.AccountSettings:
    return accounts.AccountSettings(
        name="Demo Company",
        postal_address="Jalan Merdeka 1\n10110 Jakarta\nIndonesia",
        website="https://demo.example",
        language="en",
        time_zone="Asia/Jakarta",
        tracking="all",
        from_name="Demo Company",
        from_address="news@demo.example",
    )


def _lists(session: Session, account_id: int) -> tuple[int, int]:
    newsletter = lists.Wording(
        "Newsletter",
        "What is new, once a month.",
        "I want the monthly newsletter of Demo Company by e-mail. I can leave at any time.",
    )
    customers = lists.Wording("Customers", "Everybody who has bought something.", is_public=False)
    return lists.create(session, account_id, newsletter), lists.create(
        session, account_id, customers
    )


def _people(
    session: Session, runtime: Runtime, account_id: int, newsletter: int, customers: int
) -> None:
    fields.add(session, account_id, "Plan", "choice", PLANS)
    fields.add(session, account_id, "Points", "number")
    now = runtime.clock()
    for number, (first, last) in enumerate(product(FIRST, LAST)):
        values = {
            "email": f"person{number + 1}@{DOMAIN}",
            "first_name": first if number % 10 else "",  # some names are never known
            "last_name": last,
            "city": CITIES[number % len(CITIES)],
            "language": "id" if number % 3 == 0 else "en",
            "fields": {"plan": PLANS[number % 3], "points": number * 7 % 200},
        }
        to = (newsletter, customers) if number % 4 == 0 else (newsletter,)
        asked = Asked("demo", now - timedelta(days=100 - number), wording="demo")
        people.upsert(session, account_id, values, to, "demo", asked=asked)


def _draft(session: Session, account_id: int, user_id: int, newsletter: int) -> None:
    template = templates.from_ready_made(
        session, account_id, templates_folder() / "ready_made", "en", "newsletter", "Newsletter"
    )
    draft = compose.create(
        session,
        account_id,
        {"name": "My first newsletter"},
        user_id=user_id,
        template_id=template.id,
    )
    compose.set_lists(session, account_id, draft.id, (newsletter,))
