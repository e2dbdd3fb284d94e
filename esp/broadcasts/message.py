"""Turns a draft into the message that is sent, and says what keeps it from being sent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from esp.accounts.models import Account
from esp.addresses import check, domain_of
from esp.broadcasts import alignment
from esp.broadcasts.compose import lists_of
from esp.broadcasts.models import Broadcast
from esp.broadcasts.wording import FOOTERS
from esp.config import Settings
from esp.contacts.models import List
from esp.content.footer import missing
from esp.content.prepare import Options, PreparedContent, Problem, Source, prepare
from esp.delivery.plan import ListId, PlanSettings
from esp.errors import N_
from esp.senders.models import Transport
from esp.senders.sending_domains import FREE_MAIL, FREE_MAIL_REFUSED
from esp.senders.standing import standing
from esp.senders.transports import default_transport

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


def examine(
    session: Session, broadcast: Broadcast, *, measured: bool = True, smtp_url: str = ""
) -> Examined:
    """Prepare and check; nothing is written.

    `smtp_url` is what mail without a transport leaves by; empty: it stays in the local mailbox.
    """
    account = session.get_one(Account, broadcast.account_id)
    content = content_of(broadcast, account, measured=measured)
    problems = list(content.problems)
    if not content.errors:
        problems += [
            _blocker("missing-footer", MISSING[path])
            for path in missing(content.html, content.text)
        ]
    problems += _of_settings(session, broadcast, account)
    if not any(problem.code == "free-mail-sender" for problem in problems):
        problems += alignment.problems(
            session,
            account.id,
            broadcast.from_address,
            transport_of(session, broadcast),
            smtp_url,
        )
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
        found.append(_blocker("free-mail-sender", FREE_MAIL_REFUSED))
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
    found = standing(session, account.id, domain_of(sender))
    return PlanSettings(
        base_url=settings.public_url,
        tracking_base_url=_tracking_url(settings, found.tracking_host),
        # DMARC-02: aligned with the sender as soon as its records work.
        bounce_domain=found.return_path_host or settings.bounce_domain,
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


def _tracking_url(settings: Settings, host: str) -> str:
    url = settings.public_tracking_url
    if not host:
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{host}{f':{parts.port}' if parts.port else ''}"


def _list_id(first: List, domain: str) -> ListId:
    # Of numbers, which stay when a list or an account gets another name (RFC 2919 §2).
    return ListId(f"list-{first.id}.account-{first.account_id}", first.name, domain)


def pool_of(session: Session, broadcast: Broadcast) -> int | None:
    """The addresses it leaves from: its own choice, else its transport's; None: any."""
    chosen = transport_of(session, broadcast)
    if broadcast.pool_id is not None or chosen is None:
        return broadcast.pool_id
    found = session.get(Transport, (broadcast.account_id, chosen))
    return found.pool_id if found else None


def transport_of(session: Session, broadcast: Broadcast) -> int | None:
    """The transport chosen for it, else the account's own default; None: the installation's."""
    if broadcast.transport_id is not None:
        return broadcast.transport_id
    chosen = default_transport(session, broadcast.account_id)
    return chosen.id if chosen else None
