"""Who may do what."""

from __future__ import annotations

import pytest

from esp.accounts import roles


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("viewer", {"look"}),
        ("editor", {"look", "edit"}),
        ("manager", {"look", "edit", "send", "manage"}),
        ("owner", {"look", "edit", "send", "manage"}),
    ],
)
def test_what_each_role_may(role, may):
    assert {p for p in ("look", "edit", "send", "manage") if roles.allows(role, p)} == may


def test_each_role_may_what_those_below_it_may():
    for higher, lower in zip(roles.ROLES, roles.ROLES[1:], strict=False):
        assert roles.PERMISSIONS[higher] >= roles.PERMISSIONS[lower]
        assert roles.at_least(higher, lower)
        assert not roles.at_least(lower, higher)


@pytest.mark.parametrize(
    ("permission", "least"),
    [("look", "viewer"), ("edit", "editor"), ("send", "manager"), ("manage", "manager")],
)
def test_the_least_role_for_a_permission(permission, least):
    assert roles.least_role(permission) == least


@pytest.mark.parametrize(
    ("actor", "before", "after", "may"),
    [
        ("owner", None, "owner", True),
        ("owner", "owner", "viewer", True),
        ("owner", "owner", None, True),
        ("manager", None, "editor", True),
        ("manager", "editor", "manager", True),
        ("manager", "manager", None, True),
        ("manager", None, "owner", False),
        ("manager", "owner", "viewer", False),
        ("manager", "owner", None, False),
        ("editor", None, "viewer", False),
        ("viewer", "editor", None, False),
    ],
)
def test_who_may_change_whose_role(actor, before, after, may):
    assert roles.may_change(actor, before, after) is may
