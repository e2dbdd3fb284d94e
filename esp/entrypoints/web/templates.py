"""Templates: the gallery, the ready-made ones, the editor."""

from __future__ import annotations

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from esp.broadcasts import preview
from esp.content import ready_made, templates
from esp.content.models import Template
from esp.entrypoints.web import editor
from esp.entrypoints.web.frame import (
    current_account,
    current_account_id,
    go,
    is_htmx,
    notify,
    runtime,
    transaction,
)
from esp.entrypoints.web.mail import READY_MADE, ready_template
from esp.errors import Conflict

blueprint = Blueprint("templates", __name__, url_prefix="/a/<slug>/templates")


def spoken() -> str:
    """The language of the ready-made templates: the wished one, else the account's."""
    wanted = request.values.get("language", "")
    return wanted if wanted in ready_made.LANGUAGES else current_account().language


@blueprint.get("")
def index() -> str:
    """The account's own templates and the ready-made ones."""
    archived = request.args.get("show") == "archived"
    with transaction() as session:
        own = templates.all_templates(session, current_account_id(), archived=archived)
    return render_template(
        "templates/index.html",
        own=own,
        archived=archived,
        language=spoken(),
        ready_made=ready_made.load_all(READY_MADE, spoken()),
    )


@blueprint.get("/ready-made/<name>")
def ready(name: str) -> str:
    """A ready-made template, large."""
    found = ready_made.load(READY_MADE, spoken(), name)
    ident = f"{found.language}-{found.name}"
    with transaction() as session:
        account = editor.account_of(session)
        draft = preview.draft_of(ready_template(found.language, name), account)
        sight = editor.sight(session, draft, ())
    return render_template(
        "templates/ready.html",
        found=found,
        sight=sight,
        mail=url_for("mail.show", what="ready-made", ident=ident),
    )


@blueprint.post("")
def create() -> Response:
    """A new template: of a ready-made one, or empty."""
    name = request.form.get("ready_made", "")
    with transaction() as session:
        if name:
            title = _(ready_made.load(READY_MADE, spoken(), name).title)
            made = templates.from_ready_made(
                session, current_account_id(), READY_MADE, spoken(), name, title
            )
        else:
            kind = request.form.get("kind", "html")
            made = templates.create(
                session, current_account_id(), {"name": _("New template"), "kind": kind}
            )
    return go(url_for(".edit", template_id=made.id))


@blueprint.get("/<int:template_id>")
def edit(template_id: int) -> str:
    """The editor."""
    with transaction() as session:
        template = templates.get(session, current_account_id(), template_id)
        more = editor.context(session, template, _addresses(template))
        sight = _sight(session, template)
    return render_template("templates/edit.html", sight=sight, **more)


@blueprint.post("/<int:template_id>")
def save(template_id: int) -> str | Response:
    """Save what was typed; htmx gets what has to change on the page."""
    try:
        with transaction() as session:
            template = templates.save(
                session,
                current_account_id(),
                template_id,
                editor.written(),
                version=editor.version(),
            )
            answer = editor.saved(template, _sight(session, template), _addresses(template).mail)
    except Conflict as error:
        if not is_htmx():
            raise
        with transaction() as session:
            return editor.conflict(error, templates.get(session, current_account_id(), template_id))
    if is_htmx():
        return answer
    notify(_("The template is saved."))
    return go(url_for(".edit", template_id=template_id))


@blueprint.post("/<int:template_id>/test")
def test(template_id: int) -> Response:
    """Send it to a few addresses."""
    with transaction() as session:
        template = templates.get(session, current_account_id(), template_id)
        draft = preview.draft_of(template, editor.account_of(session))
        answer = editor.test(session, draft, _addresses(template).test)
    return editor.after_test(answer)


@blueprint.post("/<int:template_id>/duplicate")
def duplicate(template_id: int) -> Response:
    """A second one with the same message."""
    with transaction() as session:
        original = templates.get(session, current_account_id(), template_id)
        name = _("Copy of %(name)s", name=original.name)[:200]
        copy = templates.duplicate(session, current_account_id(), template_id, name)
    return go(url_for(".edit", template_id=copy.id))


@blueprint.post("/<int:template_id>/archive")
def archive(template_id: int) -> Response:
    """Put it away."""
    with transaction() as session:
        templates.archive(session, current_account_id(), template_id, runtime().clock())
    notify(_("The template is archived."), undo=url_for(".restore", template_id=template_id))
    return go(url_for(".index"))


@blueprint.post("/<int:template_id>/restore")
def restore(template_id: int) -> Response:
    """Take it into use again."""
    with transaction() as session:
        templates.restore(session, current_account_id(), template_id)
    notify(_("The template is back."))
    return go(url_for(".index"))


def _sight(session: Session, template: Template) -> editor.Sight:
    draft = preview.draft_of(template, editor.account_of(session))
    return editor.sight(session, draft, (), editor.person_id())


def _addresses(template: Template) -> editor.Addresses:
    return editor.Addresses(
        save=url_for("templates.save", template_id=template.id),
        mail=url_for("mail.show", what="templates", ident=template.id),
        test=url_for("templates.test", template_id=template.id),
    )
