"""Who works in an account."""

from __future__ import annotations

import pytest

from esp.accounts import memberships, queries
from esp.db import enter_account
from esp.errors import Conflict, Invalid, NotFound, Refused
from tests.factories import make_account, make_user


@pytest.fixture
def owner(session, account_id) -> int:
    return make_user(session, account_id, "owner")


def test_a_member_is_let_in_once(session, account_id, owner):
    user_id = make_user(session)
    memberships.add_member(session, account_id, user_id, "editor")
    with pytest.raises(Conflict):
        memberships.add_member(session, account_id, user_id, "viewer")
    assert memberships.role_of(session, account_id, user_id) == "editor"


def test_the_last_owner_stays(session, account_id, owner):
    for act in (
        lambda: memberships.leave(session, account_id, owner),
        lambda: memberships.remove_member(session, account_id, owner),
        lambda: memberships.change_role(session, account_id, owner, "manager"),
    ):
        with pytest.raises(Refused, match="needs an owner"):
            act()
    second = make_user(session, account_id, "owner")
    memberships.leave(session, account_id, owner)
    with pytest.raises(Refused, match="needs an owner"):
        memberships.leave(session, account_id, second)


def test_a_manager_changes_everybody_but_owners(session, account_id, owner):
    user_id = make_user(session, account_id, "viewer")
    assert memberships.change_role(session, account_id, user_id, "editor", "manager") == "viewer"
    for act in (
        lambda: memberships.change_role(session, account_id, user_id, "owner", "manager"),
        lambda: memberships.remove_member(session, account_id, owner, "manager"),
        lambda: memberships.add_member(session, account_id, make_user(session), "owner", "manager"),
    ):
        with pytest.raises(Refused, match="Only an owner"):
            act()
    memberships.remove_member(session, account_id, user_id, "manager")
    assert [p.user_id for p in queries.people(session, account_id)] == [owner]


def test_a_role_that_does_not_exist_and_a_person_of_another_account(session, account_id, owner):
    with pytest.raises(Invalid):
        memberships.change_role(session, account_id, owner, "god")
    other = make_account(session)
    stranger = make_user(session, other, "viewer")
    enter_account(session, account_id)
    with pytest.raises(NotFound):
        memberships.change_role(session, account_id, stranger, "editor")
    with pytest.raises(NotFound):
        memberships.remove_member(session, account_id, stranger)
