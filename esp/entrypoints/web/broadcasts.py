"""Broadcasts: the list, and the steps of a draft from message to review."""

from __future__ import annotations

from flask import Blueprint, Flask, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from esp.broadcasts import compose, overview, queries
from esp.broadcasts.funnel import funnel
from esp.broadcasts.message import examine
from esp.broadcasts.models import Broadcast
from esp.content import ready_made, templates
from esp.engagement import counts
from esp.entrypoints.web import broadcast_words as words
from esp.entrypoints.web import editor
from esp.entrypoints.web.frame import (
    current_account_id,
    current_user,
    go,
    is_htmx,
    notify,
    runtime,
    transaction,
)
from esp.entrypoints.web.mail import READY_MADE
from esp.entrypoints.web.templates import spoken
from esp.errors import Conflict

blueprint = Blueprint("broadcasts", __name__, url_prefix="/a/<slug>/broadcasts")

ON_A_PAGE = 30
FILTERS = ("draft", "scheduled", "sending", "sent")


def install(app: Flask) -> None:
    """Give templates the words of broadcasts."""
    app.jinja_env.filters["problem_text"] = words.problem_text
    app.jinja_env.globals.update(
        state_words=words.STATES, state_tones=words.TONES, live_states=words.LIVE
    )


@blueprint.get("")
def index() -> str:
    """The newest first."""
    state = request.args.get("state", "")
    state = state if state in FILTERS else ""
    before = request.args.get("before", type=int)
    with transaction() as session:
        found = queries.page(
            session,
            current_account_id(),
            state=state or None,
            before=before,
            limit=ON_A_PAGE + 1,
        )
        rows = found[:ON_A_PAGE]
        numbers = counts.of_broadcasts(session, current_account_id(), [b.id for b in rows])
    more = len(found) > ON_A_PAGE
    return render_template(
        "broadcasts/index.html",
        rows=rows,
        counts=numbers,
        state=state,
        filters=FILTERS,
        older=url_for(".index", before=rows[-1].id, state=state or None) if more else None,
        newest=url_for(".index", state=state or None) if before else None,
    )


@blueprint.get("/new")
def new() -> str:
    """What to begin with."""
    with transaction() as session:
        own = templates.all_templates(session, current_account_id())
    return render_template(
        "broadcasts/new.html",
        own=own,
        language=spoken(),
        ready_made=ready_made.load_all(READY_MADE, spoken()),
    )


@blueprint.post("")
def create() -> Response:
    """A draft: of a template, of a ready-made one, or empty."""
    account_id, user_id = current_account_id(), current_user().user_id
    values: dict[str, str] = {}
    name, template_id = request.form.get("ready_made", ""), request.form.get("template", type=int)
    with transaction() as session:
        if name:
            found = ready_made.load(READY_MADE, spoken(), name)
            values = {
                "name": _(found.title),
                "kind": "mjml",
                "subject": found.subject,
                "preheader": found.preheader,
                "body": found.mjml,
            }
        elif template_id is not None:
            values = {"name": templates.get(session, account_id, template_id).name}
        else:
            kind = request.form.get("kind", "html")
            values = {"name": _("New broadcast"), "kind": kind}
        made = compose.create(session, account_id, values, user_id=user_id, template_id=template_id)
    return go(url_for(".message", broadcast_id=made.id))


@blueprint.post("/<int:broadcast_id>/duplicate")
def duplicate(broadcast_id: int) -> Response:
    """A new draft with the same message and lists."""
    with transaction() as session:
        original = compose.get(session, current_account_id(), broadcast_id)
        name = _("Copy of %(name)s", name=original.name)[:200]
        copy = compose.duplicate(
            session, current_account_id(), broadcast_id, name, user_id=current_user().user_id
        )
    notify(_("This is the copy."))
    return go(url_for(".message", broadcast_id=copy.id))


@blueprint.post("/<int:broadcast_id>/delete")
def delete(broadcast_id: int) -> Response:
    """Throw a draft away."""
    with transaction() as session:
        compose.discard(session, current_account_id(), broadcast_id)
    notify(_("The draft is deleted."))
    return go(url_for(".index"))


@blueprint.get("/<int:broadcast_id>/message")
def message(broadcast_id: int) -> str | Response:
    """The editor."""
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        if broadcast.state != "draft":
            return to_progress(broadcast)
        more = editor.context(session, broadcast, _addresses(broadcast))
        sight = _sight(session, broadcast)
    steps = words.steps(broadcast, "message")
    return render_template("broadcasts/message.html", sight=sight, steps=steps, **more)


@blueprint.post("/<int:broadcast_id>/message")
def save(broadcast_id: int) -> str | Response:
    """Save what was typed; htmx gets what has to change on the page."""
    values = editor.written() | {"add_footer": "add_footer" in request.form}
    try:
        with transaction() as session:
            broadcast = compose.save(
                session, current_account_id(), broadcast_id, values, version=editor.version()
            )
            answer = editor.saved(broadcast, _sight(session, broadcast), _addresses(broadcast).mail)
    except Conflict as error:
        if not is_htmx():
            raise
        with transaction() as session:
            return editor.conflict(error, compose.get(session, current_account_id(), broadcast_id))
    if is_htmx():
        return answer
    return go(url_for(".audience", broadcast_id=broadcast_id))


@blueprint.post("/<int:broadcast_id>/test")
def test(broadcast_id: int) -> Response:
    """Send it to a few addresses."""
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        answer = editor.test(session, broadcast, _addresses(broadcast).test)
    return editor.after_test(answer)


@blueprint.get("/<int:broadcast_id>/audience")
def audience(broadcast_id: int) -> str | Response:
    """Choose lists; htmx gets the funnel of those in the query."""
    with transaction() as session:
        broadcast = compose.get(session, current_account_id(), broadcast_id)
        if broadcast.state != "draft":
            return to_progress(broadcast)
        if is_htmx():
            counted = funnel(session, current_account_id(), *_sides(request.args))
            return render_template("broadcasts/funnel.html", funnel=counted)
        include, exclude = compose.lists_of(session, current_account_id(), broadcast_id)
        return render_template(
            "broadcasts/audience.html",
            broadcast=broadcast,
            lists=overview.list_choices(session, current_account_id()),
            include=include,
            exclude=exclude,
            funnel=funnel(session, current_account_id(), include, exclude),
            steps=words.steps(broadcast, "audience"),
        )


@blueprint.post("/<int:broadcast_id>/audience")
def choose(broadcast_id: int) -> Response:
    """Store the chosen lists."""
    include, exclude = _sides(request.form)
    with transaction() as session:
        compose.set_lists(
            session, current_account_id(), broadcast_id, tuple(include), tuple(exclude)
        )
    return go(url_for("broadcast_sender.sender", broadcast_id=broadcast_id))


def _sides(values: object) -> tuple[list[int], list[int]]:
    include = values.getlist("include", type=int)  # type: ignore[attr-defined]  # a MultiDict
    exclude = values.getlist("exclude", type=int)  # type: ignore[attr-defined]  # a MultiDict
    return [i for i in include if i not in exclude], exclude


def to_progress(broadcast: Broadcast) -> Response:
    """What is scheduled or sent isn't edited any more."""
    return go(url_for("broadcast_run.show", broadcast_id=broadcast.id))


def _sight(session: Session, broadcast: Broadcast) -> editor.Sight:
    smtp_url = runtime().settings.smtp_url
    examined = examine(session, broadcast, measured=False, smtp_url=smtp_url)
    # What belongs to another step is told in the review; an empty draft sees that it is empty.
    others = (*words.ELSEWHERE, "no-subject", "no-body")
    problems = [problem for problem in examined.problems if problem.code not in others]
    if not broadcast.body.strip():
        problems = []
    return editor.sight(session, broadcast, problems, editor.person_id())


def _addresses(broadcast: Broadcast) -> editor.Addresses:
    return editor.Addresses(
        save=url_for("broadcasts.save", broadcast_id=broadcast.id),
        mail=url_for("mail.show", what="broadcasts", ident=broadcast.id),
        test=url_for("broadcasts.test", broadcast_id=broadcast.id),
    )
