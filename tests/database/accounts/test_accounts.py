"""Accounts are made and change what they say about themselves."""

from __future__ import annotations

import pytest

from esp.accounts import accounts, memberships, queries
from esp.accounts.accounts import AccountSettings
from esp.db import enter_account
from esp.errors import Conflict, Invalid
from tests.factories import make_account, make_user


def test_a_new_account_is_entered_and_says_what_was_given(session):
    account_id = accounts.create_account(
        session, "acme", AccountSettings(" Acme ", website="acme.example", time_zone="Asia/Jakarta")
    )
    made = queries.account(session, account_id)
    assert (made.slug, made.name, made.website) == ("acme", "Acme", "https://acme.example")
    assert (made.language, made.tracking) == ("en", "consented")
    assert queries.account_of_slug(session, "acme") == account_id


@pytest.mark.parametrize(
    "slug", ["", "Acme", "-acme", "acme-", "a--b", "a b", "a/b", "ä", "a" * 61]
)
def test_a_slug_that_does_not_fit_into_a_url_is_refused(session, slug):
    with pytest.raises(Invalid) as refused:
        accounts.create_account(session, slug, AccountSettings("Acme"))
    assert refused.value.place == "slug"


def test_a_slug_is_given_once(session):
    accounts.create_account(session, "acme", AccountSettings("Acme"))
    with pytest.raises(Conflict):
        accounts.create_account(session, "acme", AccountSettings("Other"))


@pytest.mark.parametrize(
    ("values", "place"),
    [
        ({"name": " "}, "name"),
        ({"name": "A\nBcc: x"}, "name"),
        ({"name": "A" * 121}, "name"),
        ({"postal_address": "x" * 501}, "postal_address"),
        ({"website": "javascript://x.example/%0aalert(1)"}, "website"),
        ({"website": "http://"}, "website"),
        ({"website": "https://[bad"}, "website"),
        ({"website": 'https://a.example/"><b>'}, "website"),
        ({"language": "de"}, "language"),
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"time_zone": "../../etc/passwd"}, "time_zone"),
        ({"tracking": "some"}, "tracking"),
        ({"from_name": "A\r\nB"}, "from_name"),
        ({"from_address": "no address"}, "from_address"),
    ],
)
def test_what_is_wrong_is_refused_at_its_field(session, account_id, values, place):
    with pytest.raises(Invalid) as refused:
        accounts.update_account(session, account_id, AccountSettings(**({"name": "Acme"} | values)))
    assert refused.value.place == place


def test_changes_are_kept_in_their_normal_form(session, account_id):
    accounts.update_account(
        session,
        account_id,
        AccountSettings(
            "Acme",
            postal_address="  1 Main   Street \r\n\r\n 10110 Jakarta ",
            from_address="News@ACME.example",
            tracking="none",
            language="id",
        ),
    )
    session.expire_all()
    changed = queries.account(session, account_id)
    assert changed.postal_address == "1 Main Street\n10110 Jakarta"
    assert changed.from_address == "news@acme.example"
    assert (changed.tracking, changed.language) == ("none", "id")


def test_a_person_sees_each_account_they_work_in_and_no_other(session):
    user_id = make_user(session)
    first = make_account(session, name="B", time_zone="Asia/Jakarta")
    memberships.add_member(session, first, user_id, "editor")
    second = make_account(session, name="A", language="id")
    memberships.add_member(session, second, user_id, "owner")
    make_account(session, name="C")

    seen = [
        (a.account_id, a.name, a.role, a.language, a.time_zone)
        for a in queries.accesses_of(session, user_id)
    ]
    assert seen == [
        (second, "A", "owner", "id", "UTC"),
        (first, "B", "editor", "en", "Asia/Jakarta"),
    ]
    enter_account(session, first)
    assert [p.role for p in queries.people(session, first)] == ["editor"]
