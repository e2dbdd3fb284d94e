"""The `esp` command; each of its commands is imported when it is called, so that all start fast."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any

import click

from esp.errors import Error, SettingError

COMMANDS = {
    "run": "esp.entrypoints.cli.run:run",
    "web": "esp.entrypoints.cli.parts:web",
    "worker": "esp.entrypoints.cli.parts:worker",
    "ticker": "esp.entrypoints.cli.parts:ticker",
    "inbound": "esp.entrypoints.cli.parts:inbound",
    "mailbox": "esp.entrypoints.cli.parts:mailbox",
    "migrate": "esp.entrypoints.cli.migrate:migrate",
    "account": "esp.entrypoints.cli.account:account",
    "user": "esp.entrypoints.cli.account:user",
    "sign-in-link": "esp.entrypoints.cli.account:sign_in_link",
    "api-key": "esp.entrypoints.cli.api_key:api_key",
    "render": "esp.entrypoints.cli.render:render",
    "address": "esp.entrypoints.cli.address:address",
    "operator": "esp.entrypoints.cli.operator:operator",
    "domain": "esp.entrypoints.cli.domain:domain",
}


class Commands(click.Group):
    """Finds its commands in `COMMANDS`; an error of the product becomes a sentence and a status."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Error as error:
            click.echo(str(error), err=True)
            sys.exit(2 if isinstance(error, SettingError) else 1)


@click.group(cls=Commands)
@click.version_option(package_name="esp")
def main() -> None:
    """An e-mail service provider that you run yourself."""
