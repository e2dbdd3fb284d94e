"""The page where people choose their lists and their language, and whether they are measured."""

from __future__ import annotations

from flask import Blueprint, request
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from esp.contacts import leave, preferences
from esp.contacts.models import Contact
from esp.delivery import unsubscribe
from esp.delivery.tracking import allowed
from esp.entrypoints.public.frame import (
    Sender,
    came_from_form,
    form_token,
    message,
    page,
    ref_of,
    sender,
    speak_for,
    transaction,
    way,
)
from esp.entrypoints.public.links import TEST_SEQ
from esp.tokens import RecipientRef
from esp.translations import LANGUAGES

blueprint = Blueprint("public_preferences", __name__)


@blueprint.get("/p/<token>")
def show(token: str) -> Response:
    return _page(token, ref_of(token))


@blueprint.post("/p/<token>")
def save(token: str) -> Response:
    """Only the form of this very page is taken: the link alone is not enough to change anything."""
    ref = ref_of(token)
    if ref.seq == TEST_SEQ:
        return _page(token, ref)
    if not came_from_form(*ref):
        return _page(token, ref, failed=True)
    with transaction(ref.account_id) as session:
        contact = _contact(session, ref)
        if contact is not None:
            _store(session, ref, contact)
    return _page(token, ref, saved=True)


def _store(session: Session, ref: RecipientRef, contact: Contact) -> None:
    if request.form.get("all_off") == "yes":
        # By the broadcast's link too, so that its report counts it.
        unsubscribe.unsubscribe(session, *ref, way("preferences"))
        leave.leave(session, ref.account_id, contact.id, None, way("preferences"))
        return
    account_id = ref.account_id
    wanted = {int(n) for n in request.form.getlist("list")[:500] if n.isascii() and n.isdigit()}
    preferences.choose(session, account_id, contact.id, wanted, way("preferences"))
    language = request.form.get("language", "")
    if language in LANGUAGES and language != contact.language:
        preferences.speak(session, account_id, contact.id, language)
    account = sender()
    agreed = request.form.get("tracking") == "yes"
    if account.tracking != "none" and agreed != _is_measured(account, contact):
        told = way("preferences", _wording(account))
        preferences.agree_to_tracking(session, account_id, contact.id, agreed, told)


def _page(token: str, ref: RecipientRef, saved: bool = False, failed: bool = False) -> Response:
    if ref.seq == TEST_SEQ:
        return message(
            _("This was a test mail"),
            _("Here people choose what they get when the message is really sent."),
        )
    with transaction(ref.account_id) as session:
        contact = _contact(session, ref)
        account = sender()
        if contact is None:
            return message(
                _("There is nothing to choose"),
                _("We don’t keep your address any more, so we can’t write to you."),
            )
        return page(
            "preferences",
            status=409 if failed else 200,
            token=token,
            form=form_token(*ref),
            email=contact.email,
            offers=preferences.offers(session, ref.account_id, contact.id),
            language=str(get_locale()),
            languages=LANGUAGES,
            asks_about_tracking=account.tracking != "none",
            is_measured=_is_measured(account, contact),
            wording=_wording(account),
            saved=saved,
            failed=failed,
        )


def _contact(session: Session, ref: RecipientRef) -> Contact | None:
    """The person, and the page speaks for the account from here on."""
    person = unsubscribe.addressee(session, *ref)
    speak_for(session, ref.account_id, person.language if person else "")
    if person is None or person.contact_id is None:
        return None
    return session.get(Contact, (ref.account_id, person.contact_id), populate_existing=True)


def _is_measured(account: Sender, contact: Contact) -> bool:
    return allowed(account.tracking, contact.tracking_consent)


def _wording(account: Sender) -> str:
    return str(
        _(
            "%(company)s may see whether I open its mails and which links I follow,"
            " to send me what interests me.",
            company=account.name,
        )
    )
