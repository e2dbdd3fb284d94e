"""The embedded servers: made once, found again, ended with their lifeline."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from esp import lifeline
from esp.entrypoints.run import berth, embedded
from esp.errors import SettingError
from tests.flows.processes import processes_of, wait_until_gone


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="esp-data-"))
    folder.chmod(0o711)
    yield folder
    berth.remove_sockets(folder)
    shutil.rmtree(folder)


@pytest.fixture
def line(data_dir: Path) -> Iterator[Path]:
    path = data_dir / "run" / "lifeline"
    holder = lifeline.hold(path)
    yield path
    os.close(holder)


def sees(url: str, query: str) -> object:
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute(query).fetchone()[0]


def test_the_roles_can_do_what_they_need_and_no_more(data_dir: Path, line: Path) -> None:
    running = embedded.start_postgres(data_dir, line)
    try:
        app, owner = embedded.database_urls(data_dir)
        power = (
            "SELECT rolsuper OR rolbypassrls OR rolcreaterole FROM pg_roles WHERE rolname = user"
        )
        assert sees(app, power) is False
        assert sees(owner, power) is False
        owns = "SELECT pg_get_userbyid(datdba) = user FROM pg_database WHERE datname = 'esp'"
        assert sees(owner, owns) is True
        assert sees(app, owns) is False
    finally:
        running.stop()
    wait_until_gone(data_dir)


def test_data_is_there_after_a_crash_of_the_server(data_dir: Path, line: Path) -> None:
    first = embedded.start_postgres(data_dir, line)
    _, owner = embedded.database_urls(data_dir)
    with psycopg.connect(owner.replace("+psycopg", "")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    for process in processes_of(data_dir):
        with suppress(psutil.NoSuchProcess):
            process.kill()
    first.process.wait()
    second = embedded.start_postgres(data_dir, line)
    try:
        assert sees(owner, "SELECT answer FROM kept") == 42
    finally:
        second.stop()


def test_a_half_made_folder_is_made_anew(data_dir: Path, line: Path) -> None:
    half = data_dir / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    running = embedded.start_postgres(data_dir, line)
    running.stop()
    assert not half.exists()


def test_valkey_keeps_what_it_was_told(data_dir: Path, line: Path) -> None:
    first = embedded.start_valkey(data_dir, line)
    with redis.Redis.from_url(embedded.redis_url(data_dir)) as client:
        client.set("greeting", "hello")
    first.stop()
    second = embedded.start_valkey(data_dir, line)
    with redis.Redis.from_url(embedded.redis_url(data_dir)) as client:
        assert client.get("greeting") == b"hello"
    second.stop()


HOLDER = """
import sys
from pathlib import Path
from esp import lifeline
from esp.entrypoints.run import embedded
folder = Path(sys.argv[1])
line = folder / "run" / "lifeline"
holder = lifeline.hold(line)
running = [embedded.start_postgres(folder, line), embedded.start_valkey(folder, line)]
print("ready", flush=True)
sys.stdin.read()
"""


def test_nothing_outlives_the_holder_of_the_lifeline(data_dir: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(data_dir)], stdin=-1, stdout=-1
    ) as holder:
        assert holder.stdout.readline() == b"ready\n"
        assert len(processes_of(data_dir)) > 4
        holder.kill()
    wait_until_gone(data_dir)


def test_a_killed_tether_takes_its_server_along(data_dir: Path, line: Path) -> None:
    running = embedded.start_postgres(data_dir, line)
    running.process.kill()
    running.process.wait()
    wait_until_gone(data_dir)


def test_a_server_that_can_not_start_says_why(data_dir: Path, line: Path) -> None:
    with pytest.raises(SettingError, match=r"ESP_DATA_DIR.*no_such_setting"):
        embedded.start_postgres(data_dir, line, {"no_such_setting": "1"})


def test_sockets_of_somebody_else_are_not_used(data_dir: Path, line: Path) -> None:
    folder = berth.socket_folder(data_dir)
    folder.symlink_to(data_dir)
    try:
        with pytest.raises(SettingError, match="belongs to somebody else"):
            embedded.start_valkey(data_dir, line)
    finally:
        folder.unlink()


def test_a_socket_path_is_short_however_long_the_data_folder() -> None:
    longest = berth.socket_folder(Path("/", *["a-long-name"] * 40)) / ".s.PGSQL.5432.lock"
    assert len(str(longest)) <= 107
