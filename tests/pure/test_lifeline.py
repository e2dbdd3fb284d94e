"""A part that waits for the servers of `esp run` says so."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from esp import lifeline


def test_without_a_supervisor_nothing_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(lifeline.VARIABLE, raising=False)
    told: list[str] = []
    lifeline.wait_for_gate(told.append)
    assert told == []


def test_a_long_wait_says_once_what_it_is_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(lifeline.VARIABLE, str(tmp_path / "lifeline"))
    told: list[str] = []
    heard = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        heard.set()

    waiting = threading.Thread(
        target=lifeline.wait_for_gate, args=(tell,), kwargs={"tell_after": 0.0}
    )
    waiting.start()
    assert heard.wait(20)
    lifeline.gate(tmp_path / "lifeline").touch()
    waiting.join(20)
    assert not waiting.is_alive()
    assert len(told) == 1
    assert told[0].startswith("Waiting for `esp run` to start the database")


def test_a_wait_in_vain_ends(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv(lifeline.VARIABLE, str(tmp_path / "lifeline"))
    told: list[str] = []
    lifeline.wait_for_gate(told.append, at_most=0.0)
    assert told == ["Not waiting for the database's tables any longer: 0 s are over."]
