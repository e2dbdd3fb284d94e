"""Every route of the pages asks for a sign-in, unless it is listed here."""

from __future__ import annotations

import re

from esp.entrypoints.web import create_pages

# Each takes something else that opens it: a password, a link from a mail, or nothing of anybody's.
PUBLIC = {
    "static",
    "sign_in.sign_in",
    "sign_in.sign_out",
    "sign_in.by_link",
    "sign_in.forgotten",
    "sign_in.set_password",
}


def test_only_the_listed_routes_are_public(runtime):
    app = create_pages(runtime)

    public = {
        name for name, view in app.view_functions.items() if getattr(view, "is_public", False)
    }

    assert public == PUBLIC


def test_a_stranger_is_sent_away_from_every_other_route(runtime):
    app = create_pages(runtime)
    client = app.test_client()
    let_in = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        path = re.sub(r"<[^>]+>", "1", rule.rule)
        for method in rule.methods - {"OPTIONS", "HEAD"}:
            answer = client.open(path, method=method)
            if answer.status_code != 303 or not answer.location.startswith("/sign-in"):
                let_in.append((method, path, answer.status_code))

    assert let_in == []


def test_every_route_of_an_account_names_it(runtime):
    app = create_pages(runtime)

    elsewhere = {
        rule.rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint not in PUBLIC and not rule.rule.startswith("/a/<slug>/")
    }

    # What is of all accounts is whoever runs the installation's.
    of_operators = {path for path in elsewhere if path.startswith("/operator/")}
    assert elsewhere - of_operators == {"/"}
    assert {
        rule.endpoint.partition(".")[0]
        for rule in app.url_map.iter_rules()
        if rule.rule in of_operators
    } == {"operator"}
