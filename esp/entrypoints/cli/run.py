"""`esp run`: everything under one supervisor."""

from __future__ import annotations

import sys

import click

from esp import config
from esp.accounts import links, queries
from esp.entrypoints.demo import ensure_demo
from esp.entrypoints.run.supervisor import Supervisor
from esp.runtime import Runtime


@click.command()
@click.option("--reload", is_flag=True, help="Start the parts again when a source file changes.")
@click.option("--with-parent", is_flag=True, help="Stop when the process that started this ends.")
def run(reload: bool, with_parent: bool) -> None:
    """Start the servers, the workers and the web; the first time with demo data."""
    settings = config.load()
    sys.exit(Supervisor(settings, first_page, reload=reload, with_parent=with_parent).run())


def first_page(runtime: Runtime) -> str:
    """Make the demo account if it is wanted; the address where the only person is let in once."""
    if runtime.settings.demo:
        ensure_demo(runtime)
    page = f"{runtime.settings.public_url}/sign-in"
    with runtime.transaction(None) as session:
        user = queries.only_user(session)
        if user is None:
            return page
        return f"{page}/{links.create_link(session, user.id, 'sign_in', runtime.clock())}"
