"""Newsletters and contact files on `esp run` itself, by the API alone, into the local mailbox."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from esp.entrypoints.demo import SLUG
from esp.entrypoints.run.child import WARNING
from esp.entrypoints.run.supervisor import PARTS
from tests.flows.newsletters import Office, carry
from tests.flows.running import Run, folder, running

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = ("semicolons.csv", "german.csv", "indonesian.csv", "utf-16-le-bom.csv", "cyrillic-1251.csv")
PEOPLE = {"ann@example.com", "bob@example.com", "joerg@example.de", "siti@example.com"}


@pytest.fixture(scope="module")
def run() -> Iterator[Run]:
    with folder() as data_dir, running(data_dir) as started:
        yield started
        logs = [data_dir / "log" / f"{name}.log" for name in PARTS]
        lines = [line for log in logs if log.exists() for line in log.read_bytes().splitlines()]
        complaints = [line for line in lines if WARNING.search(line[:120])]
        assert not complaints, b"\n".join(complaints).decode()


@pytest.fixture(scope="module")
def office(run: Run) -> Office:
    command = [sys.executable, "-m", "esp.entrypoints.cli", "api-key", "create"]
    key = subprocess.run(
        [*command, "--account", SLUG, "--name", "driver"],
        env=os.environ | {"ESP_DATA_DIR": str(run.data_dir)},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout.strip()
    return Office.of(run, key)


@pytest.fixture(scope="module")
def list_id(office: Office) -> int:
    """People of several files, of which some stand in more than one."""
    made = int(office.program.post("lists", name="Readers")["id"])
    for name in FILES:
        done = office.bring_in((SAMPLES / "csv" / name).read_bytes(), made)
        assert (done["state"], done["rejected"]) == ("finished", 0), done
    on = {row["email"] for row in office.program.pages("contacts", list_id=made)}
    assert on > PEOPLE
    assert {email.partition("@")[2] for email in on} <= {"example.com", "example.de"}
    return made


@pytest.mark.parametrize(
    "path", sorted((SAMPLES / "newsletters").glob("*.html")), ids=lambda p: p.stem
)
def test_a_newsletter_goes_all_the_way(office: Office, list_id: int, path: Path):
    carry(office, path, list_id)
