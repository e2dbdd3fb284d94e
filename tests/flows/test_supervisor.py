"""`esp run`: one command starts everything, and nothing of it is left when it ends."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from esp.entrypoints.run import berth
from tests.flows.processes import processes_of, wait_until, wait_until_gone
from tests.flows.running import PARTS, Run, folder, running


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A folder that the tests of this module use one after the other."""
    with folder() as made:
        yield made


def test_nothing_outlives_a_killed_supervisor(data_dir: Path) -> None:
    with running(data_dir) as run:
        children = run.children()
        names = {child.name() for child in children}
        assert {"postgres", "valkey-server"} <= names
        # The web server's and the workers' own processes are among them.
        direct = psutil.Process(run.process.pid).children()
        assert len(children) > len(direct) + 5
        run.process.kill()
        run.process.wait()
        wait_until_gone(data_dir, children)


def test_ctrl_c_stops_everything(data_dir: Path) -> None:
    with running(data_dir) as run:
        children = run.children()
        run.process.send_signal(signal.SIGINT)
        assert run.process.wait(timeout=30) == 0
        wait_until_gone(data_dir, children)
        assert "database system is shut down" in (data_dir / "log" / "postgres.log").read_text()
        assert not berth.socket_folder(data_dir).exists()


@pytest.mark.parametrize("part", sorted(PARTS), ids=" ".join)
def test_a_killed_part_comes_back(shared_run: Run, part: tuple[str, ...]) -> None:
    killed = shared_run.parts()[part]
    killed.kill()
    wait_until(
        lambda: shared_run.parts().get(part, killed).pid != killed.pid,
        shared_run.told,
    )
    wait_until(shared_run.answers, shared_run.told)


def test_a_killed_process_of_the_web_server_comes_back(shared_run: Run) -> None:
    web = shared_run.parts()["web",]
    wait_until(lambda: len(web.children()) == 2)
    killed = web.children()[0]
    killed.kill()
    wait_until(lambda: len(web.children()) == 2 and killed not in web.children(), shared_run.told)
    wait_until(shared_run.answers, shared_run.told)


def test_a_killed_database_comes_back(shared_run: Run) -> None:
    for child in shared_run.children():
        if child.name() == "postgres":
            child.kill()
            break
    wait_until(lambda: "postgres ended; starting it again" in shared_run.told())
    wait_until(lambda: any(child.name() == "postgres" for child in shared_run.children()))
    wait_until(shared_run.answers, shared_run.told)


@pytest.fixture(scope="module")
def shared_run() -> Iterator[Run]:
    with folder() as made, running(made) as run:
        yield run


def test_another_installation_runs_beside_it(shared_run: Run, data_dir: Path) -> None:
    with running(data_dir) as other:
        wait_until(other.answers, other.told)
        wait_until(shared_run.answers, shared_run.told)


def test_the_same_folder_is_not_used_twice(shared_run: Run) -> None:
    with folder() as elsewhere:
        second = Run(elsewhere, ESP_DATA_DIR=str(shared_run.data_dir))
        assert second.process.wait(timeout=30) == 2
        assert "ESP_DATA_DIR" in second.told()


@pytest.mark.parametrize("setting", ["ESP_BIND", "ESP_INBOUND_BIND", "ESP_MAILBOX_BIND"])
def test_a_taken_port_gives_a_sentence_that_names_the_setting(setting: str) -> None:
    with folder() as made, socket.create_server(("127.0.0.1", 0)) as listener:
        bind = f"127.0.0.1:{listener.getsockname()[1]}"
        run = Run(made, **{setting: bind})
        assert run.process.wait(timeout=30) == 2
        assert run.told().startswith(f"{setting} ({bind}) is taken"), run.told()
        assert len(run.told().splitlines()) == 1
        assert not processes_of(made)
