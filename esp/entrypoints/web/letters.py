"""Mails to the people who work here: a way back in, an invitation."""

from __future__ import annotations

from flask import render_template
from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from esp.accounts import links
from esp.accounts.models import Account, User
from esp.delivery import notices
from esp.delivery.plan.settings import FillError
from esp.entrypoints.web.frame import runtime
from esp.errors import Invalid

# What people typed is never part of a letter's template: it comes in as data, by these names.
BY, ACCOUNT, EMAIL = "{{ by }}", "{{ account }}", "{{ email }}"


def send_reset(session: Session, account: Account, user: User) -> None:
    """Queue the link to set a new password; Invalid if no mail can reach `user`."""
    token = links.create_link(session, user.id, "reset", runtime().clock())
    language = user.language or account.language
    with force_locale(language):
        title = _("Set a new password")
        words = {
            "title": title,
            "button": title,
            "text": _(
                "Somebody, probably you, asked for a new password for %(email)s.", email=EMAIL
            ),
            "small": _(
                "The link works once, for one hour. If it was not you, do nothing: "
                "your password stays as it is."
            ),
        }
        _queue(
            session, account, user, "reset", words, {"url": _url(f"/password/{token}")}, language
        )


def send_invitation(session: Session, account: Account, user: User, by: str) -> None:
    """Queue the mail that lets `user` in, with a link to set a first password; Invalid as above."""
    new = user.password_hash is None
    token = links.create_link(session, user.id, "invite", runtime().clock()) if new else ""
    language = user.language or account.language
    with force_locale(language):
        words = {
            "title": _("You are invited to %(account)s", account=ACCOUNT),
            "button": _("Accept the invitation") if new else _("Open the account"),
            "text": _(
                "%(by)s invites you to work in the account %(account)s.", by=BY, account=ACCOUNT
            ),
            "small": _("The link works once, for seven days.") if new else _("Sign in as always."),
        }
        url = _url(f"/password/{token}" if new else f"/a/{account.slug}/")
        _queue(session, account, user, "invite", words, {"by": by, "url": url}, language)


def _url(path: str) -> str:
    return runtime().settings.public_url + path


def _queue(
    session: Session,
    account: Account,
    user: User,
    kind: str,
    words: dict[str, str],
    data: dict[str, str],
    language: str,
) -> None:
    parts = runtime()
    # Jinja fills in our words and leaves the names of the data.
    names = {"url": "{{ url }}", "account_name": ACCOUNT}
    try:
        notices.queue(
            session,
            account.id,
            notices.Origin.of(parts.settings, parts.keyring, account.name),
            kind=kind,
            email=user.email,
            subject=words["title"],
            text="{text}\n\n{button}:\n{{{{ url }}}}\n\n{small}\n".format(**words),
            html=render_template("letters/letter.html", **words, **names),
            name=user.name,
            data={**data, "account": account.name, "email": user.email},
            language=language,
            now=parts.clock(),
        )
    except FillError as error:
        raise Invalid(error.text, "email") from error
