"""Who works in an account, and in which role."""

from __future__ import annotations

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from esp.accounts import roles
from esp.accounts.models import Membership
from esp.errors import N_, Conflict, Invalid, NotFound, Refused


def add_member(
    session: Session, account_id: int, user_id: int, role: str, by_role: str = "owner"
) -> None:
    """Let a person in; Conflict if they are in already. `by_role` is the role of who decides."""
    _check(by_role, None, role)
    added = session.scalar(
        insert(Membership)
        .values(account_id=account_id, user_id=user_id, role=role)
        .on_conflict_do_nothing()
        .returning(Membership.user_id)
    )
    if added is None:
        raise Conflict(N_("This person works in the account already."))


def change_role(
    session: Session, account_id: int, user_id: int, role: str, by_role: str = "owner"
) -> str:
    """Give a person another role and return the former; Refused for the last owner."""
    before = _locked_role(session, account_id, user_id)
    _check(by_role, before, role)
    if before == "owner" and role != "owner":
        _keep_an_owner(session, account_id)
    session.execute(
        update(Membership)
        .where(Membership.account_id == account_id, Membership.user_id == user_id)
        .values(role=role)
    )
    return before


def remove_member(session: Session, account_id: int, user_id: int, by_role: str = "owner") -> str:
    """Take a person out and return the role they had; Refused for the last owner."""
    before = _locked_role(session, account_id, user_id)
    _check(by_role, before, None)
    _remove(session, account_id, user_id, before)
    return before


def leave(session: Session, account_id: int, user_id: int) -> None:
    """Go oneself, in whatever role; Refused for the last owner."""
    _remove(session, account_id, user_id, _locked_role(session, account_id, user_id))


def role_of(session: Session, account_id: int, user_id: int) -> str | None:
    """The role of a person in the account, or None."""
    return session.scalar(
        select(Membership.role).where(
            Membership.account_id == account_id, Membership.user_id == user_id
        )
    )


def _remove(session: Session, account_id: int, user_id: int, role: str) -> None:
    if role == "owner":
        _keep_an_owner(session, account_id)
    session.execute(
        delete(Membership).where(Membership.account_id == account_id, Membership.user_id == user_id)
    )


def _check(by_role: str, before: str | None, after: str | None) -> None:
    if after is not None and after not in roles.ROLES:
        raise Invalid(N_("Choose one of the roles."), "role")
    if not roles.may_change(by_role, before, after):
        raise Refused(N_("Only an owner can decide who is an owner."))


def _locked_role(session: Session, account_id: int, user_id: int) -> str:
    # Two owners who leave at once must not both be the last but one: all owners' rows are
    # locked, in one order, before anybody counts.
    session.execute(
        select(Membership.user_id)
        .where(Membership.account_id == account_id, Membership.role == "owner")
        .order_by(Membership.user_id)
        .with_for_update()
    )
    role = role_of(session, account_id, user_id)
    if role is None:
        raise NotFound()
    return role


def _keep_an_owner(session: Session, account_id: int) -> None:
    owners = session.scalar(
        select(func.count())
        .select_from(Membership)
        .where(Membership.account_id == account_id, Membership.role == "owner")
    )
    if (owners or 0) < 2:
        raise Refused(N_("An account needs an owner. Make somebody else an owner first."))
