"""Turns a draft into the message that is sent, and says what keeps it from being sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from esp.accounts.models import Account
from esp.addresses import check
from esp.broadcasts.compose import lists_of
from esp.broadcasts.models import Broadcast
from esp.broadcasts.wording import FOOTERS
from esp.config import Settings
from esp.contacts.models import List
from esp.content.footer import missing
from esp.content.prepare import Options, PreparedContent, Problem, Source, prepare
from esp.delivery.plan import ListId, PlanSettings
from esp.errors import N_
from esp.senders.providers import KNOWN
from esp.senders.transports import default_transport

FREE_PROVIDERS = ("google", "yahoo", "microsoft", "apple", "gmx", "mail.ru")
# Their owners publish p=reject or quarantine: mail from elsewhere in their name is refused.
FREE_MAIL = frozenset(domain for name in FREE_PROVIDERS for domain in KNOWN[name].split())
MISSING = {
    "unsubscribe_url": N_(
        "The message has no unsubscribe link. Put {{ unsubscribe_url }} in it, or add the"
        " standard footer."
    ),
    "account.postal_address": N_(
        "The message does not show your postal address. Put {{ account.postal_address }} in it,"
        " or add the standard footer."
    ),
}


@dataclass(frozen=True)
class Examined:
    """The message as it would go out, and all that was noticed about it."""

    content: PreparedContent
    problems: tuple[Problem, ...]

    @property
    def blockers(self) -> tuple[Problem, ...]:
        """What must be mended before it can be scheduled."""
        return tuple(p for p in self.problems if p.kind == "error")


def content_of(broadcast: Broadcast, account: Account, *, measured: bool = True) -> PreparedContent:
    """The broadcast's parts, prepared with the account's settings.

    `measured` False is for eyes only: links lead straight to their targets, no pixel.
    """
    source = Source(
        kind=broadcast.kind,  # type: ignore[arg-type]  # a check constraint holds the three kinds
        subject=broadcast.subject,
        body=broadcast.body,
        text=broadcast.text,
        preheader=broadcast.preheader,
    )
    options = Options(
        inliner="css-inline" if account.inliner == "css-inline" else "premailer",
        track_opens=measured and account.tracking != "none",
        track_clicks=measured,
        footer=FOOTERS[account.language] if broadcast.add_footer else None,
    )
    return _prepared(source, options)


@lru_cache(maxsize=8)
def _prepared(source: Source, options: Options) -> PreparedContent:
    # Of an editor's save, its list of problems and its preview only the first compiles.
    return prepare(source, options)


def examine(session: Session, broadcast: Broadcast, *, measured: bool = True) -> Examined:
    """Prepare and check; nothing is written."""
    account = session.get_one(Account, broadcast.account_id)
    content = content_of(broadcast, account, measured=measured)
    problems = list(content.problems)
    if not content.errors:
        problems += [
            _blocker("missing-footer", MISSING[path])
            for path in missing(content.html, content.text)
        ]
    problems += _of_settings(session, broadcast, account)
    return Examined(content, tuple(problems))


def _of_settings(session: Session, broadcast: Broadcast, account: Account) -> list[Problem]:
    found = []
    if not broadcast.subject.strip():
        found.append(_blocker("no-subject", N_("The message has no subject.")))
    if not broadcast.body.strip():
        found.append(_blocker("no-body", N_("The message is empty.")))
    if not account.postal_address.strip():
        found.append(
            _blocker(
                "no-postal-address",
                N_("Your account has no postal address. The law asks for one: add it in Settings."),
            )
        )
    if not lists_of(session, broadcast.account_id, broadcast.id)[0]:
        found.append(_blocker("no-list", N_("No list is chosen.")))
    found += _of_sender(broadcast)
    return found


def _of_sender(broadcast: Broadcast) -> list[Problem]:
    found = []
    sender = check(broadcast.from_address)
    if not sender.valid or not sender.normalized:
        found.append(_blocker("no-sender", N_("The sender's address is missing or wrong.")))
    elif sender.normalized.rpartition("@")[2] in FREE_MAIL:
        found.append(
            _blocker(
                "free-mail-sender",
                N_("Mail in the name of a free mail provider is refused. Use your own domain."),
            )
        )
    if broadcast.reply_to and not check(broadcast.reply_to).valid:
        found.append(_blocker("wrong-reply-to", N_("The address for answers is wrong.")))
    return found


def _blocker(code: str, text: str) -> Problem:
    return Problem("error", code, text)


def plan_settings(
    session: Session, settings: Settings, broadcast: Broadcast, account: Account
) -> PlanSettings:
    """Everything the plan needs besides the content."""
    sender = check(broadcast.from_address).normalized or broadcast.from_address
    include, _ = lists_of(session, broadcast.account_id, broadcast.id)
    first = session.get(List, (account.id, include[0])) if include else None
    return PlanSettings(
        base_url=settings.public_url,
        tracking_base_url=settings.public_tracking_url,
        bounce_domain=settings.bounce_domain,
        message_id_domain=urlsplit(settings.public_url).hostname or settings.bounce_domain,
        from_name=broadcast.from_name,
        from_address=sender,
        reply_to=broadcast.reply_to or None,
        account_id=account.id,
        broadcast_id=broadcast.id,
        # One a message (RFC 2919): with several lists the first stands for all.
        list_id=_list_id(first, settings.bounce_domain) if first else None,
        feedback_id=(str(broadcast.id), account.slug, "broadcast", "esp"),
        language=account.language,
    )


def _list_id(first: List, domain: str) -> ListId:
    # Of numbers, which stay when a list or an account gets another name (RFC 2919 §2).
    return ListId(f"list-{first.id}.account-{first.account_id}", first.name, domain)


def transport_of(session: Session, broadcast: Broadcast) -> int | None:
    """The transport chosen for it, else the account's own default; None: the installation's."""
    if broadcast.transport_id is not None:
        return broadcast.transport_id
    chosen = default_transport(session, broadcast.account_id)
    return chosen.id if chosen else None
