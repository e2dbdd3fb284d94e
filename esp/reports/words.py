"""(pure) What the ledger's codes mean, in words."""

from __future__ import annotations

from esp.errors import N_

STATES = {
    "queued": N_("Waiting"),
    "deferred": N_("Deferred"),
    "sent": N_("Sent"),
    "failed": N_("Failed"),
    "skipped": N_("Skipped"),
}
# What one may ask the ledger for besides a state.
DEEDS = {
    "delivered": N_("Delivered"),
    "bounced": N_("Bounced"),
    "opened": N_("Opened"),
    "clicked": N_("Clicked"),
    "unsubscribed": N_("Unsubscribed"),
}
REASONS = {
    # Skipped: nothing was sent.
    "no_address": N_("Has no address"),
    "suppressed": N_("Is suppressed"),
    "excluded": N_("On an excluded list"),
    "unsubscribed": N_("Left before their turn"),
    "deleted": N_("Contact was deleted"),
    "address_changed": N_("Address was changed"),
    "cancelled": N_("Broadcast was cancelled"),
    # Failed: the receiver said no.
    "invalid": N_("No such address"),
    "inactive": N_("Mailbox is switched off"),
    "full": N_("Mailbox is full"),
    "policy": N_("Refused by policy"),
    "too_large": N_("Message too large"),
    "malformed": N_("Address can't be mailed"),
    "rejected": N_("Refused"),
    "expired": N_("Given up after the last try"),
}
# Providers whose short name alone would not do. Brands are the same in every language.
PROVIDERS = {
    "other": N_("Others"),
    "gmx": N_("GMX and web.de"),
    "t-online": "T-Online",
    "att": "AT&T",
    "mail.ru": "Mail.ru",
    "qq": "QQ",
    "netease": "NetEase",
}
SUPPRESSIONS = {
    "bounce": N_("mail to it came back for good"),
    "complaint": N_("its owner reported mail as spam"),
    "unsubscribe": N_("its owner wants no mail at all"),
    "manual": N_("somebody here put it on the list"),
    "import": N_("an imported file said so"),
    "erased": N_("its owner asked to be erased"),
}
SUBSCRIPTIONS = {
    "subscribed": N_("Subscribed"),
    "pending": N_("Not confirmed"),
    "unsubscribed": N_("Unsubscribed"),
}


def reason_words(code: str | None) -> str:
    """The words for a reason, to be translated; a code nobody wrote words for stands for itself."""
    return REASONS.get(code or "", code or "")
