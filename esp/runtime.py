"""What each process builds once and passes on: settings, clock, database, Valkey, keys."""

from __future__ import annotations

import os
import secrets as random_secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import redis
from sqlalchemy import Engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from esp import db
from esp.clock import Clock, utc_now
from esp.config import Settings
from esp.errors import SettingError
from esp.secrets import Cipher, derive
from esp.tokens import Keyring


@dataclass(frozen=True, eq=False)
class Runtime:
    """The process's parts; nothing connects before it is used."""

    settings: Settings
    clock: Clock
    engine: Engine
    sessions: sessionmaker[Session]
    redis: redis.Redis
    keyring: Keyring
    cipher: Cipher
    # Signs cookies and forms; not the key of any link.
    session_key: bytes

    @classmethod
    def from_settings(cls, settings: Settings, clock: Clock = utc_now) -> Runtime:
        """SettingError if the database or Valkey is not named."""
        if not settings.database_url or not settings.redis_url:
            missing = "ESP_DATABASE_URL" if not settings.database_url else "ESP_REDIS_URL"
            raise SettingError(
                f"{missing} is not set. `esp run` starts an embedded server; "
                "a part that runs alone needs its address. See docs/settings.md."
            )
        keys = (secret_key(settings), *settings.old_secret_keys)
        engine = db.connect(settings.database_url)
        return cls(
            settings=settings,
            clock=clock,
            engine=engine,
            sessions=sessionmaker(engine, expire_on_commit=False),
            redis=redis.Redis.from_url(
                settings.redis_url, socket_timeout=5, socket_connect_timeout=2
            ),
            keyring=Keyring([derive(key, "links") for key in keys]),
            cipher=Cipher(keys),
            session_key=derive(keys[0], "sessions"),
        )

    def transaction(self, account_id: int | None) -> AbstractContextManager[Session]:
        """One transaction of `account_id`; None sees no tenant's row."""
        return db.transaction(self.sessions, account_id)

    @property
    def listen_url(self) -> str:
        """Address for a psycopg connection outside the pool (LISTEN, COPY of a long snapshot)."""
        url = make_url(self.settings.database_url).set(drivername="postgresql")
        return url.render_as_string(hide_password=False)

    @property
    def journal_folder(self) -> Path:
        """Where this host's processes write down facts before they answer."""
        return self.settings.data_dir / "journals"

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()
        self.redis.close()


def secret_key(settings: Settings) -> str:
    """The configured key, or the one kept in the data folder, made at first need."""
    if settings.secret_key:
        if len(settings.secret_key) < 32:
            raise SettingError("ESP_SECRET_KEY is too short: it needs 32 characters or more.")
        return settings.secret_key
    path = settings.data_dir / "secret_key"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    try:
        # O_EXCL: of two processes that start at once, one makes it and the other reads it.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        file.write(random_secrets.token_urlsafe(48))
    return path.read_text().strip()
