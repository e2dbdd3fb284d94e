"""Contact files over the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, cast

import orjson
from apiflask import APIBlueprint
from apiflask.fields import UploadFile
from flask import Response, url_for
from pydantic import BeforeValidator, WithJsonSchema
from pydantic import Field as Say

from esp.contacts import imports
from esp.contacts.models import Import
from esp.contacts.reading import rejected
from esp.entrypoints.api import cursors
from esp.entrypoints.api.frame import (
    PREFIX,
    account_id,
    caller,
    columns,
    named_in_body,
    now,
    record,
    runtime,
    session,
    takes_files,
    wake_after_commit,
)
from esp.entrypoints.api.problems import Rejected
from esp.entrypoints.api.shapes import results as shapes
from esp.entrypoints.api.shapes.parts import Id, Nothing, Query
from esp.files import store


def _parsed(value: object) -> object:
    """A part of a multipart body is text, also when it says JSON."""
    if not isinstance(value, str):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise ValueError(f"This is not JSON: {error.msg}.") from error


class NewImport(Query):
    """A contact file, and what is to become of it."""

    file: UploadFile = Say(description="CSV or XLSX, at most 1,000,000 rows.")
    list_id: Id | None = Say(None, description="The list the people join.")
    mapping: Annotated[
        dict[str, Any] | None,
        BeforeValidator(_parsed),
        WithJsonSchema({"type": "string", "contentMediaType": "application/json"}),
    ] = Say(
        None,
        description="What the columns become, as JSON; left out, it is guessed.",
        examples=['{"columns": {"E-mail": "email", "Given name": "first_name"}}'],
    )
    update_existing: bool = Say(True, description="Whether known contacts are changed.")
    source: str = Say("", max_length=300, description="On what these people's consent rests.")


blueprint = APIBlueprint("imports", __name__, url_prefix=f"{PREFIX}/imports", tag="Imports")


REJECTED: dict[int | str, dict[str, str | dict[str, dict[str, Any]]]] = {
    200: {
        "description": "Rows that were not taken, each with its number and the reason",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


@blueprint.get("")
@blueprint.input(shapes.ImportQuery, location="query", arg_name="query")
@blueprint.output(shapes.ImportPage)
def index(query: shapes.ImportQuery) -> shapes.ImportPage:
    """Imports, the newest first"""
    rows = imports.page(session(), account_id(), query.after, query.limit + 1)
    page, cursor = cursors.cut(rows, query.limit)
    return shapes.ImportPage(data=[_shown(row) for row in page], next_cursor=cursor)


@blueprint.post("")
@takes_files
@blueprint.input(NewImport, location="form_and_files", arg_name="wanted")
@blueprint.output(shapes.Import, status_code=202)
def create(wanted: NewImport) -> tuple[shapes.Import, int, dict[str, str]]:
    """Import a contact file

    CSV or XLSX, with a header or without. `mapping` says what the columns become; left out, it is
    guessed. Look at the import's address for its progress.
    """
    file = wanted.file
    kept = store.keep(
        session(),
        account_id(),
        "contacts",
        (file.filename or "contacts.csv").replace("\0", ""),
        (file.mimetype or "application/octet-stream")[:100],
        cast(BinaryIO, file.stream),
        limit=runtime().settings.upload_limit_mb * store.CHUNK,
    )
    row = imports.create(session(), account_id(), kept, caller().actor)
    wishes = imports.Wishes(wanted.list_id, wanted.update_existing, wanted.source)
    mapping = row.mapping if wanted.mapping is None else wanted.mapping
    if not mapping:
        raise Rejected(422, "Say with `mapping` what the columns are: no column looks like one.")
    with named_in_body("list_id"):
        imports.map_columns(session(), account_id(), row.id, mapping, wishes)
    imports.start(session(), account_id(), row.id)
    record("import.create", row.name, id=row.id)
    wake_after_commit("imports")
    return _one(row.id), 202, {"Location": url_for("imports.show", import_id=row.id)}


@blueprint.get("/<id:import_id>")
@blueprint.output(shapes.Import)
def show(import_id: int) -> shapes.Import:
    """One import: its state, progress and counts"""
    return _one(import_id)


@blueprint.post("/<id:import_id>/cancel")
@blueprint.input(Nothing, arg_name="_nothing")
@blueprint.output(shapes.Import)
def cancel(import_id: int, _nothing: Nothing) -> shapes.Import:
    """Stop an import; what is in stays in"""
    imports.cancel(session(), account_id(), import_id, now())
    found = _one(import_id)
    record("import.cancel", found.name, id=import_id)
    return found


@blueprint.get("/<id:import_id>/rejections")
@blueprint.doc(responses=REJECTED)
def rejections(import_id: int) -> Response:
    """The rejected lines, as CSV"""
    row = imports.get(session(), account_id(), import_id)
    header = [str(name) for name in row.preview.get("header", [])]
    return Response(
        _lines(account_id(), import_id, header),
        mimetype="text/csv",
        headers={"Content-Disposition": f'attachment; filename="rejected-{import_id}.csv"'},
    )


def _lines(account: int, import_id: int, header: list[str]) -> Iterator[bytes]:
    """Read while it is sent, in a transaction of its own: the request's has ended by then."""
    product = runtime()

    def lines() -> Iterator[bytes]:
        yield rejected.head(header, str)
        with product.transaction(account) as reading:
            for line in imports.rejections(reading, account, import_id):
                values = [str(value) for value in line.values]
                yield rejected.line(line.row_number, line.reason, values, str)

    return lines()


def _one(import_id: int) -> shapes.Import:
    row = imports.get(session(), account_id(), import_id)
    session().refresh(row)
    return _shown(row)


def _shown(row: Import) -> shapes.Import:
    failure = imports.failure(row)
    counted: dict[str, Any] = {
        name: getattr(row, f"{name}_count")
        for name in ("created", "updated", "unchanged", "subscribed", "kept", "rejected")
    }
    return shapes.Import.model_validate(
        columns(row)
        | counted
        | {
            "size": imports.size_of(session(), account_id(), row),
            "error": str(failure) if failure else "",
        }
    )
