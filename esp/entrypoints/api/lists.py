"""Lists over the API."""

from __future__ import annotations

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import url_for

from esp.contacts import listing, lists
from esp.contacts.lists import Wording
from esp.contacts.models import List
from esp.entrypoints.api import cursors
from esp.entrypoints.api.frame import (
    PREFIX,
    account_id,
    columns,
    now,
    record,
    runtime,
    session,
)
from esp.entrypoints.api.shapes import contacts as shapes

blueprint = APIBlueprint("lists", __name__, url_prefix=f"{PREFIX}/lists", tag="Lists")


@blueprint.get("")
@blueprint.input(shapes.ListQuery, location="query", arg_name="query")
@blueprint.output(shapes.ListPage)
def index(query: shapes.ListQuery) -> shapes.ListPage:
    """All lists"""
    rows = lists.all_lists(session(), account_id(), archived=query.archived)
    page, cursor = cursors.page_of(rows, query.after, query.limit)
    return shapes.ListPage(data=_shown(page), next_cursor=cursor)


@blueprint.post("")
@blueprint.input(shapes.NewList, arg_name="wanted")
@blueprint.output(shapes.List, status_code=201)
def create(wanted: shapes.NewList) -> tuple[shapes.List, int, dict[str, str]]:
    """Make a list"""
    made = lists.create(session(), account_id(), Wording(**wanted.model_dump()))
    record("list.create", wanted.name.strip(), id=made)
    return _one(made), 201, {"Location": url_for("lists.show", list_id=made)}


@blueprint.get("/<id:list_id>")
@blueprint.output(shapes.List)
def show(list_id: int) -> shapes.List:
    """One list"""
    return _one(list_id)


@blueprint.patch("/<id:list_id>")
@blueprint.input(shapes.ListChanges, arg_name="changes")
@blueprint.output(shapes.List)
def change(list_id: int, changes: shapes.ListChanges) -> shapes.List:
    """Change a list, or put it into the archive"""
    row = lists.get(session(), account_id(), list_id)
    given = changes.given()
    is_archived = given.pop("archived", None)
    if is_archived is False and row.archived_at is not None:
        lists.restore(session(), account_id(), list_id)
    if given:
        kept = {name: getattr(row, name) for name in Wording.__dataclass_fields__}
        lists.change(session(), account_id(), list_id, Wording(**(kept | given)))
    if is_archived and row.archived_at is None:
        lists.archive(session(), account_id(), list_id, now())
    record("list.change", row.name, id=list_id)
    return _one(list_id)


@blueprint.delete("/<id:list_id>")
@blueprint.output({}, status_code=204)
def remove(list_id: int) -> tuple[str, int]:
    """Delete a list

    Its subscriptions go with it; its contacts and the proofs of their consent stay.
    """
    name = lists.get(session(), account_id(), list_id).name
    lists.remove(session(), account_id(), list_id)
    record("list.delete", name, id=list_id)
    return "", 204


def _one(list_id: int) -> shapes.List:
    row = lists.get(session(), account_id(), list_id)
    session().refresh(row)
    return _shown([row])[0]


def _shown(rows: Sequence[List]) -> list[shapes.List]:
    counts = listing.counts(session(), account_id(), [row.id for row in rows])
    url = runtime().settings.public_url
    return [
        shapes.List.model_validate(
            columns(row)
            | {"contacts": counts[row.id], "sign_up_url": f"{url}/subscribe/{row.public_key}"}
        )
        for row in rows
    ]
