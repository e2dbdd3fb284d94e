"""`esp api-key`: keys of programs that use the API."""

from __future__ import annotations

import click

from esp.accounts import api_keys, audit
from esp.entrypoints.cli.account import ACTOR, enter
from esp.entrypoints.cli.connect import connected


@click.group("api-key")
def api_key() -> None:
    """Make and revoke keys for programs."""


@api_key.command()
@click.option("--account", "slug", required=True, help="The account's name in URLs.")
@click.option("--name", required=True, help="The program that will use the key.")
def create(slug: str, name: str) -> None:
    """Print a new key, and nothing else; it can't be shown again."""
    with connected() as runtime, runtime.transaction(None) as session:
        account_id = enter(session, slug)
        made = api_keys.create_key(session, account_id, name)
        audit.record(
            session, account_id, ACTOR, "key.create", name.strip(), {"prefix": made.prefix}
        )
    click.echo(made.key)
