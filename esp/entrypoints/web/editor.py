"""What the pages of templates and of broadcasts share: their editor, its preview and its test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Response, make_response, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from esp.accounts import queries
from esp.accounts.models import Account
from esp.broadcasts import preview, test_send
from esp.broadcasts.models import Broadcast
from esp.broadcasts.preview import Preview
from esp.contacts import fields
from esp.content.models import Template
from esp.content.problems import Problem
from esp.entrypoints.tasks import wake
from esp.entrypoints.web.frame import current_account_id, current_user, runtime, sentence
from esp.errors import N_, Conflict, Invalid, Refused

KINDS = (("html", "HTML"), ("mjml", "MJML"), ("text", N_("Plain text")))


@dataclass(frozen=True)
class Tag:
    """A merge tag in the menu."""

    words: str
    tag: str


@dataclass(frozen=True)
class Addresses:
    """Where the editor of one message saves, shows and tests it."""

    save: str
    mail: str
    test: str


@dataclass(frozen=True)
class Sight:
    """A message as the editor shows it beside its source."""

    subject: str
    problems: tuple[Problem, ...]
    sender: str
    person: str


def written() -> dict[str, Any]:
    """What was typed into the editor, with the line ends of the source."""
    form = request.form
    names = ("name", "subject", "preheader", "body", "kind")
    values: dict[str, Any] = {name: _lines(form[name]) for name in names if name in form}
    if "text" in form:
        values["text"] = _lines(form["text"]) if "own_text" in form else None
    return values


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def version() -> int | None:
    """The version that the window had read."""
    text = request.form.get("version", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def person_id() -> int | None:
    """The contact whose eyes are asked for; None: the sample."""
    text = request.values.get("contact", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None


def account_of(session: Session) -> Account:
    """The account of the URL."""
    return queries.account(session, current_account_id())


def seen(session: Session, draft: Broadcast, contact_id: int | None = None) -> Preview:
    """The draft as a contact, or the sample, reads it."""
    account = account_of(session)
    contact = preview.person(session, account.id, contact_id, account.language)
    return preview.show(session, draft, account, contact, runtime().clock())


def sight(
    session: Session, draft: Broadcast, problems: Sequence[Problem], contact_id: int | None = None
) -> Sight:
    """What stands round the frame of the preview; `problems` are those that are known besides."""
    shown = seen(session, draft, contact_id)
    account = account_of(session)
    contact = preview.person(session, account.id, contact_id, account.language)
    every = dict.fromkeys((*shown.problems, *problems))
    ordered = sorted(every, key=lambda problem: (problem.kind != "error", problem.line))
    sender = f"{draft.from_name} <{draft.from_address}>" if draft.from_address else draft.from_name
    person = str(contact["email"]) if contact_id else _("Sample person")
    return Sight(shown.subject, tuple(ordered), sender, person)


def saved(item: Template | Broadcast, seen_as: Sight, path: str) -> str:
    """The answer to a save: the next version, the subject and the problems."""
    return render_template("editor/saved.html", item=item, sight=seen_as, mail=path)


def conflict(error: Conflict, item: Template | Broadcast) -> Response:
    """The answer to a save that came too late; the text in the window stays."""
    body = render_template("editor/conflict.html", text=sentence(error), item=item)
    headers = {"HX-Retarget": "#conflict", "HX-Reswap": "innerHTML"}
    return make_response(body, 409, headers)


def test(session: Session, draft: Broadcast, back: str) -> tuple[str, int]:
    """Send the draft to the typed addresses; the answer is the form once more."""
    to = [word for word in re.split(r"[\s,;]+", request.form.get("to", "")) if word]
    account = account_of(session)
    error, sent = "", []
    try:
        contact = preview.person(session, account.id, person_id(), account.language)
        parts = runtime()
        sent = test_send.send_test(
            session, parts.settings, parts.keyring, draft, to, contact, parts.clock()
        )
    except (Invalid, Refused) as refused:
        error = sentence(refused)
    page = render_template(
        "editor/test.html",
        action=back,
        to=", ".join(to),
        contact=person_id() or "",
        error=error,
        sent=sent,
    )
    return page, 422 if error else 200


def after_test(answer: tuple[str, int]) -> Response:
    """Wake the sender once the test is stored."""
    body, status = answer
    if status == 200:
        wake(runtime(), "send", current_account_id())
    return make_response(body, status)


def context(session: Session, item: Template | Broadcast, addresses: Addresses) -> dict[str, Any]:
    """What `editor/editor.html` needs besides the sight."""
    return {
        "item": item,
        "addresses": addresses,
        "kinds": [(value, _(words)) for value, words in KINDS],
        "tags": merge_tags(session),
        "own_address": current_user().email,
        "people_url": url_for("mail.people"),
    }


def merge_tags(session: Session) -> list[tuple[str, list[Tag]]]:
    """What can be put into a message, in groups."""
    friend = _("friend")
    first = f'{{{{ contact.first_name | default: "{friend}" }}}}'
    contact = [
        Tag(_("First name"), first),
        Tag(_("Last name"), "{{ contact.last_name }}"),
        Tag(_("Name"), f'{{{{ contact.name | default: "{friend}" }}}}'),
        Tag(_("E-mail address"), "{{ contact.email }}"),
        Tag(_("Company"), "{{ contact.company }}"),
        Tag(_("City"), "{{ contact.city }}"),
        Tag(_("Country"), "{{ contact.country }}"),
    ]
    own = [
        Tag(field.label, f"{{{{ contact.fields.{field.key} }}}}")
        for field in fields.all_fields(session, current_account_id())
    ]
    links = [
        Tag(_("Unsubscribe"), "{{ unsubscribe_url }}"),
        Tag(_("Preferences"), "{{ preferences_url }}"),
        Tag(_("View in browser"), "{{ view_url }}"),
    ]
    account = [
        Tag(_("Company"), "{{ account.name }}"),
        Tag(_("Postal address"), "{{ account.postal_address }}"),
        Tag(_("Web site"), "{{ account.url }}"),
        Tag(_("Name of the list"), "{{ list.name }}"),
    ]
    groups = [
        (_("Contact"), contact),
        (_("Your own fields"), own),
        (_("Links"), links),
        (_("Account"), account),
    ]
    return [(title, tags) for title, tags in groups if tags]
