"""`esp migrate`: the database's tables."""

from __future__ import annotations

import sys

import click

from esp import config
from esp.errors import SettingError


@click.command()
@click.option("--check", is_flag=True, help="Only compare the migrations with the models.")
def migrate(check: bool) -> None:
    """Bring the database to the newest migration."""
    from esp.entrypoints.run import migrate as steps

    if check:
        found = steps.differences()
        if found:
            click.echo(f"The models have what no migration makes:\n{found}", err=True)
            sys.exit(1)
        return
    settings = config.load()
    if not settings.database_url:
        raise SettingError(
            "ESP_DATABASE_URL is not set. `esp run` migrates the embedded database itself."
        )
    steps.upgrade(settings.database_url, settings.database_owner_url or settings.database_url)
