"""The suppression list over the API."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import url_for

from esp import addresses
from esp.entrypoints.api import cursors
from esp.entrypoints.api.contacts import normal
from esp.entrypoints.api.frame import PREFIX, account_id, caller, record, session
from esp.entrypoints.api.problems import Rejected
from esp.entrypoints.api.shapes import contacts as shapes
from esp.errors import Invalid
from esp.suppression import queries
from esp.suppression.suppress import lift, suppress

blueprint = APIBlueprint(
    "suppressions", __name__, url_prefix=f"{PREFIX}/suppressions", tag="Suppressions"
)


@blueprint.get("")
@blueprint.input(shapes.SuppressionQuery, location="query", arg_name="query")
@blueprint.output(shapes.SuppressionPage)
def index(query: shapes.SuppressionQuery) -> shapes.SuppressionPage:
    """Suppressed addresses, the newest first"""
    email = normal(query.email)
    if email is not None:
        one = queries.of_email(session(), account_id(), email)
        rows = [one] if one else []
    else:
        rows = queries.page(session(), account_id(), before=query.after, limit=query.limit + 1)
    page, cursor = cursors.cut(rows, query.limit)
    shown = [shapes.Suppression.model_validate(row) for row in page]
    return shapes.SuppressionPage(data=shown, next_cursor=cursor)


@blueprint.post("")
@blueprint.input(shapes.NewSuppression, arg_name="wanted")
@blueprint.output(shapes.Suppression, status_code=201)
@blueprint.doc(responses={200: "It was suppressed already; the first reason stands"})
def create(wanted: shapes.NewSuppression) -> tuple[shapes.Suppression, int, dict[str, str]]:
    """Suppress an address

    It gets no marketing mail of this account from this moment, in running broadcasts too.
    """
    checked = addresses.check(wanted.email)
    if checked.normalized is None:
        raise Invalid(addresses.REASONS[checked.reason or "empty"], "email")
    email = checked.normalized
    is_new = suppress(
        session(),
        account_id(),
        email,
        "manual",
        source="api",
        evidence=wanted.evidence,
        actor=caller().actor,
    )
    row = queries.of_email(session(), account_id(), email)
    if row is None:
        raise Rejected(409, "The address was lifted at this moment. Try again.")
    if is_new:
        record("suppression.create", email, id=row.id)
    location = url_for("suppressions.show", suppression_id=row.id)
    return (
        shapes.Suppression.model_validate(row),
        201 if is_new else 200,
        {"Location": location},
    )


@blueprint.get("/<id:suppression_id>")
@blueprint.output(shapes.Suppression)
def show(suppression_id: int) -> shapes.Suppression:
    """One suppressed address"""
    row = queries.get(session(), account_id(), suppression_id)
    return shapes.Suppression.model_validate(row)


@blueprint.delete("/<id:suppression_id>")
@blueprint.output({}, status_code=204)
def remove(suppression_id: int) -> tuple[str, int]:
    """Lift a suppression

    The address may have mail again. Its subscriptions stay as they are.
    """
    row = queries.get(session(), account_id(), suppression_id)
    lift(session(), account_id(), row.email)
    record("suppression.lift", row.email, reason=row.reason)
    return "", 204
