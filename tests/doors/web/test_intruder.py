"""A user of another account gets 404 for everything of the first: each address is tried."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.routing import Rule
from werkzeug.test import Client

from esp.contacts.models import Subscription
from esp.entrypoints.public import Public, create_public
from esp.entrypoints.web import create_pages
from esp.files import store
from esp.runtime import Runtime
from tests.doors.web.visitor import Visitor, company
from tests.filled import Filled, fill

# What is not of an account: its number or name says nothing.
OF_ALL = {"slug", "name"}


@pytest.fixture
def filled(runtime: Runtime) -> Filled:
    return fill(runtime)


@pytest.fixture
def stranger(runtime: Runtime) -> Visitor:
    """The owner of another account."""
    _, user_id = company(runtime, "kopi")
    visitor = Visitor(create_pages(runtime))
    visitor.enter(runtime, user_id)
    return visitor


def of_accounts(visitor: Visitor) -> list[Rule]:
    return [rule for rule in visitor.app.url_map.iter_rules() if "slug" in rule.arguments]


def filled_in(rule: Rule, filled: Filled, slug: str) -> Iterator[str]:
    """The rule's addresses with the first account's objects; KeyError: give `fill` one of it."""
    choices: list[list[dict[str, object]]] = []
    names = tuple(part for part in ("what", "ident") if part in rule.arguments)
    if names:
        choices.append([dict(zip(names, pair, strict=True)) for pair in filled.pairs[names]])
    for name in sorted(rule.arguments - {"slug", *names}):
        choices.append([{name: value} for value in filled.objects[name]])
    for chosen in product(*choices):
        values = {"slug": slug, **{key: one[key] for one in chosen for key in one}}
        yield built(rule, values)


def built(rule: Rule, values: dict[str, object]) -> str:
    """The rule's address with `values`."""
    path = rule.build({key: str(value) for key, value in values.items()})
    assert path, rule
    return path[1]


def tries(rule: Rule) -> set[str]:
    return rule.methods - {"HEAD", "OPTIONS"} if rule.methods else set()


def call(visitor: Visitor, method: str, path: str) -> int:
    return (visitor.get if method == "GET" else visitor.post)(path).status_code


def test_no_address_of_the_account_is_there_for_a_stranger(filled: Filled, stranger: Visitor):
    tried = [
        (method, path, call(stranger, method, path))
        for rule in of_accounts(stranger)
        for path in filled_in(rule, filled, filled.slug)
        for method in tries(rule)
    ]

    assert [one for one in tried if one[2] != 404] == []
    assert len(tried) > 150


def test_no_object_of_the_account_is_in_the_strangers_own(filled: Filled, stranger: Visitor):
    tried = [
        (method, path, call(stranger, method, path))
        for rule in of_accounts(stranger)
        if rule.arguments - OF_ALL
        for path in filled_in(rule, filled, "kopi")
        if "/ready-made/" not in path
        for method in tries(rule)
    ]

    assert [one for one in tried if one[2] != 404] == []
    assert len(tried) > 100


def test_every_object_is_there_for_its_owner(runtime: Runtime, filled: Filled, stranger: Visitor):
    owner = Visitor(stranger.app)
    owner.enter(runtime, filled.user_id)
    seen = {
        path: owner.get(path).status_code
        for rule in of_accounts(owner)
        if "GET" in tries(rule)
        for path in filled_in(rule, filled, filled.slug)
    }

    assert {path: status for path, status in seen.items() if status >= 400} == {}


def test_no_form_takes_an_object_of_another_account(runtime: Runtime, filled: Filled):
    other = fill(runtime, "kopi")
    visitor = Visitor(create_pages(runtime))
    visitor.enter(runtime, other.user_id)
    ours = {name: found[0] for name, found in other.objects.items()}
    theirs = {name: found[0] for name, found in filled.objects.items()}
    draft = other.objects["broadcast_id"][1]
    sender = {"from_name": "Kopi", "from_address": "news@kopi.example"}
    forms = {
        f"contacts/{ours['contact_id']}/lists": {"list": theirs["list_id"]},
        f"lists/{ours['list_id']}/merge": {"target": theirs["list_id"]},
        f"imports/{ours['import_id']}/start": {"column-0": "email", "list": theirs["list_id"]},
        "broadcasts": {"template": theirs["template_id"]},
        f"broadcasts/{draft}/audience": {"include": theirs["list_id"]},
        f"broadcasts/{draft}/sender": sender | {"transport_id": theirs["transport_id"]},
        "settings/transports/direct": {"name": "Straight", "pool_id": theirs["pool_id"]},
    }

    answers = {
        path: visitor.post(f"/a/kopi/{path}", form).status_code for path, form in forms.items()
    }

    assert {path: status for path, status in answers.items() if status not in (404, 422)} == {}


def test_no_search_finds_anything_of_another_account(filled: Filled, stranger: Visitor):
    list_id, broadcast_id = filled.objects["list_id"][0], filled.objects["broadcast_id"][0]

    for path in (
        f"contacts?list={list_id}",
        "contacts?q=ayu",
        f"mailbox?broadcast={broadcast_id}",
        "mailbox?q=ayu",
        "suppressions?q=never",
        "suppressions/download",
    ):
        page = stranger.get(f"/a/kopi/{path}")
        assert page.status_code == 200, path
        assert "customers" not in page.text.partition("<main")[2].replace('value="ayu"', ""), path


class TestPublicLinks:
    """What opens a public page is signed: nobody makes one for what is not theirs."""

    @pytest.fixture
    def public(self, runtime: Runtime) -> Iterator[Public]:
        made = create_public(runtime)
        yield made
        made.close()

    @pytest.fixture
    def pages(self, public: Public) -> Flask:
        return public.pages

    @pytest.fixture
    def door(self, public: Public) -> Client:
        return Client(lambda environ, start: public({"REMOTE_ADDR": "192.0.2.7"} | environ, start))

    def test_a_changed_link_leads_nowhere(
        self, runtime: Runtime, filled: Filled, door: Client, pages: Flask
    ):
        token, confirm = filled.token, filled.confirm_token
        with runtime.transaction(filled.account_id) as session:
            picture = store.pictures(session, filled.account_id)[0].public_key
        # A KeyError here: say what may stand in the new address.
        known = {
            "/u/<token>": ({"token": token}, {"token": confirm}),
            "/p/<token>": ({"token": token}, {"token": confirm}),
            "/v/<token>": ({"token": token}, {"token": confirm}),
            "/confirm/<token>": ({"token": confirm}, {"token": token}),
            "/subscribe/<key>": ({"key": filled.list_key}, {"key": picture}),
            "/media/<key>/<name>": (
                {"key": picture, "name": "shop.png"},
                {"key": filled.list_key, "name": "shop.png"},
            ),
            "/c/<path:rest>": ({"rest": f"{token}/0"}, {"rest": f"{confirm}/0"}),
        }
        opened = []
        for rule in pages.url_map.iter_rules():
            right, of_another_kind = known[rule.rule]
            path = built(rule, right)
            assert door.get(path).status_code < 400, path
            first = next(iter(right))
            middle = len(right[first]) // 2
            letter = "A" if right[first][middle] != "A" else "B"
            changed = right[first][:middle] + letter + right[first][middle + 1 :]
            for wrong in (built(rule, right | {first: changed}), built(rule, of_another_kind)):
                answers = {door.open(wrong, method=method).status_code for method in tries(rule)}
                if answers - {404, 410}:
                    opened.append((wrong, answers))

        assert opened == []

    def test_a_person_chooses_among_the_lists_of_the_sender_only(
        self, runtime: Runtime, filled: Filled, door: Client
    ):
        other = fill(runtime, "kopi")
        before = subscriptions(runtime, other)
        form = re.search(r'name="form" value="([^"]+)"', door.get(f"/p/{filled.token}").text)
        assert form

        lists = [str(found.objects["list_id"][0]) for found in (filled, other)]
        answer = door.post(f"/p/{filled.token}", data={"form": form[1], "list": lists})

        assert answer.status_code == 200
        assert subscriptions(runtime, other) == before


def subscriptions(runtime: Runtime, filled: Filled) -> int:
    with runtime.transaction(filled.account_id) as session:
        return session.scalar(select(func.count()).select_from(Subscription)) or 0
