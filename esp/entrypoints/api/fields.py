"""The account's own fields over the API."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import url_for

from esp.contacts import fields
from esp.entrypoints.api import cursors
from esp.entrypoints.api.frame import PREFIX, account_id, record, session
from esp.entrypoints.api.shapes import contacts as shapes
from esp.entrypoints.api.shapes.parts import PageQuery

blueprint = APIBlueprint("fields", __name__, url_prefix=f"{PREFIX}/fields", tag="Fields")


@blueprint.get("")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(shapes.FieldPage)
def index(query: PageQuery) -> shapes.FieldPage:
    """All fields"""
    rows = fields.all_fields(session(), account_id())
    page, cursor = cursors.page_of(rows, query.after, query.limit)
    shown = [shapes.Field.model_validate(row) for row in page]
    return shapes.FieldPage(data=shown, next_cursor=cursor)


@blueprint.post("")
@blueprint.input(shapes.NewField, arg_name="wanted")
@blueprint.output(shapes.Field, status_code=201)
def create(wanted: shapes.NewField) -> tuple[shapes.Field, int, dict[str, str]]:
    """Add a field"""
    made = fields.add(
        session(), account_id(), wanted.label, wanted.type, wanted.choices, wanted.key
    )
    record("field.create", made.key, id=made.id)
    location = url_for("fields.show", field_id=made.id)
    return shapes.Field.model_validate(made), 201, {"Location": location}


@blueprint.get("/<id:field_id>")
@blueprint.output(shapes.Field)
def show(field_id: int) -> shapes.Field:
    """One field"""
    return shapes.Field.model_validate(fields.get(session(), account_id(), field_id))


@blueprint.patch("/<id:field_id>")
@blueprint.input(shapes.FieldChanges, arg_name="changes")
@blueprint.output(shapes.Field)
def change(field_id: int, changes: shapes.FieldChanges) -> shapes.Field:
    """Rename a field, or change its choices"""
    row = fields.get(session(), account_id(), field_id)
    label = row.label if changes.label is None else changes.label
    fields.change(session(), account_id(), field_id, label, changes.choices)
    record("field.change", row.key, id=field_id)
    session().refresh(row)
    return shapes.Field.model_validate(row)


@blueprint.delete("/<id:field_id>")
@blueprint.output({}, status_code=204)
def remove(field_id: int) -> tuple[str, int]:
    """Delete a field, and the values that contacts have of it"""
    key = fields.get(session(), account_id(), field_id).key
    fields.remove(session(), account_id(), field_id)
    record("field.delete", key, id=field_id)
    return "", 204
