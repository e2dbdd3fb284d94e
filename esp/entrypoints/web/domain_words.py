"""What the pages of sending domains say: each part of a domain in words, with its records."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _

from esp.errors import N_
from esp.senders.models import SendingDomain
from esp.senders.records import DKIM, RETURN_PATH, SPF, TRACKING, Record, Setup, of_part, records
from esp.senders.standing import state_of

# The parts that every domain has beside its keys, in the order of the page.
OTHERS = ("dmarc", "return_path", "spf", "tracking")
TITLES = {
    "dkim": N_("Signature (DKIM)"),
    "dmarc": N_("Policy (DMARC)"),
    "return_path": N_("Return path (MX)"),
    "spf": N_("Sending servers (SPF)"),
    "tracking": N_("Links (CNAME)"),
}
PURPOSES = {"dkim": DKIM, "return_path": RETURN_PATH, "spf": SPF, "tracking": TRACKING}
KEYS = {
    "waiting": N_("new key"),
    "active": N_("in use"),
    "leaving": N_("leaves"),
}


@dataclass(frozen=True, slots=True)
class Word:
    """A state as a badge with an icon."""

    text: str
    tone: str
    icon: str


STATES = {
    "working": Word(N_("Works"), "success", "circle-check"),
    "missing": Word(N_("Missing"), "warning", "triangle-alert"),
    "wrong": Word(N_("Wrong"), "danger", "circle-alert"),
    "unknown": Word(N_("No answer"), "", "circle-help"),
    "unused": Word(N_("Not used"), "", "ban"),
    "": Word(N_("Not checked yet"), "", "clock"),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the page; `found` is what DNS has there, as it stands."""

    key: str
    title: str
    note: str
    word: Word
    sentence: str
    purpose: str
    records: Sequence[Record]
    found: Sequence[str]


def parts(row: SendingDomain, setup: Setup) -> list[Part]:
    """All parts of a domain's page, keys first."""
    told = records(setup)
    found = []
    for key in setup.keys:
        if key.state != "retired":
            found.append(_part(row, f"dkim:{key.selector}", told, KEYS[key.state], key.algorithm))
    return found + [_part(row, name, told) for name in OTHERS]


def _part(
    row: SendingDomain, name: str, told: Sequence[Record], note: str = "", algorithm: str = ""
) -> Part:
    shown = of_part(told, name)
    finding: dict[str, Any] = row.findings.get(name, {})
    kind = name.partition(":")[0]
    purpose = shown[0].purpose if shown else PURPOSES.get(kind, "")
    kinds = {"rsa": "RSA", "ed25519": "Ed25519"}
    return Part(
        key=name.replace(":", "-"),
        title=_(TITLES[kind]),
        note=f"{kinds[algorithm]}, {_(note)}" if algorithm else "",
        word=word(state_of(row, name)),
        sentence=_sentence(finding),
        purpose=_(purpose) if purpose else "",
        records=shown,
        found=finding.get("found", ()) if finding.get("state") != "working" else (),
    )


def word(state: str) -> Word:
    """In the reader's language."""
    known = STATES.get(state, STATES[""])
    return Word(_(known.text), known.tone, known.icon)


def _sentence(finding: dict[str, Any]) -> str:
    text = finding.get("text", "")
    values = finding.get("values") or {}
    said: str = _(text) if text else ""
    return said % values if values else said
