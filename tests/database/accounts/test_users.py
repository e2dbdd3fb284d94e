"""People, their passwords, and the links that let them in once."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select, text

from esp.accounts import links, queries, users
from esp.accounts.models import SignInLink, User
from esp.errors import Conflict, Invalid

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery"


@pytest.fixture
def user_id(session) -> int:
    new = users.create_user(session, "Ani@Acme.example", "Ani")
    users.set_password(session, new, PASSWORD)
    return new


def test_the_right_password_in_any_spelling_of_the_address(session, user_id):
    for email in ("ani@acme.example", "ANI@acme.EXAMPLE", " ani@acme.example "):
        person = users.authenticate(session, email, PASSWORD, NOW)
        assert person is not None and person.id == user_id
    session.expire_all()
    assert queries.user(session, user_id).last_sign_in_at == NOW


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("ani@acme.example", "Correct horse battery"),
        ("ani@acme.example", ""),
        ("budi@acme.example", PASSWORD),
        ("no address", PASSWORD),
        ("", ""),
        ("ani@acme.example", "x" * 1_000_000),
    ],
)
def test_a_wrong_password_or_an_unknown_address_lets_nobody_in(session, user_id, email, password):
    assert users.authenticate(session, email, password, NOW) is None


def test_a_person_without_a_password_comes_in_by_link_only(session):
    users.create_user(session, "budi@acme.example")
    assert users.authenticate(session, "budi@acme.example", "", NOW) is None
    assert users.authenticate(session, "budi@acme.example", "the password of nobody", NOW) is None


def test_an_unknown_address_takes_as_long_as_a_wrong_password(session, user_id):
    def fastest(email):
        times = []
        for _ in range(3):
            start = time.process_time()
            users.authenticate(session, email, "wrong", NOW)
            times.append(time.process_time() - start)
        return min(times)

    # Without a hash it would take a hundredth.
    assert fastest("nobody@acme.example") > fastest("ani@acme.example") / 3


def test_the_password_is_kept_as_argon2id_only(session, user_id):
    kept = session.scalars(select(User.password_hash)).one()
    assert kept.startswith("$argon2id$")


def test_a_weaker_hash_is_replaced_at_sign_in(session, user_id):
    weak = PasswordHasher(time_cost=1, memory_cost=1024).hash(PASSWORD)
    session.execute(text("UPDATE users SET password_hash = :weak"), {"weak": weak})
    session.expire_all()
    assert users.authenticate(session, "ani@acme.example", PASSWORD, NOW)
    session.expire_all()
    assert session.scalars(select(User.password_hash)).one() != weak
    assert users.authenticate(session, "ani@acme.example", PASSWORD, NOW)


def test_one_password_typed_on_two_keyboards(session, user_id):
    users.set_password(session, user_id, "caf\u00e9 au lait bitte")
    assert users.authenticate(session, "ani@acme.example", "cafe\u0301 au lait bitte", NOW)


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "1357924680135",
        "aaaaaaaaaaaa",
        "Password123",
        "ani@acme.example",
        "acme.example1",
        "x" * 257,
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(session, user_id, password):
    with pytest.raises(Invalid) as refused:
        users.set_password(session, user_id, password)
    assert refused.value.place == "password"


def test_a_new_password_ends_sessions_and_open_links(session, user_id):
    before = session.scalars(select(User.session_number)).one()
    token = links.create_link(session, user_id, "reset", NOW)
    users.set_password(session, user_id, "another long sentence")
    session.expire_all()
    assert session.scalars(select(User.session_number)).one() == before + 1
    assert links.use_link(session, token, NOW) is None


def test_an_address_belongs_to_one_person(session, user_id):
    with pytest.raises(Conflict):
        users.create_user(session, "ANI@acme.example")
    with pytest.raises(Invalid):
        users.create_user(session, "nobody")


def test_a_link_lets_in_once(session, user_id):
    token = links.create_link(session, user_id, "sign_in", NOW)
    assert links.look_at_link(session, token, NOW) == (user_id, "sign_in")
    assert links.look_at_link(session, token, NOW) == (user_id, "sign_in")
    assert links.use_link(session, token, NOW) == (user_id, "sign_in")
    assert links.use_link(session, token, NOW) is None
    assert links.look_at_link(session, token, NOW) is None


@pytest.mark.parametrize("purpose", ["sign_in", "reset", "invite"])
def test_a_link_ends_with_its_time(session, user_id, purpose):
    token = links.create_link(session, user_id, purpose, NOW)
    end = NOW + links.LIFETIMES[purpose]
    assert links.look_at_link(session, token, end - timedelta(seconds=1))
    assert links.look_at_link(session, token, end) is None
    assert links.use_link(session, token, end) is None


def test_only_the_hash_of_a_link_is_kept(session, user_id):
    token = links.create_link(session, user_id, "sign_in", NOW)
    kept = session.scalars(select(SignInLink.token_hash)).one()
    assert len(kept) == 32
    assert token.encode() not in kept
    assert links.use_link(session, kept.hex(), NOW) is None


def test_old_links_are_not_kept_for_ever(session, user_id):
    for day in range(5):
        links.create_link(session, user_id, "sign_in", NOW + timedelta(days=day))
    assert len(session.scalars(select(SignInLink.id)).all()) == 1
