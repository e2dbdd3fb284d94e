"""The mail that asks for a confirmation: nothing in it but the question (LAW-08)."""

from __future__ import annotations

from flask import render_template
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from esp.contacts.models import List
from esp.delivery import notices
from esp.entrypoints.public.frame import Sender
from esp.runtime import Runtime


def queue_letter(
    session: Session,
    runtime: Runtime,
    sender: Sender,
    chosen: List,
    email: str,
    link: str,
    language: str,
) -> None:
    """Queue it; the parts are Liquid, and what comes from outside reaches them as data only."""
    words = {
        "question": _("Do you want to get “%(list)s”?", list="{{ list }}"),
        "asked": _(
            "Somebody, probably you, signed up %(email)s at %(company)s.",
            email="{{ email }}",
            company="{{ company }}",
        ),
        "button": _("Yes, subscribe me"),
        "otherwise": _("If it was not you, do nothing: you get no more mail from this."),
        "lasts": _("The link works for seven days."),
    }
    text = "{question}\n\n{asked}\n\n{button}:\n{{{{ link }}}}\n\n{lasts}\n{otherwise}\n\n-- \n"
    text = text.format(**words) + "{{ company }}\n{{ address }}\n"
    origin = notices.Origin.of(runtime.settings, runtime.keyring, sender.name)
    notices.queue(
        session,
        chosen.account_id,
        origin,
        kind="confirmation",
        email=email,
        subject=_("Please confirm: %(list)s", list="{{ list }}"),
        text=text,
        html=render_template("public/confirmation_letter.html", **words),
        data={
            "list": chosen.name,
            "email": email,
            "company": sender.name,
            "address": sender.postal_address,
            "link": link,
        },
        reply_to=sender.from_address or None,
        language=language,
        now=runtime.clock(),
    )
