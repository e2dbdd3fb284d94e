"""Broadcasts over the API: drafts."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint
from flask import url_for

from esp.broadcasts import compose, queries
from esp.broadcasts.models import Broadcast
from esp.entrypoints.api import cursors
from esp.entrypoints.api.frame import (
    PREFIX,
    account_id,
    columns,
    named_in_body,
    record,
    session,
)
from esp.entrypoints.api.shapes import messages as shapes
from esp.errors import N_, Invalid
from esp.senders import pools, transports

blueprint = APIBlueprint(
    "broadcasts", __name__, url_prefix=f"{PREFIX}/broadcasts", tag="Broadcasts"
)
_SENDING = (
    "from_name", "from_address", "reply_to", "transport_id", "pool_id", "source_address",
    "rate_per_minute",
)  # fmt: skip


@blueprint.get("")
@blueprint.input(shapes.BroadcastQuery, location="query", arg_name="query")
@blueprint.output(shapes.BroadcastPage)
def index(query: shapes.BroadcastQuery) -> shapes.BroadcastPage:
    """Broadcasts, the newest first, without their bodies"""
    rows = queries.page(
        session(), account_id(), state=query.state, before=query.after, limit=query.limit + 1
    )
    page, cursor = cursors.cut(rows, query.limit)
    shown = [shapes.BroadcastSummary.model_validate(_values(row)) for row in page]
    return shapes.BroadcastPage(data=shown, next_cursor=cursor)


@blueprint.post("")
@blueprint.input(shapes.NewBroadcast, arg_name="wanted")
@blueprint.output(shapes.Broadcast, status_code=201)
def create(wanted: shapes.NewBroadcast) -> tuple[shapes.Broadcast, int, dict[str, str]]:
    """Make a draft

    `html`, `mjml` or `text` is the message; `footer` adds the postal address and the unsubscribe
    link where it lacks them. Without `from_name` and `from_address` the account's are taken.
    """
    _check_transport(wanted.transport_id)
    _check_source(wanted.pool_id, wanted.source_address)
    # The text beside a template's body is its text part.
    values = wanted.message("html" if wanted.template_id else None)
    with named_in_body("template_id"):
        made = compose.create(
            session(),
            account_id(),
            values | _sending(wanted),
            template_id=wanted.template_id,
        )
    compose.set_lists(
        session(), account_id(), made.id, tuple(wanted.list_ids), tuple(wanted.exclude_list_ids)
    )
    record("broadcast.create", made.name, id=made.id)
    return shown(made.id), 201, {"Location": url_for("broadcasts.show", broadcast_id=made.id)}


@blueprint.get("/<id:broadcast_id>")
@blueprint.output(shapes.Broadcast)
def show(broadcast_id: int) -> shapes.Broadcast:
    """One broadcast"""
    return shown(broadcast_id)


@blueprint.patch("/<id:broadcast_id>")
@blueprint.input(shapes.BroadcastChanges, arg_name="changes")
@blueprint.output(shapes.Broadcast)
def change(broadcast_id: int, changes: shapes.BroadcastChanges) -> shapes.Broadcast:
    """Change a draft"""
    row = compose.get(session(), account_id(), broadcast_id)
    _check_transport(changes.transport_id)
    given = changes.model_fields_set
    _check_source(
        changes.pool_id if "pool_id" in given else row.pool_id,
        changes.source_address if "source_address" in given else row.source_address,
    )
    values = changes.message(row.kind) | _sending(changes)
    compose.save(session(), account_id(), broadcast_id, values, version=changes.version)
    sides = {"list_ids", "exclude_list_ids"} & changes.model_fields_set
    if sides:
        include, exclude = compose.lists_of(session(), account_id(), broadcast_id)
        compose.set_lists(
            session(),
            account_id(),
            broadcast_id,
            tuple(changes.list_ids if "list_ids" in sides else include),
            tuple(changes.exclude_list_ids if "exclude_list_ids" in sides else exclude),
        )
    record("broadcast.change", row.name, id=broadcast_id)
    return shown(broadcast_id)


@blueprint.delete("/<id:broadcast_id>")
@blueprint.output({}, status_code=204)
def remove(broadcast_id: int) -> tuple[str, int]:
    """Delete a draft"""
    name = compose.get(session(), account_id(), broadcast_id).name
    compose.discard(session(), account_id(), broadcast_id)
    record("broadcast.delete", name, id=broadcast_id)
    return "", 204


def shown(broadcast_id: int) -> shapes.Broadcast:
    """The broadcast as the database has it now; NotFound when there is none."""
    row = compose.get(session(), account_id(), broadcast_id)
    session().refresh(row)
    include, exclude = compose.lists_of(session(), account_id(), broadcast_id)
    return shapes.Broadcast.model_validate(
        _values(row) | {"list_ids": include, "exclude_list_ids": exclude}
    )


def _values(row: Broadcast) -> dict[str, Any]:
    return columns(row) | {"footer": row.add_footer}


def _sending(wanted: shapes.NewBroadcast | shapes.BroadcastChanges) -> dict[str, Any]:
    given = wanted.given()
    values = {name: given[name] for name in _SENDING if name in given}
    if "footer" in given:
        values["add_footer"] = given["footer"]
    return values


def _check_transport(transport_id: int | None) -> None:
    if transport_id is not None:
        with named_in_body("transport_id"):
            transports.transport(session(), account_id(), transport_id)


def _check_source(pool_id: int | None, source_address: str) -> None:
    if pool_id is None and source_address:
        raise Invalid(N_("Name the pool of this address too."), "source_address")
    if pool_id is not None:
        pools.check_source(session(), account_id(), pool_id, source_address)
