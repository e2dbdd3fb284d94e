"""What pages call the states of a broadcast, and where each thing that keeps it back is mended."""

from __future__ import annotations

from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext as _

from esp.broadcasts.models import Broadcast
from esp.content.problems import Problem
from esp.errors import N_

STATES = {
    "draft": N_("Draft"),
    "scheduled": N_("Scheduled"),
    "preparing": N_("Preparing"),
    "sending": N_("Sending"),
    "paused": N_("Paused"),
    "sent": N_("Sent"),
    "cancelled": N_("Cancelled"),
    "held": N_("On hold"),
    "failed": N_("Failed"),
}
TONES = {
    "scheduled": "info",
    "preparing": "accent",
    "sending": "accent",
    "paused": "warning",
    "sent": "success",
    "held": "danger",
    "failed": "danger",
}
LIVE = frozenset(("preparing", "sending"))

STEPS = {
    "message": ("broadcasts.message", N_("Message")),
    "audience": ("broadcasts.audience", N_("Audience")),
    "sender": ("broadcast_sender.sender", N_("Sender and speed")),
    "review": ("broadcast_run.review", N_("Review and schedule")),
}
# Problems that aren't the message's; all others are mended in the editor.
ELSEWHERE = {
    "no-list": "audience",
    "no-sender": "sender",
    "free-mail-sender": "sender",
    "wrong-reply-to": "sender",
    "no-postal-address": "settings",
    "unaligned-sender": "domains",
    "no-policy": "domains",
}
MENDS = {
    "message": N_("Edit the message"),
    "audience": N_("Choose lists"),
    "sender": N_("Edit the sender"),
    "settings": N_("Open the settings"),
    "domains": N_("Open the sending domains"),
}


@dataclass(frozen=True)
class Mend:
    """A problem, the words of a link and where it leads."""

    problem: Problem
    words: str
    url: str


def mend(broadcast: Broadcast, problem: Problem) -> Mend:
    """Where `problem` is mended."""
    place = ELSEWHERE.get(problem.code, "message")
    if place == "settings":
        url = url_for("settings.company")
    elif place == "domains":
        url = url_for("domains.index")
    else:
        url = url_for(STEPS[place][0], broadcast_id=broadcast.id)
    return Mend(problem, _(MENDS[place]), url)


def steps(broadcast: Broadcast, now: str) -> list[tuple[str, str, str]]:
    """The steps as `ui.steps` takes them."""
    at = list(STEPS).index(now)
    return [
        (
            _(called),
            "now" if number == at else "done" if number < at else "next",
            url_for(endpoint, broadcast_id=broadcast.id),
        )
        for number, (endpoint, called) in enumerate(STEPS.values())
    ]


def problem_text(problem: Problem) -> str:
    """The problem's sentence in the reader's language."""
    text: str = _(problem.text)
    return text % problem.values if problem.values else text
