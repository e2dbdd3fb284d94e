"""What a broadcast is told to do: schedule, pause, resume, cancel, copy, try again, test."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import url_for

from esp.accounts import queries as accounts
from esp.broadcasts import compose, move, preview, tidy
from esp.broadcasts.test_send import send_test
from esp.entrypoints.api.broadcasts import shown
from esp.entrypoints.api.frame import (
    PREFIX,
    account_id,
    named_in_body,
    now,
    record,
    runtime,
    session,
    wake_after_commit,
)
from esp.entrypoints.api.shapes import messages as shapes
from esp.entrypoints.api.shapes.parts import Nothing

blueprint = APIBlueprint(
    "moves", __name__, url_prefix=f"{PREFIX}/broadcasts/<id:broadcast_id>", tag="Broadcasts"
)
NAME_LENGTH = 200


@blueprint.post("/schedule")
@blueprint.input(shapes.Schedule, arg_name="wanted")
@blueprint.output(shapes.Broadcast)
def schedule(broadcast_id: int, wanted: shapes.Schedule) -> shapes.Broadcast:
    """Send a draft, now or at a time

    Refused with all reasons while the message may not go out as it is.
    """
    send_at = wanted.send_at or now()
    smtp_url = runtime().settings.smtp_url
    row = move.schedule(session(), account_id(), broadcast_id, send_at, now(), smtp_url=smtp_url)
    record("broadcast.schedule", row.name, id=broadcast_id, send_at=send_at.isoformat())
    if send_at <= now():
        wake_after_commit("broadcasts")
    return shown(broadcast_id)


@blueprint.post("/unschedule")
@blueprint.input(Nothing, arg_name="_nothing")
@blueprint.output(shapes.Broadcast)
def unschedule(broadcast_id: int, _nothing: Nothing) -> shapes.Broadcast:
    """Make a scheduled broadcast a draft again"""
    move.unschedule(session(), account_id(), broadcast_id)
    return _moved("unschedule", broadcast_id)


@blueprint.post("/pause")
@blueprint.input(Nothing, arg_name="_nothing")
@blueprint.output(shapes.Broadcast)
def pause(broadcast_id: int, _nothing: Nothing) -> shapes.Broadcast:
    """Stop for a while: no further message is begun"""
    move.pause(session(), account_id(), broadcast_id)
    return _moved("pause", broadcast_id)


@blueprint.post("/resume")
@blueprint.input(Nothing, arg_name="_nothing")
@blueprint.output(shapes.Broadcast)
def resume(broadcast_id: int, _nothing: Nothing) -> shapes.Broadcast:
    """Go on after a pause or a hold"""
    move.resume(session(), account_id(), broadcast_id)
    return _moved("resume", broadcast_id, "broadcasts", "send")


@blueprint.post("/cancel")
@blueprint.input(Nothing, arg_name="_nothing")
@blueprint.output(shapes.Broadcast)
def cancel(broadcast_id: int, _nothing: Nothing) -> shapes.Broadcast:
    """Stop for good: who has not had it does not get it"""
    move.cancel(session(), account_id(), broadcast_id, now())
    return _moved("cancel", broadcast_id, "broadcasts")


@blueprint.post("/duplicate")
@blueprint.input(shapes.Copy, arg_name="wanted")
@blueprint.output(shapes.Broadcast, status_code=201)
def duplicate(
    broadcast_id: int, wanted: shapes.Copy
) -> tuple[shapes.Broadcast, int, dict[str, str]]:
    """Make a draft with the same message and lists"""
    original = compose.get(session(), account_id(), broadcast_id)
    name = wanted.name.strip() or f"Copy of {original.name}"[:NAME_LENGTH]
    made = compose.duplicate(session(), account_id(), broadcast_id, name)
    record("broadcast.duplicate", name, id=made.id, original=broadcast_id)
    return shown(made.id), 201, {"Location": url_for("broadcasts.show", broadcast_id=made.id)}


@blueprint.post("/retry")
@blueprint.input(Nothing, arg_name="_nothing")
@blueprint.output(shapes.Retried)
def retry(broadcast_id: int, _nothing: Nothing) -> shapes.Retried:
    """Try again those who failed for another reason than a wrong address"""
    total = tidy.retry_failed(session(), account_id(), broadcast_id)
    _moved("retry", broadcast_id, "send")
    return shapes.Retried(recipients=total)


@blueprint.post("/test")
@blueprint.input(shapes.TestWish, arg_name="wanted")
@blueprint.output(shapes.TestSent, status_code=202)
def test(broadcast_id: int, wanted: shapes.TestWish) -> shapes.TestSent:
    """Send the message to a few addresses"""
    broadcast = compose.get(session(), account_id(), broadcast_id)
    language = accounts.account(session(), account_id()).language
    with named_in_body("contact_id"):
        person = preview.person(session(), account_id(), wanted.contact_id, language)
    to = send_test(
        session(), runtime().settings, runtime().keyring, broadcast, wanted.to, person, now()
    )
    record("broadcast.test", broadcast.name, id=broadcast_id, to=to)
    wake_after_commit("send")
    return shapes.TestSent(to=to)


def _moved(verb: str, broadcast_id: int, *tasks: str) -> shapes.Broadcast:
    found = shown(broadcast_id)
    record(f"broadcast.{verb}", found.name, id=broadcast_id)
    for task in tasks:
        wake_after_commit(task)
    return found
