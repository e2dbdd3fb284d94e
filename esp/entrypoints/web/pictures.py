"""The pictures of an account, on a page of their own and in the editor's dialog."""

from __future__ import annotations

import io
import re
from urllib.parse import quote

from flask import Blueprint, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from esp.entrypoints.web.frame import (
    current_account_id,
    go,
    is_htmx,
    notify,
    runtime,
    takes_files,
    transaction,
)
from esp.errors import N_, Invalid
from esp.files import pictures, store
from esp.files.models import File

blueprint = Blueprint("pictures", __name__, url_prefix="/a/<slug>/pictures")

ON_A_PAGE = 60


def address(picture: File) -> str:
    """What stands in mails: it works for everybody and for ever."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", picture.name).strip("-.") or "picture"
    return f"{runtime().settings.public_url}/media/{picture.public_key}/{quote(name)}"


@blueprint.get("")
def index() -> str:
    """The library; htmx gets the choice for the editor."""
    before = request.args.get("before", "0")
    last = int(before) if before.isascii() and before.isdigit() and len(before) < 18 else 0
    with transaction() as session:
        found = store.pictures(session, current_account_id(), limit=ON_A_PAGE + 1, before=last)
    older = found[ON_A_PAGE - 1].id if len(found) > ON_A_PAGE else None
    page = "pictures/choice.html" if is_htmx() else "pictures/index.html"
    return render_template(
        page, pictures=found[:ON_A_PAGE], address=address, older=older, first=not last
    )


@blueprint.post("")
@takes_files
def add() -> str | Response:
    """Take an upload; htmx gets the library with it in front."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid(N_("Choose a picture first."), "file")
    # A byte more than is allowed tells that it is too large.
    data = file.stream.read(pictures.LIMIT_BYTES + 1)
    measured = pictures.measure(data)
    with transaction() as session:
        store.keep(
            session,
            current_account_id(),
            "picture",
            _name(file),
            measured.content_type,
            io.BytesIO(data),
            limit=pictures.LIMIT_BYTES,
            size=(measured.width, measured.height),
        )
    if is_htmx():
        return index()
    notify(_("The picture is there."))
    return go(url_for("pictures.index"))


@blueprint.get("/<int:picture_id>")
def show(picture_id: int) -> Response:
    """The picture itself, for these pages; in mails it has an address without a sign-in."""
    with transaction() as session:
        picture = store.picture_by_id(session, current_account_id(), picture_id)
        data = b"".join(store.chunks(session, current_account_id(), picture.id))
    headers = {"Cache-Control": "private, max-age=86400, immutable"}
    return Response(data, content_type=picture.content_type, headers=headers)


@blueprint.post("/<int:picture_id>/delete")
def delete(picture_id: int) -> Response:
    """Forget a picture; mails that show it show a gap from then on."""
    with transaction() as session:
        picture = store.picture_by_id(session, current_account_id(), picture_id)
        store.remove(session, current_account_id(), picture.id)
    notify(_("The picture is deleted."))
    return go(url_for("pictures.index"))


def _name(file: FileStorage) -> str:
    return (file.filename or "").replace("\\", "/").rpartition("/")[2][:120] or "picture"
