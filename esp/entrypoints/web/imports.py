"""Imports: upload, columns, progress, result."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from flask import Blueprint, make_response, render_template, request, stream_with_context, url_for
from flask import Response as FlaskResponse
from flask_babel import gettext as _
from flask_babel import lazy_gettext as __
from flask_wtf import FlaskForm
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response
from wtforms import FileField

from esp.contacts import fields, imports, lists
from esp.contacts.imports import ENCODINGS, Wishes
from esp.contacts.models import Import, List
from esp.contacts.reading import rejected
from esp.contacts.reading.apply import REASONS
from esp.contacts.reading.mapping import Mapping
from esp.entrypoints.tasks import wake
from esp.entrypoints.web import import_mapping
from esp.entrypoints.web.failures import add_error
from esp.entrypoints.web.frame import (
    current_account_id,
    go,
    notify,
    requires,
    runtime,
    sentence,
    takes_files,
    transaction,
)
from esp.entrypoints.web.queried import actor, number, whole
from esp.errors import N_, Conflict, Error, Invalid, Refused
from esp.files import store

blueprint = Blueprint("imports", __name__, url_prefix="/a/<slug>/imports")

PAGE = 30
DELIMITERS = {",": __("Comma"), ";": __("Semicolon"), "\t": __("Tab"), "|": __("Bar")}


class UploadForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF is untyped
    """A contact file."""

    file = FileField(__("Contact file"))


@blueprint.get("")
def index() -> str:
    """What was imported, the newest first."""
    before = number("before")
    with transaction() as session:
        rows = imports.page(session, current_account_id(), before, PAGE + 1)
        names = _list_names(session)
    more, rows = len(rows) > PAGE, rows[:PAGE]
    return render_template(
        "imports/index.html",
        rows=rows,
        names=names,
        older=url_for(".index", before=rows[-1].id) if more else None,
        newest=url_for(".index") if before else None,
    )


@blueprint.get("/new")
@requires("editor")
def new() -> str:
    """Choose a file."""
    return _upload_page(UploadForm())


@blueprint.post("/new")
@takes_files
def upload() -> str | tuple[str, int] | Response:
    """Keep the file and look at its beginning."""
    form = UploadForm()
    file = request.files.get("file")
    try:
        if file is None or not file.filename:
            raise Invalid(N_("Choose a file."), "file")
        with closing(file), transaction() as session:
            kept = store.keep(
                session,
                current_account_id(),
                "contacts",
                file.filename,
                file.mimetype or "",
                file.stream,  # type: ignore[arg-type]  # a stream of bytes by another name
                limit=runtime().settings.upload_limit_mb * 1024 * 1024,
            )
            row = imports.create(session, current_account_id(), kept, actor())
    except Invalid as wrong:
        add_error(form, wrong)
        return _upload_page(form), 422
    return go(url_for(".show", import_id=row.id, list=number("list")))


@blueprint.get("/<int:import_id>")
def show(import_id: int) -> str:
    """The columns before the start, then the progress, then the result."""
    with transaction() as session:
        row = imports.get(session, current_account_id(), import_id)
        if row.state == "mapping":
            return _mapping_page(session, row)
        return _state_page(session, row, "imports/show.html")


@blueprint.get("/<int:import_id>/progress")
def progress(import_id: int) -> str | FlaskResponse:
    """How far it is; at its end htmx loads the page anew."""
    with transaction() as session:
        row = imports.get(session, current_account_id(), import_id)
        page = _state_page(session, row, "imports/progress.html")
    if row.state in ("waiting", "running"):
        return page
    response = make_response("")
    response.headers["HX-Refresh"] = "true"
    return response


@blueprint.post("/<int:import_id>/reading")
def reading(import_id: int) -> Response:
    """Read the file another way than was guessed."""
    changes = {
        name: request.form[name] for name in ("encoding", "delimiter") if name in request.form
    }
    with transaction() as session:
        imports.read_again(
            session,
            current_account_id(),
            import_id,
            {**changes, "has_header": "has_header" in request.form},
        )
    return go(url_for(".show", import_id=import_id, list=number("list")))


@blueprint.post("/<int:import_id>/preview")
def preview(import_id: int) -> str:
    """The first rows as the chosen columns make them."""
    with transaction() as session:
        row = imports.get(session, current_account_id(), import_id)
        return _preview(session, row, import_mapping.mapping_of(row, request.form))


@blueprint.post("/<int:import_id>/start")
def start(import_id: int) -> str | tuple[str, int] | Response:
    """Begin with what the form says."""
    form = request.form
    try:
        with transaction() as session:
            row = imports.get(session, current_account_id(), import_id)
            wishes = Wishes(_chosen_list(session), "update" in form, form.get("source", ""))
            mapping = import_mapping.mapping_of(row, form)
            imports.map_columns(session, current_account_id(), import_id, mapping, wishes)
            imports.start(session, current_account_id(), import_id)
    except (Invalid, Refused, Conflict) as wrong:
        with transaction() as session:
            row = imports.get(session, current_account_id(), import_id)
            if row.state != "mapping":
                raise
            return _mapping_page(session, row, wrong), 422
    wake(runtime(), "imports", current_account_id())
    return go(url_for(".show", import_id=import_id))


@blueprint.post("/<int:import_id>/again")
def again(import_id: int) -> Response:
    """Go on after a failure, from where it stopped."""
    with transaction() as session:
        imports.start(session, current_account_id(), import_id)
    wake(runtime(), "imports", current_account_id())
    return go(url_for(".show", import_id=import_id))


@blueprint.post("/<int:import_id>/cancel")
def cancel(import_id: int) -> Response:
    """Stop; who is in stays in."""
    with transaction() as session:
        imports.cancel(session, current_account_id(), import_id, runtime().clock())
    notify(_("The import is cancelled."), "info")
    return go(url_for(".index"))


@blueprint.get("/<int:import_id>/rejected")
def rejected_lines(import_id: int) -> FlaskResponse:
    """The lines that were not taken, with reasons, as CSV."""
    account_id, here = current_account_id(), runtime()
    with transaction() as session:
        row = imports.get(session, account_id, import_id)
    reasons = {text: str(_(text)) for text in (*REASONS.values(), rejected.ROW, rejected.REASON)}

    def lines() -> Iterator[bytes]:
        yield rejected.head(row.preview.get("header", []), reasons.__getitem__)
        with here.transaction(account_id) as session:
            for one in imports.rejections(session, account_id, import_id):
                yield rejected.line(one.row_number, one.reason, one.values, reasons.__getitem__)

    response = FlaskResponse(stream_with_context(lines()), mimetype="text/csv")
    name = f"rejected-{import_id}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _chosen_list(session: Session) -> int | None:
    """The list of the form, made now when it is a new one."""
    chosen = request.form.get("list", "")
    if chosen == "new":
        name = request.form.get("new_list", "")
        if not name.strip():
            raise Invalid(N_("Give the new list a name."), "new_list")
        return lists.create(session, current_account_id(), lists.Wording(name))
    return whole(chosen) if chosen else None


def _upload_page(form: UploadForm) -> str:
    return render_template(
        "imports/new.html",
        form=form,
        limit=runtime().settings.upload_limit_mb,
        list_id=number("list"),
    )


def _mapping_page(session: Session, row: Import, wrong: Error | None = None) -> str:
    own = fields.all_fields(session, current_account_id())
    form = request.form
    usable = lists.all_lists(session, current_account_id())
    mapping = import_mapping.mapping_of(row, form) if wrong else row.mapping
    return render_template(
        "imports/mapping.html",
        row=row,
        own=own,
        columns=import_mapping.columns_of(row, own, mapping.get("columns")),
        standard=import_mapping.STANDARD,
        relation=import_mapping.RELATION,
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        lists=usable,
        chosen=form.get("list") if wrong else _likely_list(usable),
        new_list=form.get("new_list", ""),
        source=form.get("source", ""),
        update="update" in form if wrong else True,
        date_order=mapping.get("date_order", "dmy"),
        preview=_preview(session, row, mapping),
        wrong=sentence(wrong) if wrong else "",
        size=imports.size_of(session, current_account_id(), row),
    )


def _likely_list(usable: list[List]) -> str:
    """The one of the address, else the only one there is."""
    asked = number("list")
    if asked is None and len(usable) == 1:
        asked = usable[0].id
    return str(asked or "")


def _preview(session: Session, row: Import, data: object) -> str:
    own = fields.all_fields(session, current_account_id())
    types = fields.types(session, current_account_id())
    shown, problem = None, ""
    try:
        mapping = Mapping.from_json(data, row.preview.get("header", []))
        shown = import_mapping.shown(row, mapping, types, own)
    except Invalid as wrong:
        problem = sentence(wrong)
    return render_template("imports/preview.html", shown=shown, problem=problem)


def _state_page(session: Session, row: Import, template: str) -> str:
    failure = imports.failure(row)
    rejections = []
    if template == "imports/show.html" and row.rejected_count:
        rejections = [
            (one.row_number, _(REASONS.get(one.reason, one.reason)), " · ".join(one.values)[:120])
            for one in imports.rejections(session, current_account_id(), row.id, 10)
        ]
    return render_template(
        template,
        row=row,
        name=_list_names(session).get(row.list_id or 0),
        size=imports.size_of(session, current_account_id(), row),
        failure=sentence(failure) if failure else "",
        rejections=rejections,
    )


def _list_names(session: Session) -> dict[int, str]:
    account_id = current_account_id()
    every = [
        *lists.all_lists(session, account_id),
        *lists.all_lists(session, account_id, archived=True),
    ]
    return {one.id: one.name for one in every}
