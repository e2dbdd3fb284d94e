"""`esp run`: everything under one supervisor."""

from __future__ import annotations

import sys

import click

from esp import config


@click.command()
@click.option("--reload", is_flag=True, help="Start the parts again when a source file changes.")
@click.option("--with-parent", is_flag=True, help="Stop when the process that started this ends.")
def run(reload: bool, with_parent: bool) -> None:
    """Start the servers, the workers and the web; the first time with demo data."""
    from esp.entrypoints.run.first_page import first_page
    from esp.entrypoints.run.supervisor import Supervisor

    settings = config.load()
    sys.exit(Supervisor(settings, first_page, reload=reload, with_parent=with_parent).run())
