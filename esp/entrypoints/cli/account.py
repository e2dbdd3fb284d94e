"""`esp account`, `esp user` and `esp sign-in-link`: who works here."""

from __future__ import annotations

import click
from sqlalchemy.orm import Session

from esp.accounts import accounts, audit, links, memberships, queries, roles, users
from esp.accounts.accounts import TRACKING, AccountSettings
from esp.accounts.models import User
from esp.db import enter_account
from esp.entrypoints.cli.connect import connected
from esp.errors import N_, NotFound, Refused
from esp.runtime import Runtime
from esp.translations import LANGUAGES

# Who stands in the audit log for what was done in the shell.
ACTOR = "command line"


@click.group()
def account() -> None:
    """Make accounts."""


@account.command("create")
@click.option("--slug", required=True, help="Its name in URLs, for example acme-shop.")
@click.option("--name", required=True, help="The company.")
@click.option("--language", type=click.Choice(list(LANGUAGES)), default="en", show_default=True)
@click.option("--time-zone", default="UTC", show_default=True, help="For example Asia/Jakarta.")
@click.option("--tracking", type=click.Choice(TRACKING), default="consented", show_default=True)
@click.option("--postal-address", default="", help="Every broadcast must show it.")
@click.option("--from-address", default="", help="The usual sender of its broadcasts.")
@click.option("--owner", default="", help="Address of its first owner; prints how they get in.")
def create_account(slug: str, owner: str, **values: str) -> None:
    """Make an account."""
    settings = AccountSettings(**values)
    name = settings.name
    with connected() as runtime, runtime.transaction(None) as session:
        account_id = accounts.create_account(session, slug, settings)
        audit.record(session, account_id, ACTOR, "account.create", name)
        way_in = _let_in(runtime, session, account_id, owner, "", "owner") if owner else ""
    if way_in:
        click.echo(way_in)


@click.group()
def user() -> None:
    """Let people in."""


@user.command("create")
@click.option("--account", "slug", required=True, help="The account's name in URLs.")
@click.option("--email", required=True)
@click.option("--name", default="")
@click.option("--role", type=click.Choice(roles.ROLES), default="editor", show_default=True)
def create_user(slug: str, email: str, name: str, role: str) -> None:
    """Let a person into an account, and print the address where they get in."""
    with connected() as runtime, runtime.transaction(None) as session:
        account_id = enter(session, slug)
        way_in = _let_in(runtime, session, account_id, email, name, role)
    click.echo(way_in)


@click.command("sign-in-link")
@click.option("--email", default="", help="Whom it lets in; not needed while there is one person.")
def sign_in_link(email: str) -> None:
    """Print an address that signs a person in, once, within the hour."""
    with connected() as runtime, runtime.transaction(None) as session:
        person = _person(session, email)
        token = links.create_link(session, person.id, "sign_in", runtime.clock())
    click.echo(f"{runtime.settings.public_url}/sign-in/{token}")


def enter(session: Session, slug: str) -> int:
    """Enter the account `slug` and return its id."""
    account_id = queries.account_of_slug(session, slug)
    if account_id is None:
        raise NotFound(N_("There is no account “%(slug)s”."), slug=slug)
    enter_account(session, account_id)
    return account_id


def _person(session: Session, email: str) -> User:
    found = users.find_user(session, email) if email else queries.only_user(session)
    if found is None and email:
        raise NotFound(N_("Nobody signs in as %(email)s."), email=email)
    if found is None:
        raise Refused(N_("Say whom the link lets in: --email ADDRESS."))
    return found


def _let_in(
    runtime: Runtime, session: Session, account_id: int, email: str, name: str, role: str
) -> str:
    found = users.find_user(session, email)
    user_id = found.id if found else users.create_user(session, email, name)
    memberships.add_member(session, account_id, user_id, role)
    audit.record(session, account_id, ACTOR, "person.add", email, {"role": role})
    page = runtime.settings.public_url
    if found and found.password_hash:
        return f"{page}/sign-in"
    token = links.create_link(session, user_id, "invite", runtime.clock())
    return f"{page}/password/{token}"
