"""(pure) What a message that came back is: a delivery report, else an auto-reply, else other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from typing import Literal

from esp.returns.reports import Report, reports_of

Verdict = Literal["bounce", "delay", "autoreply", "other"]

_COMMENT = re.compile(r"\([^()]*\)")
# The old word for what Auto-Submitted says (RFC 3834 §3.1.8 knows both).
_AUTOMATIC_PRECEDENCE = frozenset(("auto_reply", "auto-reply"))
_MARKS = ("X-Autoreply", "X-Autorespond", "X-MS-Exchange-Inbox-Rules-Loop")


@dataclass(frozen=True)
class Returned:
    """The verdict, the delivery reports of a bounce or delay, and how an auto-reply was known."""

    verdict: Verdict
    reports: tuple[Report, ...] = ()
    sign: str = ""


def classify(raw: bytes) -> Returned:
    """Judge any bytes; whatever is wrong with them, the answer is a verdict and no exception."""
    try:
        return _classify(message_from_bytes(raw, policy=policy.compat32))
    except Exception:  # the parser raises many kinds on hostile bytes
        return Returned("other")


def is_reply_of_a_program(raw: bytes) -> bool:
    """Whether a program answered a mail, as vacation notices do; a program's own mail is none."""
    try:
        return _auto_submitted(message_from_bytes(raw, policy=policy.compat32)) == "auto-replied"
    except Exception:  # as above
        return False


def _classify(message: Message) -> Returned:
    # Many servers mark their reports as automatic, so these come first (AUTO-02).
    reports = reports_of(message)
    if any(report.kind in ("hard", "soft") for report in reports):
        return Returned("bounce", reports)
    if reports:
        is_late = any(report.kind == "delay" for report in reports)
        return Returned("delay" if is_late else "other", reports)
    sign = _automatic(message)
    return Returned("autoreply", sign=sign) if sign else Returned("other")


def _automatic(message: Message) -> str:
    """The header that says so; empty for what a person may have written."""
    if _auto_submitted(message) not in ("", "no"):
        return "Auto-Submitted"
    if str(message.get("Precedence", "")).strip().lower() in _AUTOMATIC_PRECEDENCE:
        return "Precedence"
    for name in _MARKS:
        if str(message.get(name, "")).strip().lower() not in ("", "no"):
            return name
    if "autoresponder" in str(message.get("X-POST-MessageClass", "")).lower():
        return "X-POST-MessageClass"
    return ""


def _auto_submitted(message: Message) -> str:
    """The keyword alone, without comments and parameters (AUTO-01)."""
    value = _COMMENT.sub("", str(message.get("Auto-Submitted", "")))
    return value.partition(";")[0].strip().lower()
