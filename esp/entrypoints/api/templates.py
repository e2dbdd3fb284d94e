"""Templates over the API."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import url_for

from esp.content import templates
from esp.entrypoints.api import cursors
from esp.entrypoints.api.frame import PREFIX, account_id, now, record, session
from esp.entrypoints.api.shapes import messages as shapes

blueprint = APIBlueprint("templates", __name__, url_prefix=f"{PREFIX}/templates", tag="Templates")


@blueprint.get("")
@blueprint.input(shapes.TemplateQuery, location="query", arg_name="query")
@blueprint.output(shapes.TemplatePage)
def index(query: shapes.TemplateQuery) -> shapes.TemplatePage:
    """All templates, without their bodies"""
    rows = templates.all_templates(session(), account_id(), archived=query.archived)
    page, cursor = cursors.page_of(rows, query.after, query.limit)
    shown = [shapes.TemplateSummary.model_validate(row) for row in page]
    return shapes.TemplatePage(data=shown, next_cursor=cursor)


@blueprint.post("")
@blueprint.input(shapes.NewTemplate, arg_name="wanted")
@blueprint.output(shapes.Template, status_code=201)
def create(wanted: shapes.NewTemplate) -> tuple[shapes.Template, int, dict[str, str]]:
    """Make a template"""
    made = templates.create(session(), account_id(), wanted.message())
    record("template.create", made.name, id=made.id)
    location = url_for("templates.show", template_id=made.id)
    return _one(made.id), 201, {"Location": location}


@blueprint.get("/<id:template_id>")
@blueprint.output(shapes.Template)
def show(template_id: int) -> shapes.Template:
    """One template"""
    return _one(template_id)


@blueprint.patch("/<id:template_id>")
@blueprint.input(shapes.TemplateChanges, arg_name="changes")
@blueprint.output(shapes.Template)
def change(template_id: int, changes: shapes.TemplateChanges) -> shapes.Template:
    """Change a template, or put it into the archive"""
    row = templates.get(session(), account_id(), template_id)
    given = changes.given()
    if given.get("archived") is False and row.archived_at is not None:
        templates.restore(session(), account_id(), template_id)
    values = changes.message(row.kind)
    if values or changes.version is not None:
        templates.save(session(), account_id(), template_id, values, version=changes.version)
    if given.get("archived") and row.archived_at is None:
        templates.archive(session(), account_id(), template_id, now())
    record("template.change", row.name, id=template_id)
    return _one(template_id)


@blueprint.delete("/<id:template_id>")
@blueprint.output({}, status_code=204)
def remove(template_id: int) -> tuple[str, int]:
    """Delete a template

    Broadcasts that were made of it stay as they are.
    """
    name = templates.get(session(), account_id(), template_id).name
    templates.remove(session(), account_id(), template_id)
    record("template.delete", name, id=template_id)
    return "", 204


def _one(template_id: int) -> shapes.Template:
    row = templates.get(session(), account_id(), template_id)
    session().refresh(row)
    return shapes.Template.model_validate(row)
