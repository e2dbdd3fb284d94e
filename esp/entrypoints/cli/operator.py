"""`esp operator`: who runs the installation and sees the delivery of all accounts together."""

from __future__ import annotations

import click

from esp.accounts import users
from esp.entrypoints.cli.connect import connected


@click.group()
def operator() -> None:
    """Say who runs this installation."""


@operator.command()
@click.argument("email")
def grant(email: str) -> None:
    """Let a person see the sums of all accounts, and set the pace of the common way out."""
    with connected() as runtime, runtime.transaction(None) as session:
        users.set_operator(session, email, True)


@operator.command()
@click.argument("email")
def revoke(email: str) -> None:
    """Take that away again."""
    with connected() as runtime, runtime.transaction(None) as session:
        users.set_operator(session, email, False)


@operator.command("list")
def show() -> None:
    """Print their addresses, one a line."""
    with connected() as runtime, runtime.transaction(None) as session:
        for email in users.operators(session):
            click.echo(email)
