"""How fast a contact file becomes contacts: from the stored bytes to the committed rows."""

from __future__ import annotations

import io
import time

from sqlalchemy import insert, text

from bench.results import Figure, figure
from bench.servers import servers
from esp.accounts.models import Account
from esp.contacts import imports, lists
from esp.contacts.imports import Wishes
from esp.db import enter_account
from esp.entrypoints.tasks.imports import run as run_task
from esp.files import store
from esp.runtime import Runtime

ROWS, QUICK_ROWS = 200_000, 20_000
GOAL = 20_000


def run(rounds: int, quick: bool) -> list[Figure]:
    """Figures of new people, and of the same people a second time."""
    rows = QUICK_ROWS if quick else ROWS
    first: list[float] = []
    again: list[float] = []
    data = people(rows)
    with servers() as started:
        for number in range(rounds):
            account_id = make_account(started.runtime, number)
            first.append(rows / take(started.runtime, account_id, data))
            again.append(rows / take(started.runtime, account_id, data))
    return [
        figure("import", name, rates, "rows/s", goal=GOAL)
        for name, rates in (("new contacts", first), ("known contacts", again))
    ]


def people(rows: int) -> bytes:
    """A file as another tool writes it: address, names, city, company, a number, a date."""
    out = io.StringIO()
    out.write("Email,First name,Last name,City,Company,Orders,Last order\n")
    for n in range(rows):
        out.write(
            f"person{n}@customers{n % 977}.example,Name{n % 5000},Family{n % 9000},"
            f"City {n % 300},Company {n % 700},{n % 50},2024-{n % 12 + 1:02}-{n % 28 + 1:02}\n"
        )
    return out.getvalue().encode()


def take(runtime: Runtime, account_id: int, data: bytes) -> float:
    """Seconds from the start of the import to its end."""
    with runtime.transaction(account_id) as session:
        file = store.keep(
            session, account_id, "contacts", "a.csv", "text/csv", io.BytesIO(data), limit=10**9
        )
        row = imports.create(session, account_id, file, "bench")
        chosen = lists.all_lists(session, account_id)[0].id
        imports.map_columns(session, account_id, row.id, row.mapping, Wishes(chosen, True, "bench"))
        imports.start(session, account_id, row.id)
    begun = time.perf_counter()
    run_task(runtime, account_id)
    taken = time.perf_counter() - begun
    with runtime.transaction(account_id) as session:
        done = imports.get(session, account_id, row.id)
        if done.state != "finished" or done.rejected_count:
            raise SystemExit(f"the import ended as {done.state}: {done.error}")
    return taken


def make_account(runtime: Runtime, number: int) -> int:
    with runtime.transaction(None) as session:
        account_id = session.scalars(text("SELECT nextval('accounts_id_seq')")).one()
        enter_account(session, account_id)
        session.execute(insert(Account).values(id=account_id, slug=f"bench-{number}", name="Bench"))
        lists.create(session, account_id, lists.Wording("Everybody"))
    return int(account_id)
