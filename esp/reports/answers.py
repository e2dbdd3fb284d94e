"""(pure) Why somebody did, or did not, get a broadcast, as sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from esp.errors import N_

Verdict = Literal["yes", "not_yet", "no"]


@dataclass(frozen=True)
class Words:
    """A plain answer and what one can do; texts may hold %(email)s, %(domain)s, %(when)s."""

    verdict: Verdict
    title: str
    text: str
    advice: str


def words(code: str, reason: str | None = None, state: str | None = None) -> Words:
    """For an answer's `code`, the ledger's `reason` and the broadcast's `state`."""
    for key in (f"{code}.{reason}", f"{code}.{state}", code):
        if key in ANSWERS:
            return ANSWERS[key]
    return ANSWERS["unknown"]


_ASK = N_("Ask the person for another address, or correct a typing mistake in the contact.")
_RETRY = N_("“Retry failed” on the page of recipients tries again.")

ANSWERS = {
    "sent": Words(
        "yes",
        N_("Yes, it was delivered"),
        N_("The mail server of %(domain)s took it on %(when)s."),
        N_(
            "If it is not in the inbox, it may lie in a folder for spam or promotions. The server's"
            " reply below helps the people who run it to find the mail."
        ),
    ),
    "bounced": Words(
        "no",
        N_("No, it bounced"),
        N_("The mail server of %(domain)s took it at first, and returned it on %(when)s."),
        _ASK,
    ),
    "queued": Words(
        "not_yet",
        N_("Not yet, its turn has not come"),
        N_("%(email)s is among the recipients and waits to be sent to."),
        N_("Nothing is to be done: look again in some minutes."),
    ),
    "queued.paused": Words(
        "not_yet",
        N_("Not yet, the broadcast is paused"),
        N_("%(email)s is among the recipients and waits until the broadcast goes on."),
        N_("Resume the broadcast on its page."),
    ),
    "queued.held": Words(
        "not_yet",
        N_("Not yet, the broadcast is on hold"),
        N_("%(email)s is among the recipients and waits until somebody has looked at the reason."),
        N_("Read the reason on the broadcast's page and decide there."),
    ),
    "deferred": Words(
        "not_yet",
        N_("Not yet, the receiver asks to wait"),
        N_(
            "The mail server of %(domain)s did not take it for now, the last time on %(when)s."
            " We try again by ourselves."
        ),
        N_("Nothing is to be done, unless the reply below names something that you can change."),
    ),
    "failed": Words(
        "no",
        N_("No, the receiver refused it"),
        N_("The mail server of %(domain)s said no for good on %(when)s."),
        N_("The reply below says why. “Retry failed” on the page of recipients tries again."),
    ),
    "failed.invalid": Words(
        "no",
        N_("No, there is no such address"),
        N_("The mail server of %(domain)s said on %(when)s that it does not know %(email)s."),
        N_(
            "The address is suppressed now, so that it is not mailed again. Ask the person for"
            " another one, or correct a typing mistake in the contact."
        ),
    ),
    "failed.inactive": Words(
        "no",
        N_("No, the mailbox is switched off"),
        N_("The mail server of %(domain)s said on %(when)s that this mailbox takes no mail."),
        _ASK,
    ),
    "failed.full": Words(
        "no",
        N_("No, the mailbox is full"),
        N_("The mail server of %(domain)s said on %(when)s that there is no room left."),
        _RETRY,
    ),
    "failed.policy": Words(
        "no",
        N_("No, the receiver's rules forbid it"),
        N_(
            "The mail server of %(domain)s refused it on %(when)s for what the mail or its sender"
            " is, not for the address."
        ),
        N_(
            "The reply below names the rule. Look at your sending domain (SPF, DKIM, DMARC) and at"
            " the content, then retry those who failed."
        ),
    ),
    "failed.too_large": Words(
        "no",
        N_("No, the message is too large"),
        N_("The mail server of %(domain)s takes no mail of this size; it said so on %(when)s."),
        N_("Make the next message smaller: host pictures instead of embedding them."),
    ),
    "failed.malformed": Words(
        "no",
        N_("No, this address can't be mailed"),
        N_("%(email)s is written in a way that no mail server takes."),
        N_("Correct the address of the contact."),
    ),
    "failed.expired": Words(
        "no",
        N_("No, we gave up after the last try"),
        N_("The mail server of %(domain)s asked to wait each time, the last time on %(when)s."),
        _RETRY,
    ),
    "skipped": Words(
        "no",
        N_("No, it was left out"),
        N_("%(email)s was among the people of the lists, and nothing was sent."),
        N_("The reason stands below."),
    ),
    "skipped.no_address": Words(
        "no",
        N_("No, the contact has no address"),
        N_("This person is on the list without an e-mail address."),
        N_("Add an address to the contact."),
    ),
    "skipped.suppressed": Words(
        "no",
        N_("No, the address is suppressed"),
        N_("%(email)s is on the list of addresses that get no mail, so it was left out."),
        N_("If the reason below is wrong, lift the suppression for the next broadcast."),
    ),
    "skipped.excluded": Words(
        "no",
        N_("No, a list of theirs was excluded"),
        N_("%(email)s is on a list whose people were not to get this broadcast."),
        N_("Nothing is to be done, if that was meant."),
    ),
    "skipped.unsubscribed": Words(
        "no",
        N_("No, this person left before their turn"),
        N_("%(email)s unsubscribed before the mail was sent."),
        N_("Only the person can come back, by a sign-up page or the preference page."),
    ),
    "skipped.deleted": Words(
        "no",
        N_("No, the contact was deleted"),
        N_("The contact was deleted before the mail was sent."),
        N_("Nothing is to be done."),
    ),
    "skipped.address_changed": Words(
        "no",
        N_("No, the address was changed"),
        N_("The contact got another address between the start and its turn, so nothing was sent."),
        N_("Send the message again as a broadcast to those who were left out."),
    ),
    "skipped.cancelled": Words(
        "no",
        N_("No, the broadcast was cancelled"),
        N_("The broadcast was cancelled before the turn of %(email)s came."),
        N_("Duplicate the broadcast to send it to those who did not get it."),
    ),
    "not_started": Words(
        "not_yet",
        N_("Not yet, nothing was sent to anybody"),
        N_("This broadcast is still a draft."),
        N_("Schedule it, and ask again when it has begun."),
    ),
    "not_started.scheduled": Words(
        "not_yet",
        N_("Not yet, it is scheduled"),
        N_("This broadcast begins on %(when)s."),
        N_("Who gets it is decided then, by who is on the lists at that moment."),
    ),
    "not_started.cancelled": Words(
        "no",
        N_("No, nobody got it"),
        N_("This broadcast was cancelled before it began."),
        N_("Duplicate it to send it after all."),
    ),
    "not_started.failed": Words(
        "no",
        N_("No, nobody got it"),
        N_("This broadcast could not be started."),
        N_("Read the reason on the broadcast's page."),
    ),
    "unknown": Words(
        "no",
        N_("No, there is no such contact"),
        N_("%(email)s is not among your contacts, so it was on no list either."),
        N_("Look for a typing mistake, or search your contacts by name."),
    ),
    "not_on_list": Words(
        "no",
        N_("No, not on a list it went to"),
        N_("%(email)s is a contact, and on none of the lists this broadcast went to."),
        N_("If the person asked for this mail, add them to the list for the next one."),
    ),
    "not_yet": Words(
        "not_yet",
        N_("Not yet, recipients are still being written down"),
        N_("%(email)s is on a list, and the broadcast has only just begun."),
        N_("Look again in a minute."),
    ),
    "subscribed_later": Words(
        "no",
        N_("No, they came after the start"),
        N_("%(email)s joined on %(when)s; who gets the broadcast was decided when it began."),
        N_("The next broadcast to this list goes to them."),
    ),
    "pending": Words(
        "no",
        N_("No, the subscription is not confirmed"),
        N_("%(email)s signed up and has not yet pressed the button that confirms it."),
        N_("Ask the person to look for the mail with the confirmation, or to sign up again."),
    ),
    "unsubscribed": Words(
        "no",
        N_("No, this person had left"),
        N_("%(email)s unsubscribed from the list on %(when)s."),
        N_("Only the person can come back, by a sign-up page or the preference page."),
    ),
}
