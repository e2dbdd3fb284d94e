"""What the delivery pages say: how a provider stands, why, and what keeps a broadcast."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask
from flask_babel import gettext as _

from esp.delivery.lines import Standing
from esp.delivery.pacing.forecast import Bound
from esp.errors import N_
from esp.senders.providers import OTHER

REASONS = {
    "authentication": N_("It can’t verify that the mail is the sender’s: look at SPF and DKIM."),
    "blocked": N_("It blocks the address that the mail comes from."),
    "busy": N_("It is too busy."),
    "connection": N_("No connection could be made."),
    "connections": N_("It wants fewer connections."),
    "dns": N_("It finds no DNS records for the sender."),
    "duplicate_id": N_("It got several messages with the same Message-ID."),
    "person": N_("A person paused it."),
    "policy": N_("Its policy refuses the mail."),
    "rate": N_("It wants fewer messages a minute."),
    "reputation": N_("It thinks little of the sender, often after complaints."),
    "volume": N_("It had enough mail for now."),
}
BADGES = {
    "held": (N_("Paused"), "warning"),
    "stopped": (N_("Stopped"), "danger"),
    "paused": (N_("Rests"), "warning"),
    "slowed": (N_("Slower"), "info"),
    "warming": (N_("Warms up"), "info"),
    "free": (N_("Open"), "success"),
}
BOUNDS: dict[Bound, str] = {
    "speed": N_("as fast as it was taken lately"),
    "limit": N_("by the limits at present"),
    "warm_up": N_("by the warm-up"),
    "pause": N_("after a rest"),
    "hold": N_("when it is resumed"),
    "rate": N_("by the broadcast’s own speed"),
    "retry": N_("after another try"),
}
ABBREVIATIONS = {name: name.upper() for name in ("gmx", "qq", "sfr", "uol", "wp")} | {
    "att": "AT&T",
    "t-online": "T-Online",
}
KINDS = {"deferred": N_("Try later"), "failed": N_("Refused")}


@dataclass(frozen=True, slots=True)
class Word:
    """A badge, and a sentence beside it."""

    text: str
    tone: str
    sentence: str


def install(app: Flask) -> None:
    """Give templates the words of delivery."""
    app.jinja_env.filters.update(standing=standing, bound=bound, provider=heading)
    app.jinja_env.globals.update(reply_kinds=KINDS)


def standing(told: Standing) -> Word:
    """In the reader's language."""
    text, tone = BADGES[told.kind]
    why = REASONS.get(told.reason, "")
    sentence = _(why) if why else ""
    if told.is_common and told.kind == "held":
        sentence = _("Whoever runs this installation paused it.")
    return Word(_(text), tone, sentence)


def bound(name: Bound) -> str:
    """What the time depends on."""
    said: str = _(BOUNDS[name])
    return said


def provider(name: str) -> str:
    """Within a sentence. Those of few people have no name of their own."""
    return _("other receivers") if name == OTHER else ABBREVIATIONS.get(name, name.capitalize())


def heading(name: str) -> str:
    """The same where a line begins."""
    said = provider(name)
    return said[:1].upper() + said[1:]
