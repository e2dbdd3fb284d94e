"""The parts of the product, each run apart: `esp web|worker|ticker|inbound|mailbox`."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from esp import config, lifeline, logs
from esp.errors import SettingError

if TYPE_CHECKING:
    from esp.runtime import Runtime

# Threads wait for the database; more of them than this only wait for each other.
WEB_THREADS = min(8, 2 * (os.cpu_count() or 1) + 1)
WORKER_THREADS = 4
STOP_MILLISECONDS = 3000
# An idle worker looks for messages this often; dramatiq's own second would be felt at every step.
LOOK_MILLISECONDS = 200


@click.command()
def web() -> None:
    """Serve the pages, the API and the links in mails."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    settings = config.load()
    _check(settings)
    lifeline.watch_inherited()
    lifeline.lead()
    if multiprocessing.get_start_method() == "fork":
        _preload()
    host, _, port = settings.bind.rpartition(":")
    Granian(
        "esp.wsgi:application",
        address=host.strip("[]"),
        port=int(port),
        interface=Interfaces.WSGI,
        workers=settings.web_workers,
        blocking_threads=WEB_THREADS,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=2,
        log_level=LogLevels(settings.log_level),
    ).serve()


@click.command()
@click.option("--sending", is_flag=True, help="Work on the sending queue, and on nothing else.")
def worker(sending: bool) -> None:
    """Work on what waits: imports and returns, or with --sending the mails."""
    os.environ.setdefault("dramatiq_worker_timeout", str(LOOK_MILLISECONDS))
    from dramatiq import cli

    settings = config.load()
    _check(settings)
    lifeline.watch_inherited()
    lifeline.lead()
    processes = settings.sending_workers if sending else settings.workers
    arguments = ["esp.entrypoints.worker:broker", "--queues", "sending" if sending else "default"]
    arguments += ["--processes", str(processes), "--threads", str(1 if sending else WORKER_THREADS)]
    arguments += ["--worker-shutdown-timeout", str(STOP_MILLISECONDS), "--skip-logging"]
    sys.argv[1:] = arguments
    sys.exit(cli.main())  # type: ignore[no-untyped-call]  # dramatiq types its parts in part


@click.command()
def ticker() -> None:
    """Start what is due, and wake again what a lost message left behind."""
    from esp.entrypoints import ticker as part

    _keep_running("ticker", part.run)


@click.command()
def inbound() -> None:
    """Take the mails that come back."""
    from esp.entrypoints import inbound as part

    _keep_running("inbound", part.run)


@click.command()
def mailbox() -> None:
    """Take mails into the local mailbox, where the pages show them."""
    from esp.entrypoints import mailbox as part

    if not config.load().mailbox_bind:
        raise SettingError("ESP_MAILBOX_BIND is not set; `esp run` picks a free port itself.")
    _keep_running("mailbox", part.run)


def _preload() -> None:
    """Import all the doors of the web before its processes fork: seconds of CPU, once."""
    from esp.entrypoints import api, public
    from esp.entrypoints import web as pages

    for door in (api, public, pages):
        pages.areas(door)


def _check(settings: config.Settings) -> None:
    """Tell a wrong setting here and not in each process; `esp run` has done so already."""
    if lifeline.VARIABLE not in os.environ:
        from esp.runtime import Runtime

        Runtime.from_settings(settings).close()


def _keep_running(name: str, part: Callable[[Runtime], None]) -> None:
    from esp.runtime import Runtime

    settings = config.load()
    logs.configure(settings, name)
    lifeline.watch_inherited()
    part(Runtime.from_settings(settings))
