"""Leaving: the one-click POST of mail programs, and the page behind the link in the body."""

from __future__ import annotations

from urllib.parse import parse_qs

from flask import Blueprint, current_app, request
from flask_babel import gettext as _
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from esp.contacts import preferences
from esp.delivery import unsubscribe
from esp.delivery.facts import encode_unsubscribe
from esp.entrypoints.public.frame import (
    came_from_form,
    form_token,
    hits,
    message,
    page,
    ref_of,
    speak_for,
    transaction,
    way,
)
from esp.entrypoints.public.links import TEST_SEQ
from esp.tokens import RecipientRef

blueprint = Blueprint("public_unsubscribe", __name__)

_RAW = ("", "text/plain", "application/octet-stream")


@blueprint.get("/u/<token>")
def ask(token: str) -> Response:
    """Scanners open links: this changes nothing (LIST-07)."""
    ref = ref_of(token)
    if ref.seq == TEST_SEQ:
        return _test()
    try:
        with transaction(ref.account_id) as session:
            person = unsubscribe.addressee(session, *ref)
            speak_for(session, ref.account_id, person.language if person else "")
            names = _names(session, ref, person)
    except SQLAlchemyError:
        current_app.logger.warning("the unsubscribe page goes without the database", exc_info=True)
        return page("unsubscribe", token=token, names=(), known=True)
    return page("unsubscribe", token=token, names=names, known=bool(person))


@blueprint.post("/u/<token>")
def leave(token: str) -> Response:
    """Committed before the answer; with the database away journalled before it (202)."""
    ref = ref_of(token)
    if _is_one_click():
        return _one_click(ref)
    if ref.seq == TEST_SEQ:
        return _test()
    if "undo" in request.form and came_from_form(*ref):
        return _undo(token, ref)
    if request.form.get("unsubscribe") != "yes":
        return ask(token)
    return _from_page(token, ref)


def _is_one_click() -> bool:
    """RFC 8058 §3.2: the key decides, in either encoding; some senders forget to name theirs."""
    value = request.form.get("List-Unsubscribe")
    if value is None and request.mimetype in _RAW:
        raw = parse_qs(request.get_data()[:1000].decode("latin-1"))
        value = raw.get("List-Unsubscribe", [""])[0]
    return (value or "").strip().lower() == "one-click"


def _one_click(ref: RecipientRef) -> Response:
    committed = ref.seq == TEST_SEQ or _leave(ref, "one-click")
    said = _("You are unsubscribed.") if committed else _("You will be unsubscribed shortly.")
    return Response(
        f"{said}\n", 200 if committed else 202, content_type="text/plain; charset=utf-8"
    )


def _from_page(token: str, ref: RecipientRef) -> Response:
    if not _leave(ref, "page"):
        return message(
            _("You will be unsubscribed"),
            _("We have written down your wish. It takes effect before anything else is sent."),
            202,
            tone="success",
        )
    with transaction(ref.account_id) as session:
        person = unsubscribe.addressee(session, *ref)
        speak_for(session, ref.account_id, person.language if person else "")
        meant = unsubscribe.lists_meant(session, ref.account_id, ref.broadcast_id)
        names = preferences.names_of(session, ref.account_id, meant or ())
    can_undo = person is not None and person.contact_id is not None
    form = form_token(*ref) if can_undo else ""
    return page("unsubscribed", token=token, names=names, form=form)


def _leave(ref: RecipientRef, source: str) -> bool:
    """Whether it is committed; if not, it is in the journal."""
    told = way(source)
    try:
        with transaction(ref.account_id) as session:
            unsubscribe.unsubscribe(session, *ref, told)
    except SQLAlchemyError:
        current_app.logger.exception("an unsubscribe goes to the journal")
        hits().note(encode_unsubscribe(*ref, told.at, source))
        return False
    return True


def _undo(token: str, ref: RecipientRef) -> Response:
    with transaction(ref.account_id) as session:
        person = unsubscribe.addressee(session, *ref)
        speak_for(session, ref.account_id, person.language if person else "")
        wording = _("That was a mistake")
        back = unsubscribe.undo(session, *ref, way("undo", wording))
        names = preferences.names_of(session, ref.account_id, back)
    return page("back_again", token=token, names=names)


def _names(session: Session, ref: RecipientRef, person: unsubscribe.Addressee | None) -> list[str]:
    """The lists that the button would take the person off."""
    if person is None or person.contact_id is None:
        return []
    meant = unsubscribe.lists_meant(session, ref.account_id, ref.broadcast_id)
    seen = preferences.offers(session, ref.account_id, person.contact_id)
    return [
        offer.name
        for offer in seen
        if offer.state in ("subscribed", "pending") and (meant is None or offer.list_id in meant)
    ]


def _test() -> Response:
    return message(
        _("This was a test mail"),
        _("Here people can unsubscribe when the message is really sent. Nothing was changed."),
    )
