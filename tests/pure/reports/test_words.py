"""Codes become words; no code is left without."""

from __future__ import annotations

import ast
import inspect
import typing
from pathlib import Path

import pytest

from esp.broadcasts import why as why_module
from esp.broadcasts.states import STATES as BROADCAST_STATES
from esp.delivery.verdicts import Verdict
from esp.reports import answers, recipients, words

FILL = {"email": "ani@x.example", "domain": "x.example", "when": "Nov 2, 2026, 4:00 PM"}
SKIPS = (
    "no_address",
    "suppressed",
    "excluded",
    "unsubscribed",
    "deleted",
    "address_changed",
    "cancelled",
)
FAILURES = (*typing.get_args(Verdict), "expired")


def codes() -> set[str]:
    """Every code that `why` can answer with, read from its source, and the states of the ledger."""
    found = set(words.STATES)
    for node in ast.walk(ast.parse(inspect.getsource(why_module))):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            found.add(ast.literal_eval(node.value.elts[0]))
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "Answer"
            and isinstance(node.args[0], ast.Constant)
        ):
            found.add(node.args[0].value)
    return found | {"bounced"}


def test_every_answer_has_a_sentence_of_its_own():
    assert codes() >= {"not_started", "unknown", "not_on_list", "pending", "subscribed_later"}
    assert {code for code in codes() if code not in answers.ANSWERS} == set()


@pytest.mark.parametrize("key", answers.ANSWERS)
def test_every_sentence_can_be_filled(key):
    said = answers.ANSWERS[key]
    for text in (said.title, said.text, said.advice):
        assert "%(" not in text % FILL
    # The answer comes first.
    assert said.title.startswith({"yes": "Yes", "no": "No", "not_yet": "Not yet"}[said.verdict])


@pytest.mark.parametrize(
    ("code", "reason", "state", "key"),
    [
        ("failed", "policy", "sent", "failed.policy"),
        ("failed", "rejected", "sent", "failed"),
        ("failed", None, "sent", "failed"),
        ("skipped", "suppressed", "sending", "skipped.suppressed"),
        ("queued", None, "held", "queued.held"),
        ("queued", None, "sending", "queued"),
        ("not_started", None, "scheduled", "not_started.scheduled"),
        ("not_started", None, "draft", "not_started"),
        ("something new", None, "sent", "unknown"),
    ],
)
def test_the_closest_words_are_chosen(code, reason, state, key):
    assert answers.words(code, reason, state) == answers.ANSWERS[key]


def test_every_variant_is_one_that_happens():
    variants = {key.partition(".")[::2] for key in answers.ANSWERS if "." in key}
    known = {"failed": FAILURES, "skipped": SKIPS}
    assert {
        (code, what)
        for code, what in variants
        if what not in known.get(code, tuple(BROADCAST_STATES))
    } == set()


@pytest.mark.parametrize("reason", [*SKIPS, *FAILURES])
def test_every_reason_has_words(reason):
    assert words.reason_words(reason) != reason


def test_a_reason_nobody_wrote_words_for_stands_for_itself():
    assert words.reason_words("moon_phase") == "moon_phase"
    assert words.reason_words(None) == ""


def test_what_one_may_ask_for_is_every_state_and_every_deed():
    assert set(recipients.WISHES) == set(words.STATES) | set(words.DEEDS)


def test_the_senders_write_no_reason_without_words():
    root = Path(inspect.getfile(why_module)).parents[1]
    source = (root / "delivery" / "load.py").read_text()
    written = {
        node.args[1].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Skip"
    }
    assert written
    assert written <= set(words.REASONS)
