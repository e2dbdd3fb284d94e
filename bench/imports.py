"""How fast a contact file becomes contacts: from the stored bytes to the committed rows.

Usage: python -m bench.imports [rows]. It starts a PostgreSQL of its own in a temporary folder.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import insert, text

from esp import lifeline
from esp.accounts.models import Account
from esp.config import Settings
from esp.contacts import imports, lists
from esp.contacts.imports import Wishes
from esp.db import enter_account
from esp.entrypoints.run import embedded
from esp.entrypoints.run.migrate import upgrade
from esp.entrypoints.tasks.imports import run
from esp.files import store
from esp.runtime import Runtime

ROUNDS = 3
GOAL = 20_000
Figure = dict[str, Any]


def measure(rows: int = 200_000, rounds: int = ROUNDS) -> list[Figure]:
    """Figures of new people, and of the same people a second time."""
    first: list[float] = []
    again: list[float] = []
    data = people(rows)
    with installation() as runtime:
        for number in range(rounds):
            account_id = make_account(runtime, number)
            first.append(rows / take(runtime, account_id, data))
            again.append(rows / take(runtime, account_id, data))
    return [figure("new contacts", first), figure("known contacts", again)]


def figure(name: str, rates: list[float]) -> Figure:
    middle = statistics.median(rates)
    return {
        "bench": "imports",
        "figure": name,
        "value": round(middle),
        "unit": "rows/s",
        "goal": GOAL,
        "better": "higher",
        "rounds": len(rates),
        "spread": round((max(rates) - min(rates)) / middle, 3),
    }


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
    run(runtime, account_id)
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


@contextmanager
def installation() -> Iterator[Runtime]:
    """A fresh database with the embedded server's own settings."""
    folder = Path(tempfile.mkdtemp(prefix="esp-bench-"))
    folder.chmod(0o711)
    line = lifeline.hold(folder / "run" / "lifeline")
    server = embedded.start_postgres(folder, folder / "run" / "lifeline", {})
    try:
        app, owner = embedded.database_urls(folder)
        upgrade(app, owner)
        settings = Settings(
            data_dir=folder,
            database_url=app,
            database_owner_url=owner,
            redis_url="redis://127.0.0.1:1/0",
            secret_key="a key for benches that is long enough",
        )
        runtime = Runtime.from_settings(settings)
        yield runtime
        runtime.close()
    finally:
        os.close(line)
        server.process.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    json.dump(measure(wanted), sys.stdout, indent=2)
