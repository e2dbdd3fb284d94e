"""(pure) The figures of a broadcast from its counts, each rate with its denominator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from esp.errors import N_


@dataclass(frozen=True)
class Rate:
    """`count` of `total`; `of` says in words what the total is, `meaning` what is counted.

    `sentence` holds %(count)s and %(total)s.
    """

    name: str
    label: str
    count: int
    total: int
    of: str
    sentence: str
    meaning: str

    @property
    def share(self) -> float | None:
        """Between 0 and 1; None when there is nothing to divide by."""
        return self.count / self.total if self.total else None


@dataclass(frozen=True)
class Figures:
    """All that a report's head shows."""

    recipients: int
    queued: int
    sent: int
    delivered: int
    deferred: int
    failed: int
    bounced: int
    skipped: int
    opens: int
    clicks: int
    rates: tuple[Rate, ...]

    def rate(self, name: str) -> Rate:
        """One of the rates by its name."""
        return next(rate for rate in self.rates if rate.name == name)

    @property
    def handled(self) -> int:
        """Recipients with a final state."""
        return self.sent + self.failed + self.skipped


# name, label, counted, denominator, "of …", sentence, meaning
_RATES = (
    (
        "delivered",
        N_("Delivered"),
        "delivered",
        "attempted",
        N_("of sent and failed"),
        N_("%(count)s of %(total)s sent or failed"),
        N_("Taken by the receiver's server, and not returned since."),
    ),
    (
        "opened",
        N_("Opened"),
        "unique_opens",
        "delivered",
        N_("of delivered"),
        N_("%(count)s of %(total)s delivered"),
        N_("People whose mail program loaded the pixel, each counted once."),
    ),
    (
        "clicked",
        N_("Clicked"),
        "unique_clicks",
        "delivered",
        N_("of delivered"),
        N_("%(count)s of %(total)s delivered"),
        N_("People who followed at least one link, each counted once."),
    ),
    (
        "click_to_open",
        N_("Click-to-open"),
        "unique_clicks",
        "unique_opens",
        N_("of those who opened"),
        N_("%(count)s of %(total)s who opened"),
        N_("People who clicked, compared with people who opened."),
    ),
    (
        "unsubscribed",
        N_("Unsubscribed"),
        "unsubscribed",
        "delivered",
        N_("of delivered"),
        N_("%(count)s of %(total)s delivered"),
        N_("People who left by a link in this mail."),
    ),
    (
        "complained",
        N_("Complained"),
        "complained",
        "delivered",
        N_("of delivered"),
        N_("%(count)s of %(total)s delivered"),
        N_("People who reported this mail as spam."),
    ),
    (
        "failed",
        N_("Failed"),
        "failed",
        "attempted",
        N_("of sent and failed"),
        N_("%(count)s of %(total)s sent or failed"),
        N_("Refused by the receiver's server, or given up after the last try."),
    ),
    (
        "bounced",
        N_("Bounced later"),
        "bounced",
        "sent",
        N_("of sent"),
        N_("%(count)s of %(total)s sent"),
        N_("Taken by the receiver's server, and returned afterwards."),
    ),
)


def figures(counts: Mapping[str, int]) -> Figures:
    """From the counts kept beside the events; what never happened may be missing."""
    value = {name: counts.get(name, 0) for name in COUNTED}
    value["delivered"] = value["sent"] - value["bounced"]
    value["attempted"] = value["sent"] + value["failed"]
    final = value["sent"] + value["failed"] + value["skipped"]
    rates = tuple(
        Rate(name, label, value[counted], value[total], *words)
        for name, label, counted, total, *words in _RATES
    )
    return Figures(
        recipients=value["recipients"],
        queued=max(value["recipients"] - final - value["deferred"], 0),
        sent=value["sent"],
        delivered=value["delivered"],
        deferred=value["deferred"],
        failed=value["failed"],
        bounced=value["bounced"],
        skipped=value["skipped"],
        opens=value["opens"],
        clicks=value["clicks"],
        rates=rates,
    )


COUNTED = (
    "recipients",
    "skipped",
    "sent",
    "deferred",
    "failed",
    "bounced",
    "complained",
    "unsubscribed",
    "opens",
    "unique_opens",
    "clicks",
    "unique_clicks",
)
