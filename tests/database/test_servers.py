"""What the test session's own servers promise."""

from __future__ import annotations

import psycopg
import redis

from tests.servers import DatabaseUrls


def test_a_migrated_database_is_ready(database_urls: DatabaseUrls) -> None:
    with psycopg.connect(database_urls.app.replace("+psycopg", "")) as connection:
        tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
        assert connection.execute(tables).fetchone()[0] > 1


def test_valkey_answers(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        assert client.ping()
