"""Sign-up pages with double opt-in: a form, one mail, a button."""

from __future__ import annotations

from dataclasses import dataclass

import redis
from flask import Blueprint, current_app, g, request
from flask_babel import get_locale
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from esp import addresses
from esp.contacts import sign_up as capability
from esp.contacts.models import List
from esp.contacts.sign_up import LIFETIME, Pending, SignUp
from esp.entrypoints.public.confirmation import queue_letter
from esp.entrypoints.public.frame import (
    message,
    page,
    place,
    runtime,
    sender,
    speak_for,
    transaction,
    way,
)
from esp.entrypoints.tasks import wake
from esp.errors import NotFound
from esp.tokens import read, sign

blueprint = Blueprint("public_sign_up", __name__)

# People need some seconds for a form, programs don't.
FASTEST_SECONDS = 2
SLOWEST_SECONDS = 24 * 3600
# From one place in ten minutes; an office behind one address has many people.
LIMIT, LIMIT_SECONDS = 20, 600
_TIMING, _CONFIRM = "sign-up", "confirm"
_NAME_LENGTH = 100


@dataclass(frozen=True)
class Typed:
    """The form as it was sent; `trap` is a field that nobody sees."""

    email: str = ""
    first_name: str = ""
    trap: str = ""


@blueprint.get("/subscribe/<key>")
def form(key: str) -> Response:
    account_id = _account_of(key)
    with transaction(account_id) as session:
        return _form(_list(session, account_id, key), Typed())


@blueprint.post("/subscribe/<key>")
def take(key: str) -> Response:
    """The same answer for everybody, known or not; forms on other sites may post here too."""
    if _too_often():
        answer = message(_("That was too often"), _("Please wait ten minutes and try again."), 429)
        answer.headers["Retry-After"] = str(LIMIT_SECONDS)
        return answer
    typed = _typed()
    account_id = _account_of(key)
    checked = addresses.check(typed.email)
    with transaction(account_id) as session:
        chosen = _list(session, account_id, key)
        if checked.normalized is None:
            return _form(chosen, typed, wrong=True)
        if _too_fast(chosen):
            return _form(chosen, typed, again=True)
        queued = not typed.trap and _sign_up(session, chosen, checked.normalized, typed)
    if queued:
        wake(runtime(), "send", account_id)
    return page("sign_up_taken", email=checked.normalized)


@blueprint.route("/confirm/<token>", methods=["GET", "POST"])
def confirm(token: str) -> Response:
    """GET only shows the button, since scanners open links (LAW-09)."""
    now = int(runtime().clock().timestamp())
    payload = read(runtime().keyring, _CONFIRM, token, now)
    if payload is None:
        return _gone()
    account_id, list_id, contact_id, email = payload
    assert isinstance(account_id, int)  # noqa: S101  # signed by _letter_link alone
    assert isinstance(list_id, int)  # noqa: S101  # as above
    assert isinstance(contact_id, int)  # noqa: S101  # as above
    with transaction(account_id) as session:
        chosen = session.get(List, (account_id, list_id))
        if chosen is None:
            return _gone()
        speak_for(session, account_id)
        state = capability.state_of(session, account_id, list_id, contact_id)
        if state == "subscribed":
            return page("confirmed", list_name=chosen.name)
        if state != "pending":
            return _gone()
        if request.method == "POST" and request.form.get("confirm") == "yes":
            return _confirm(session, chosen, Pending(contact_id, str(email)))
        return page("confirm", token=token, chosen=chosen, email=email, wording=_wording(chosen))


def _confirm(session: Session, chosen: List, pending: Pending) -> Response:
    told = way("confirmation", _wording(chosen))
    done = capability.confirm(session, chosen.account_id, chosen.id, pending, told)
    return _gone() if done == "gone" else page("confirmed", list_name=chosen.name)


def _sign_up(session: Session, chosen: List, email: str, typed: Typed) -> bool:
    """Whether a mail was queued."""
    language = str(get_locale())
    wish = SignUp(email, typed.first_name, language)
    told = way("form", _wording(chosen))
    pending = capability.sign_up(session, chosen.account_id, chosen.id, wish, told)
    if pending is None:
        return False
    link = _letter_link(chosen, pending)
    queue_letter(session, runtime(), sender(), chosen, pending.email, link, language)
    return True


def _letter_link(chosen: List, pending: Pending) -> str:
    expires = int((runtime().clock() + LIFETIME).timestamp())
    payload = (chosen.account_id, chosen.id, pending.contact_id, pending.email)
    token = sign(runtime().keyring, _CONFIRM, payload, expires)
    return f"{runtime().settings.public_url}/confirm/{token}"


def _account_of(key: str) -> int:
    with transaction(None) as session:
        account_id = capability.account_of_key(session, key)
    if account_id is None:
        raise NotFound()
    return account_id


def _list(session: Session, account_id: int, key: str) -> List:
    """The list; the page speaks for its account, in the language of the reader's browser."""
    chosen = capability.list_of_key(session, account_id, key)
    if chosen is None:
        raise NotFound()
    speak_for(session, account_id, request.args.get("language", ""))
    return chosen


def _form(chosen: List, typed: Typed, wrong: bool = False, again: bool = False) -> Response:
    now = int(runtime().clock().timestamp())
    return page(
        "sign_up",
        status=422 if wrong or again else 200,
        chosen=chosen,
        wording=_wording(chosen),
        typed=typed,
        wrong=wrong,
        again=again,
        shown=sign(runtime().keyring, _TIMING, (chosen.id, now), now + SLOWEST_SECONDS),
        language=g.get("reader_language", ""),
    )


def _typed() -> Typed:
    def line(name: str, length: int) -> str:
        return " ".join(request.form.get(name, "").replace("\0", "").split())[:length]

    return Typed(line("email", 400), line("first_name", _NAME_LENGTH), line("website", 100))


def _too_fast(chosen: List) -> bool:
    """A form of ours that came back at once; one without our mark is on somebody's own site."""
    shown = request.form.get("shown", "")
    if not shown:
        return False
    now = int(runtime().clock().timestamp())
    payload = read(runtime().keyring, _TIMING, shown, now)
    if payload is None or payload[0] != chosen.id or not isinstance(payload[1], int):
        return True
    return now - payload[1] < FASTEST_SECONDS


def _too_often() -> bool:
    """Counted in Valkey; while that is away everybody is let in."""
    key = f"esp:sign-up:{place()}"
    try:
        with runtime().redis.pipeline() as pipeline:
            pipeline.incr(key)
            pipeline.expire(key, LIMIT_SECONDS, nx=True)
            count, _set = pipeline.execute()
    except redis.RedisError:
        current_app.logger.warning("sign-ups are not counted: Valkey is away")
        return False
    return int(count) > LIMIT


def _wording(chosen: List) -> str:
    """What the person agrees to, kept as proof."""
    return chosen.consent_text or str(
        _(
            "I want to get “%(list)s” from %(company)s by e-mail. I can leave at any time"
            " with a link in every mail.",
            list=chosen.name,
            company=sender().name,
        )
    )


def _gone() -> Response:
    return message(
        _("This link no longer works"),
        _("It was used already, or it is older than seven days. Sign up again to get a new one."),
        404,
    )
