"""(pure) The one place that judges a receiver's reply: what it asks of us."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from esp.delivery.pacing.reaction import SENT, Reaction
from esp.delivery.pacing.rules import OF_ANYBODY, OF_PROVIDERS, Rule
from esp.delivery.smtp.envelope import Outcome
from esp.delivery.verdicts import judge

# The roll-up of receivers nobody has looked up: what one of them says is no word of the others.
MANY = "other"

_GREY = re.compile(r"gr[ea]y-?\s?list", re.IGNORECASE)
_NAMED = re.compile(
    r"\b(?:in|after|for)\s+(\d{1,5})\s*(s|secs?|seconds?|m|mins?|minutes?|h|hours?)\b",
    re.IGNORECASE,
)
_UNITS = {"s": 1, "m": 60, "h": 3600}
_LONGEST_NAMED = timedelta(hours=6)
# Nobody has judged the message: the connection did not get that far, or broke.
_CONNECTION_STAGES = frozenset(("connect", "greeting", "ehlo", "tls", "auth", "lost"))
# A no of the recipient's own making, although its code speaks of policy.
_OWN_POLICY = re.compile(
    r"sending to \(or from\)|relay(?:ing)? (?:access )?denied|not (?:permitted|allowed) to relay"
    r"|unable to relay|restricted|SenderNotAuthenticatedFor|only accepts? (?:mail|messages)"
    r"|not accept(?:ing)? (?:mail|messages) from",
    re.IGNORECASE,
)

_UNREACHED = Reaction("connection", "connection", retry_after=timedelta(minutes=2))
_CLOSED = Reaction("provider", "connection", retry_after=timedelta(minutes=5), slows=True)
_PLAIN = Reaction("recipient", "deferred")
# One filter's no is no verdict on all; several in a row without a yes between are one.
_POLICY = Reaction(
    "stream", "policy", is_final=True, pause=timedelta(minutes=10), doubles=True, after=5
)
_REFUSED = Reaction(
    "provider", "blocked", is_final=True, pause=timedelta(hours=1), doubles=True, after=2
)


def react(provider: str, outcome: Outcome) -> Reaction:
    """What follows from an outcome; `provider` is a name of `providers`, "" behind a relay.

    SMTP-10: `is_final` is the first digit's alone, whatever rule the text matches.
    """
    if outcome.kind == "sent":
        return SENT
    is_final = outcome.kind == "failed"
    reaction = (
        _by_rule(OF_PROVIDERS, provider, outcome)
        or _greylisting(outcome)
        or _by_rule(OF_ANYBODY, provider, outcome)
        or (_no(outcome) if is_final else _later(outcome))
    )
    if provider == MANY and reaction.teaches:
        reaction = Reaction("connection", reaction.reason, retry_after=reaction.retry_after)
    return reaction if reaction.is_final == is_final else replace(reaction, is_final=is_final)


def _by_rule(rules: tuple[Rule, ...], provider: str, outcome: Outcome) -> Reaction | None:
    if not outcome.code:
        return None
    line = f"{outcome.code} {outcome.enhanced} {outcome.text}"
    for rule in rules:
        if rule.provider in ("", provider) and rule.pattern.search(line):
            return rule.reaction
    return None


def _later(outcome: Outcome) -> Reaction:
    if outcome.code == 421:
        return _CLOSED
    if outcome.code == 0 or outcome.stage in _CONNECTION_STAGES:
        return _UNREACHED
    return _PLAIN


def _no(outcome: Outcome) -> Reaction:
    if outcome.code and outcome.stage in ("greeting", "ehlo"):
        return _REFUSED
    verdict = judge(outcome)
    if verdict == "policy" and not _OWN_POLICY.search(outcome.text):
        return _POLICY
    return Reaction("recipient", verdict, is_final=True)


def _greylisting(outcome: Outcome) -> Reaction | None:
    if outcome.code not in (450, 451):
        return None
    named = _NAMED.search(outcome.text)
    if named is not None:
        wait = timedelta(seconds=int(named[1]) * _UNITS[named[2][0].lower()])
        wait = min(max(wait, timedelta(seconds=30)), _LONGEST_NAMED)
        return Reaction(
            "recipient", "greylisted", retry_after=wait, retry_spread=timedelta(minutes=1)
        )
    if _GREY.search(outcome.text):
        five = timedelta(minutes=5)
        return Reaction("recipient", "greylisted", retry_after=five, retry_spread=2 * five)
    return None
