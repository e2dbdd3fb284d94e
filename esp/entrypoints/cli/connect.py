"""Reaches the servers for a command: the configured ones, or those that `esp run` started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import OperationalError

from esp import config
from esp.config import Settings
from esp.entrypoints.run import embedded
from esp.entrypoints.run.berth import socket_folder
from esp.errors import N_, SettingError
from esp.runtime import Runtime


@contextmanager
def connected() -> Iterator[Runtime]:
    """The product's parts, with a database that answers; SettingError if there is none."""
    runtime = Runtime.from_settings(reachable(config.load()))
    try:
        with runtime.engine.connect():
            pass
        yield runtime
    except OperationalError as error:
        raise SettingError(
            N_("The database can't be reached: %(reason)s"),
            reason=str(error.orig).strip().partition("\n")[0],
        ) from None
    finally:
        runtime.close()


def reachable(settings: Settings) -> Settings:
    """`settings` with the addresses of the embedded servers where none is configured."""
    if settings.database_url and settings.redis_url:
        return settings
    if not settings.database_url and not any(socket_folder(settings.data_dir).glob(".s.PGSQL.*")):
        raise SettingError(
            N_(
                "No database is running for ESP_DATA_DIR (%(folder)s), and ESP_DATABASE_URL is not "
                "set. Start `esp run` in another terminal, or name the database."
            ),
            folder=settings.data_dir.absolute(),
        )
    app, owner = embedded.database_urls(settings.data_dir)
    return settings.model_copy(
        update={
            "database_url": settings.database_url or app,
            "database_owner_url": settings.database_owner_url or owner,
            "redis_url": settings.redis_url or embedded.redis_url(settings.data_dir),
        }
    )
