"""(pure) The texts that receivers throttle and refuse with, and what each of them asks for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import NamedTuple

from esp.delivery.pacing.reaction import Reaction


class Rule(NamedTuple):
    """For replies of `provider` ("": of any) whose `code enhanced text` matches `pattern`."""

    provider: str
    pattern: re.Pattern[str]
    reaction: Reaction


def _rule(provider: str, pattern: str, reaction: Reaction) -> Rule:
    return Rule(provider, re.compile(pattern, re.IGNORECASE), reaction)


_SOON = timedelta(minutes=1)
_MINUTES_5 = timedelta(minutes=5)
_MINUTES_15 = timedelta(minutes=15)
_MINUTES_30 = timedelta(minutes=30)
_HOUR = timedelta(hours=1)
_HOURS_2 = timedelta(hours=2)

_BUSY_MAILBOX = Reaction("recipient", "mailbox_rate", retry_after=_HOUR)
_FULL = Reaction("recipient", "full", retry_after=_HOURS_2)
_NEXT_CONNECTION = Reaction("connection", "per_connection", retry_after=_SOON)
_FEWER_CONNECTIONS = Reaction("connection", "connections", retry_after=_MINUTES_5, slows=True)
_UNAUTHENTICATED = Reaction("stream", "authentication", pause=_HOUR, doubles=True)
_SUSPENDED = Reaction("provider", "reputation", pause=_HOUR, doubles=True)
_HELD = Reaction("provider", "blocked", holds=True)

# The first that matches counts.
OF_PROVIDERS: tuple[Rule, ...] = (
    # The identity that Google complains about is the whole pool to us: rather too slow.
    _rule("google", r"same message-id", Reaction("stream", "duplicate_id", holds=True)),
    _rule(
        "google",
        r"^4\d\d 4\.7\.28 ",
        Reaction("provider", "rate", doubles=True, cap_per_minute=10, cap_for=_MINUTES_30),
    ),
    _rule(
        "google",
        r"unusual rate of unsolicited (?:mail|email)|very low reputation of the sending",
        _SUSPENDED,
    ),
    _rule("google", r"^4\d\d 4\.7\.(?:23|24|26|27|29|30|32|40) ", _UNAUTHENTICATED),
    _rule("google", r"^5\d\d 5\.7\.(?:25|26|27|28|29|30|31|32|40) ", _UNAUTHENTICATED),
    _rule(
        "google",
        r"^421 4\.7\.0 .*(?:try again later|not in whitelist|connection expired)",
        _FEWER_CONNECTIONS,
    ),
    # Yahoo and AOL.
    _rule(
        "yahoo",
        r"\[(?:TSS05|IPTS05)\]",
        Reaction("provider", "reputation", pause=timedelta(hours=4), doubles=True),
    ),
    _rule(
        "yahoo",
        r"\[(?:TSS04|IPTS04)\]",
        Reaction("provider", "reputation", pause=_HOURS_2, doubles=True),
    ),
    _rule("yahoo", r"\[(?:TS03|TSS09|TSS11)\]", _HELD),
    _rule(
        "yahoo",
        r"\[TS0[12]\]",
        Reaction("provider", "rate", doubles=True, cap_per_minute=1, cap_for=_MINUTES_30),
    ),
    _rule("yahoo", r"\[BL2[13]\]", Reaction("provider", "blocked", pause=_HOURS_2, doubles=True)),
    _rule("yahoo", r"^5\d\d 5\.7\.9 .*unauthenticated", _UNAUTHENTICATED),
    _rule(
        "yahoo",
        r"unresolvable RFC\.?5321 from domain",
        Reaction("stream", "dns", pause=_MINUTES_30, doubles=True),
    ),
    # Outlook.com and Microsoft 365.
    _rule(
        "microsoft",
        r"^4\d\d 4\.7\.65[01] |\((?:S775|S3114)\)",
        Reaction(
            "provider",
            "rate",
            doubles=True,
            cap_per_minute=1,
            cap_connections=1,
            cap_for=timedelta(minutes=90),
        ),
    ),
    _rule(
        "microsoft",
        r"\(S3150\)|on our block list",
        Reaction("provider", "blocked", pause=_HOURS_2, doubles=True),
    ),
    _rule("microsoft", r"^5\d\d 5\.7\.515 ", _UNAUTHENTICATED),
    _rule(
        "microsoft",
        r"^4\d\d (?:4\.7\.500|4\.7\.700|4\.7\.8[5-9]\d|4\.3\.2) |\(AS761\)|PFA agent busy",
        Reaction("provider", "busy", pause=_MINUTES_30, spread=1.0),
    ),
    # iCloud.
    _rule("apple", r"\[CS01\]", Reaction("provider", "blocked", pause=_MINUTES_15, doubles=True)),
    _rule(
        "apple",
        r"^4.*(?:excessive volume|\[BS02\]|\[HCM1\])",
        Reaction("provider", "volume", pause=_MINUTES_15, doubles=True),
    ),
    # GMX, web.de, mail.com.
    _rule(
        "gmx",
        r"too many connections",
        Reaction("provider", "connections", cap_connections=1, cap_for=_MINUTES_30),
    ),
    _rule(
        "gmx",
        r"reject due to policy restrictions",
        Reaction("provider", "policy", pause=_HOUR, spread=1.0),
    ),
)
OF_ANYBODY: tuple[Rule, ...] = (
    _rule(
        "",
        r"^4(?:21|5\d) .*too many (?:concurrent |simultaneous |open )*(?:smtp )?(?:connections"
        r"|sessions)",
        _FEWER_CONNECTIONS,
    ),
    _rule(
        "",
        r"^4(?:21|5\d) .*max(?:imum)?\.? (?:number of )?messages? (?:per|for this) "
        r"(?:connection|session)|^4(?:21|5\d) .*too many messages (?:per|in|on|for) (?:this )?"
        r"(?:connection|session)",
        _NEXT_CONNECTION,
    ),
    _rule(
        "",
        r"^45\d 4\.2\.1 |^45\d .*(?:user|recipient|mailbox)\b.{0,40} is receiving mail",
        _BUSY_MAILBOX,
    ),
    _rule(
        "",
        r"^4\d\d 4\.2\.2 |^45\d .*(?:over ?quota|out of storage|(?:mailbox|quota) (?:is )?"
        r"(?:full|exceeded))",
        _FULL,
    ),
    _rule(
        "",
        r"^4\d\d .*(?:block ?list|black ?list|blocked|spamhaus|reputation|spam\b)",
        Reaction("provider", "reputation", slows=True, pause=_MINUTES_15, doubles=True),
    ),
    _rule(
        "",
        r"^4\d\d .*(?:rate.?limit|throttl|too (?:many|much|fast|quickly)|unusual (?:rate|volume)"
        r"|excessive|exceeded (?:the )?(?:rate|limit|quota)|(?:rate|limit) (?:is )?exceeded)",
        Reaction("provider", "rate", slows=True),
    ),
)
