"""Commands for sending domains: `esp domain check`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from esp.entrypoints.cli.connect import connected

if TYPE_CHECKING:
    from esp.runtime import Runtime


@click.group()
def domain() -> None:
    """Look at sending domains."""


@domain.command()
@click.argument("name")
def check(name: str) -> None:
    """Ask DNS about a sending domain and print a line of JSON for each of its parts.

    The public keys in DNS are compared with the private keys that sign. The status is 1 if
    something is missing, wrong or not known.
    """
    from sqlalchemy import text

    from esp.errors import N_, NotFound
    from esp.senders.sending_domains import domain_name

    name = domain_name(name)
    with connected() as runtime:
        with runtime.transaction(None) as session:
            found = session.scalars(text("SELECT accounts_with_domain(:name)"), {"name": name})
            account_ids = list(found)
        if not account_ids:
            raise NotFound(N_("No account has the domain %(name)s."), name=name)
        fine = [_check(runtime, account_id, name) for account_id in account_ids]
    if not all(fine):
        sys.exit(1)


def _check(runtime: Runtime, account_id: int, name: str) -> bool:
    import orjson

    from esp.entrypoints.tasks.domains import check as ask
    from esp.senders import dkim_keys
    from esp.senders.dns_checks import KEY_LOST
    from esp.senders.records import of_part, records
    from esp.senders.sending_domains import of_address

    with runtime.transaction(account_id) as session:
        row = of_address(session, account_id, name)
        assert row is not None and row.name == name  # noqa: S101 -- the database named the account
        lost = {
            f"dkim:{key.selector}"
            for key in dkim_keys.keys_of(session, account_id, row.id)
            if key.state != "retired" and not dkim_keys.is_whole(key, runtime.cipher)
        }
    setup, found = ask(runtime, account_id, row.id)
    told, fine = records(setup), True
    for part, one in found.items():
        state, words = ("wrong", KEY_LOST) if part in lost else (one.state, one.text % one.values)
        fine = fine and state in ("working", "unused")
        line = {
            "account_id": account_id,
            "domain": name,
            "part": part,
            "state": state,
            "text": words,
            "records": [
                {"name": r.name, "type": r.kind, "value": r.value} for r in of_part(told, part)
            ],
            "found": one.found,
        }
        click.echo(orjson.dumps(line))
    return fine
