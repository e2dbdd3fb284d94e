"""Sending domains over the API."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import url_for

from esp.broadcasts import alignment
from esp.entrypoints.api import cursors
from esp.entrypoints.api.frame import (
    PREFIX,
    account_id,
    columns,
    now,
    record,
    runtime,
    session,
    wake_after_commit,
)
from esp.entrypoints.api.shapes import domains as shapes
from esp.entrypoints.api.shapes.parts import Nothing, PageQuery
from esp.senders import dkim_keys, domain_checks, sending_domains
from esp.senders.models import SendingDomain
from esp.senders.records import records
from esp.senders.sending_domains import Changes
from esp.senders.standing import is_signed, signed

blueprint = APIBlueprint("domains", __name__, url_prefix=f"{PREFIX}/domains", tag="Domains")


@blueprint.get("")
@blueprint.input(PageQuery, location="query", arg_name="query")
@blueprint.output(shapes.DomainPage)
def index(query: PageQuery) -> shapes.DomainPage:
    """All sending domains"""
    rows = sending_domains.domains(session(), account_id())
    page, cursor = cursors.page_of(rows, query.after, query.limit)
    by_key = signed(session(), account_id(), page)
    data = [shapes.DomainSummary.model_validate(_summary(row, row.id in by_key)) for row in page]
    return shapes.DomainPage(data=data, next_cursor=cursor)


@blueprint.post("")
@blueprint.input(shapes.NewDomain, arg_name="wanted")
@blueprint.output(shapes.Domain, status_code=201)
def create(wanted: shapes.NewDomain) -> tuple[shapes.Domain, int, dict[str, str]]:
    """Add a sending domain

    Publish its records; the installation sees by itself when they are there.
    """
    row = sending_domains.add_domain(session(), account_id(), wanted.name, runtime().cipher, now())
    record("domain.add", row.name, id=row.id)
    wake_after_commit("domains")
    return _one(row.id), 201, {"Location": url_for("domains.show", domain_id=row.id)}


@blueprint.get("/<id:domain_id>")
@blueprint.output(shapes.Domain)
def show(domain_id: int) -> shapes.Domain:
    """One sending domain with its records"""
    return _one(domain_id)


@blueprint.patch("/<id:domain_id>")
@blueprint.input(shapes.DomainChanges, arg_name="changes")
@blueprint.output(shapes.Domain)
def change(domain_id: int, changes: shapes.DomainChanges) -> shapes.Domain:
    """Use other hosts for a domain's mail"""
    row = sending_domains.domain(session(), account_id(), domain_id)
    names = ("return_path_host", "tracking_host", "is_signed_by_relay")
    wanted = {name: getattr(row, name) for name in names} | changes.given()
    sending_domains.change_domain(session(), account_id(), domain_id, Changes(**wanted), now())
    record("domain.change", row.name, id=domain_id)
    wake_after_commit("domains")
    return _one(domain_id)


@blueprint.delete("/<id:domain_id>")
@blueprint.output({}, status_code=204)
def remove(domain_id: int) -> tuple[str, int]:
    """Remove a sending domain

    Refused while a broadcast goes out from it. Its keys are forgotten.
    """
    name = alignment.remove_domain(session(), account_id(), domain_id)
    record("domain.delete", name, id=domain_id)
    return "", 204


@blueprint.post("/<id:domain_id>/check")
@blueprint.input(Nothing, arg_name="_nothing")
@blueprint.output(shapes.Domain)
def check(domain_id: int, _nothing: Nothing) -> shapes.Domain:
    """Ask DNS about a domain now

    The answer does not wait for it: ask for the domain until `is_being_checked` is false.
    """
    domain_checks.ask_again(session(), account_id(), domain_id, now())
    wake_after_commit("domains")
    return _one(domain_id)


@blueprint.post("/<id:domain_id>/rotate")
@blueprint.input(Nothing, arg_name="_nothing")
@blueprint.output(shapes.Domain)
def rotate(domain_id: int, _nothing: Nothing) -> shapes.Domain:
    """Make new keys for a domain

    The old keys sign until DNS shows the records of the new ones.
    """
    row = sending_domains.domain(session(), account_id(), domain_id)
    if dkim_keys.rotate(session(), account_id(), domain_id, runtime().cipher, now()):
        record("domain.rotate", row.name, id=domain_id)
        domain_checks.ask_again(session(), account_id(), domain_id, now())
        wake_after_commit("domains")
    return _one(domain_id)


def _summary(row: SendingDomain, by_key: bool) -> dict[str, object]:
    return columns(row) | {
        "is_signed": by_key,
        "is_being_checked": domain_checks.is_being_checked(row, now()),
    }


def _one(domain_id: int) -> shapes.Domain:
    row = sending_domains.domain(session(), account_id(), domain_id)
    shown = []
    for one in records(domain_checks.setup_of(session(), runtime().settings, row)):
        finding = row.findings.get(one.part, {})
        text, values = finding.get("text", ""), finding.get("values") or {}
        shown.append(
            {
                "part": one.part,
                "name": one.name,
                "type": one.kind,
                "value": one.value,
                "strings": one.strings,
                "state": finding.get("state"),
                "text": text % values if values else text,
                "found": finding.get("found", []),
            }
        )
    return shapes.Domain.model_validate(
        _summary(row, is_signed(session(), row)) | {"records": shown}
    )
