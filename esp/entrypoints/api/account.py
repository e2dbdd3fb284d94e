"""The account that a key opens."""

from __future__ import annotations

from apiflask import APIBlueprint

from esp.accounts import queries
from esp.entrypoints.api.frame import PREFIX, account_id, caller, columns, session
from esp.entrypoints.api.shapes import results as shapes

blueprint = APIBlueprint("account", __name__, url_prefix=f"{PREFIX}/account", tag="Account")


@blueprint.get("")
@blueprint.output(shapes.Account)
def show() -> shapes.Account:
    """Who am I: the account of the key"""
    row = queries.account(session(), account_id())
    return shapes.Account.model_validate(columns(row) | {"key_name": caller().name})
