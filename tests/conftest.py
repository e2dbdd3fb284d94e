"""What every test can use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from esp.config import Settings
from esp.db import enter_account
from esp.runtime import Runtime
from tests.factories import make_account

pytest_plugins = ["tests.servers"]

# No test of ours measures time. In CI the same examples come each time; elsewhere new ones.
hypothesis.settings.register_profile(
    "esp",
    deadline=None,
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("esp")


class SetClock:
    """A clock that goes only when told."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def settings(database_urls, valkey_url: str, tmp_path: Path) -> Settings:
    return Settings(
        data_dir=tmp_path,
        database_url=database_urls.app,
        database_owner_url=database_urls.owner,
        redis_url=valkey_url,
        secret_key="a key for tests that is long enough",
    )


@pytest.fixture
def runtime(settings: Settings, clock: SetClock) -> Iterator[Runtime]:
    """The product on a real database; what a test commits is wiped after it."""
    runtime = Runtime.from_settings(settings, clock)
    runtime.redis.flushdb()
    yield runtime
    runtime.close()
    wipe(settings.database_owner_url)


def wipe(owner_url: str) -> None:
    """Empty every table that a migration did not fill."""
    from sqlalchemy import create_engine

    from esp.models import Table

    engine = create_engine(owner_url)
    names = ", ".join(t.name for t in Table.metadata.sorted_tables)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
    engine.dispose()


@pytest.fixture
def session(runtime_engine) -> Iterator[Session]:
    """A session whose work is rolled back, inside a transaction that no test commits."""
    with runtime_engine.connect() as connection, connection.begin() as outer:
        sessions = sessionmaker(connection, join_transaction_mode="create_savepoint")
        with sessions() as session:
            yield session
        outer.rollback()


@pytest.fixture(scope="session")
def runtime_engine(database_urls):
    from esp.db import connect

    engine = connect(database_urls.app)
    yield engine
    engine.dispose()


@pytest.fixture
def account_id(session: Session) -> int:
    """An account that `session` is in."""
    made = make_account(session)
    enter_account(session, made)
    return made
