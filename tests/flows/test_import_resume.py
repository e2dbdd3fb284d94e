"""An import whose worker is killed again and again ends as one that nobody disturbed."""

from __future__ import annotations

import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import select, text

from esp.config import Settings
from esp.contacts import imports, lists
from esp.contacts.imports import Wishes
from esp.files import store
from esp.runtime import Runtime
from tests.factories import make_account, make_contact, subscribe

ROWS = 200_000
KILLS = 3
PATIENCE = 120.0

WORKER = """
import sys
from esp import config
from esp.entrypoints.tasks.imports import run
from esp.runtime import Runtime
run(Runtime.from_settings(config.load()), int(sys.argv[1]))
"""


def people() -> bytes:
    """Every 100th row is wrong, every 50th an upper-case double, every 20th has left."""
    out = io.StringIO()
    out.write("email,first_name,orders,status\n")
    for n in range(ROWS):
        if n % 100 == 99:
            out.write(f"no address {n},x,1,subscribed\n")
        elif n % 50 == 49:
            out.write(f"PERSON{n - 7}@Customers.example,Twice {n},,subscribed\n")
        else:
            status = "unsubscribed" if n % 20 == 0 else "subscribed"
            out.write(f"person{n}@customers.example,Name {n},{n % 9},{status}\n")
    return out.getvalue().encode()


def test_three_kills_change_nothing(runtime: Runtime):
    data = people()
    calm = prepared(runtime, data)
    work(runtime.settings, calm).wait(PATIENCE)
    expected = outcome(runtime, calm)
    disturbed = prepared(runtime, data)
    chance = random.Random(7)
    for _ in range(KILLS):
        with killed_later(runtime, disturbed):
            after = rows_read(runtime, disturbed)
            wait_for(lambda after=after: rows_read(runtime, disturbed) > after)
            time.sleep(chance.uniform(0, 0.3))
        assert state(runtime, disturbed) == "running"
        with runtime.transaction(disturbed) as session:
            # As if the dead worker's time had passed.
            session.execute(text("UPDATE imports SET lease_until = NULL"))
    assert work(runtime.settings, disturbed).wait(PATIENCE) == 0
    assert outcome(runtime, disturbed) == expected
    assert expected["counts"]["rows_read"] == ROWS
    assert expected["counts"]["rejected_count"] == ROWS // 100


@contextmanager
def killed_later(runtime: Runtime, account_id: int) -> Iterator[None]:
    worker = work(runtime.settings, account_id)
    try:
        yield
    finally:
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(10) == -signal.SIGKILL


def work(settings: Settings, account_id: int) -> subprocess.Popen[bytes]:
    """A process that carries out the imports of the account."""
    environment = {
        **os.environ,
        "ESP_DATABASE_URL": settings.database_url or "",
        "ESP_REDIS_URL": settings.redis_url or "",
        "ESP_SECRET_KEY": settings.secret_key or "",
        "ESP_DATA_DIR": str(settings.data_dir),
    }
    return subprocess.Popen([sys.executable, "-c", WORKER, str(account_id)], env=environment)


def prepared(runtime: Runtime, data: bytes) -> int:
    """An account with people who were there before, and an import that waits."""
    with runtime.transaction(None) as session:
        account_id = make_account(session)
        list_id = lists.create(session, account_id, lists.Wording("Everybody"))
        for n in range(1, 400, 2):
            person = make_contact(session, account_id, email=f"person{n}@customers.example")
            subscribe(session, account_id, list_id, person, "unsubscribed")
        stream = io.BytesIO(data)
        file = store.keep(session, account_id, "contacts", "a.csv", "", stream, limit=10**8)
        row = imports.create(session, account_id, file, "ani@acme.example")
        imports.map_columns(session, account_id, row.id, row.mapping, Wishes(list_id))
        imports.start(session, account_id, row.id)
    return account_id


def rows_read(runtime: Runtime, account_id: int) -> int:
    with runtime.transaction(account_id) as session:
        return session.scalars(text("SELECT rows_read FROM imports")).one()


def state(runtime: Runtime, account_id: int) -> str:
    with runtime.transaction(account_id) as session:
        return session.scalars(text("SELECT state FROM imports")).one()


def outcome(runtime: Runtime, account_id: int) -> dict[str, object]:
    """All that an import leaves, without numbers of rows and times."""
    with runtime.transaction(account_id) as session:
        row = session.scalars(select(imports.Import)).one()
        assert row.state == "finished", row.error
        counted = {name: getattr(row, name) for name in
                   ("rows_read", "bytes_read", "created_count", "updated_count", "unchanged_count",
                    "subscribed_count", "kept_count", "rejected_count")}  # fmt: skip
        queries = {
            "contacts": "SELECT email, first_name, fields::text FROM contacts ORDER BY email",
            "subscriptions": "SELECT c.email, s.state FROM subscriptions s"
            " JOIN contacts c ON c.account_id = s.account_id AND c.id = s.contact_id"
            " ORDER BY c.email",
            "rejections": "SELECT row_number, reason, row_values::text FROM import_rejections"
            " ORDER BY row_number",
            "proofs": "SELECT c.email, p.action FROM consents p"
            " JOIN contacts c ON c.account_id = p.account_id AND c.id = p.contact_id"
            " ORDER BY c.email, p.action",
            "events": "SELECT c.email, e.kind FROM events e"
            " JOIN contacts c ON c.account_id = e.account_id AND c.id = e.contact_id"
            " ORDER BY c.email, e.kind",
        }
        # Nobody has analysed tables this new: a guess of few rows would compare each with each.
        session.execute(text("SET LOCAL enable_nestloop = off"))
        found = {
            name: [tuple(one) for one in session.execute(text(query))]
            for name, query in queries.items()
        }
    return {"counts": counted, **found}


def wait_for(happens) -> None:
    end = time.monotonic() + PATIENCE
    while not happens():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)
