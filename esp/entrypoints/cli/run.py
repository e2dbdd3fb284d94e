"""`esp run`: everything under one supervisor."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from esp import config

if TYPE_CHECKING:
    from esp.runtime import Runtime


@click.command()
@click.option("--reload", is_flag=True, help="Start the parts again when a source file changes.")
@click.option("--with-parent", is_flag=True, help="Stop when the process that started this ends.")
def run(reload: bool, with_parent: bool) -> None:
    """Start the servers, the workers and the web; the first time with demo data."""
    from esp.entrypoints.run.supervisor import Supervisor

    settings = config.load()
    sys.exit(Supervisor(settings, _first_page, reload=reload, with_parent=with_parent).run())


def _first_page(runtime: Runtime) -> str:
    from esp.entrypoints.run.first_page import first_page

    return first_page(runtime)
