"""(pure) Who may do what in an account."""

from __future__ import annotations

from esp.errors import N_

# From most to least: each may do what those after it may.
ROLES = ("owner", "manager", "editor", "viewer")

LOOK = "look"
EDIT = "edit"
SEND = "send"
MANAGE = "manage"

PERMISSIONS: dict[str, frozenset[str]] = {
    "owner": frozenset((LOOK, EDIT, SEND, MANAGE)),
    "manager": frozenset((LOOK, EDIT, SEND, MANAGE)),
    "editor": frozenset((LOOK, EDIT)),
    "viewer": frozenset((LOOK,)),
}

ROLE_NAMES = {
    "owner": N_("Owner"),
    "manager": N_("Manager"),
    "editor": N_("Editor"),
    "viewer": N_("Viewer"),
}
ROLE_SENTENCES = {
    "owner": N_("Everything, and decides who else is an owner."),
    "manager": N_("Sends broadcasts, changes settings, invites people."),
    "editor": N_("Works on contacts, templates and drafts; does not send."),
    "viewer": N_("Looks at everything, changes nothing."),
}


def allows(role: str, permission: str) -> bool:
    """Whether `role` has `permission` (look, edit, send, manage)."""
    return permission in PERMISSIONS.get(role, frozenset())


def at_least(role: str, least: str) -> bool:
    """Whether `role` is `least` or above it."""
    return ROLES.index(role) <= ROLES.index(least)


def least_role(permission: str) -> str:
    """The lowest role that has `permission`."""
    return next(role for role in reversed(ROLES) if allows(role, permission))


def may_change(actor: str, before: str | None, after: str | None) -> bool:
    """Whether a person of role `actor` may turn role `before` into `after` (None: not a member).

    Owners are made and unmade by owners only; everybody else's role by who may manage.
    """
    if "owner" in (before, after):
        return actor == "owner"
    return allows(actor, MANAGE)
