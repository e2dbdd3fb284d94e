"""(pure) What a receiver's final no means: a reason code, and whether the address is dead."""

from __future__ import annotations

import re
from typing import Literal

from esp.delivery.smtp.envelope import Outcome

Verdict = Literal["invalid", "inactive", "full", "policy", "too_large", "malformed", "rejected"]

# DSN-12: what says that there is no such address.
_NO_SUCH = frozenset(("5.1.1", "5.1.3", "5.1.6", "5.1.10"))
_NO_SUCH_TEXT = re.compile(
    r"user (?:is )?unknown|unknown (?:user|recipient|mailbox)"
    r"|no such (?:user|recipient|mailbox|person)"
    r"|(?:user|recipient|mailbox|account|address)\S{0,40} (?:was |is |does )?not? ?(?:found|exist)"
    r"|does(?:n't| not) (?:exist|have an? \S+ account)|invalid (?:recipient|mailbox)"
    r"|mailbox not found|no mailbox here|not a valid (?:user|mailbox|recipient)",
    re.IGNORECASE,
)
_UNAVAILABLE = re.compile(r"mailbox unavailable", re.IGNORECASE)
_INACTIVE = re.compile(r"disabled|inactive|suspended|deactivated", re.IGNORECASE)
_POLICY_TEXT = re.compile(
    r"spam|block(?:ed| ?list)|black ?list|reputation|policy|policies|dmarc|spf|dkim"
    r"|authenticat|access denied|prohibited|relay(?:ing)? (?:access )?denied|banned",
    re.IGNORECASE,
)


def judge(outcome: Outcome) -> Verdict:
    """The reason code of a failed outcome.

    DSN-14: whatever speaks of policy, spam or authentication is our fault, not the address's.
    """
    enhanced, text = outcome.enhanced, outcome.text
    if enhanced.startswith("5.7."):
        return "policy"
    if outcome.code == 0:
        # Found without asking anybody: the client refused it.
        return "too_large" if enhanced == "5.3.4" else "malformed"
    if outcome.stage == "rcpt" and _says_no_such(outcome):
        return "invalid"
    if enhanced in ("5.2.2", "4.2.2"):
        return "full"
    if enhanced == "5.2.1" or (outcome.stage == "rcpt" and _INACTIVE.search(text)):
        return "inactive"
    if enhanced in ("5.2.3", "5.3.4") or outcome.code == 552:
        return "too_large"
    if _POLICY_TEXT.search(text):
        return "policy"
    if outcome.stage == "dot" and _NO_SUCH_TEXT.search(text):
        return "invalid"
    return "rejected"


def suppresses(verdict: str) -> bool:
    """Whether the address must not be mailed again on the strength of this one reply."""
    return verdict == "invalid"


def _says_no_such(outcome: Outcome) -> bool:
    if outcome.enhanced in _NO_SUCH:
        return not _blames_us(outcome.text)
    if _blames_us(outcome.text):
        return False
    if _NO_SUCH_TEXT.search(outcome.text):
        return True
    # Outlook.com says "550 5.5.0 … mailbox unavailable" of addresses that never were.
    return outcome.enhanced in ("", "5.5.0") and bool(_UNAVAILABLE.search(outcome.text))


def _blames_us(text: str) -> bool:
    return bool(_POLICY_TEXT.search(text)) and not _NO_SUCH_TEXT.search(text)
