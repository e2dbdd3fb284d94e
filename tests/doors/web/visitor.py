"""A browser without a screen: keeps cookies, sends forms with their token, signs in."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email import message_from_bytes
from email.policy import default
from functools import partial
from html import unescape
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from esp.accounts import links, users
from esp.db import enter_account
from esp.delivery.models import Notice
from esp.runtime import Runtime
from tests.factories import make_account, make_user

PASSWORD = "correct horse battery"


@dataclass
class Visitor:
    """One browser at one application; `address` is where it calls from."""

    app: Flask
    address: str = "192.0.2.1"
    secure: bool = False
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self._call(self.client.get)(path, **options)

    def post(self, path: str, form: dict[str, Any] | None = None, **options: Any) -> TestResponse:
        """Send a form as a page of ours would, with its token."""
        data = {"csrf_token": self.token(), **(form or {})}
        if self.secure:
            options.setdefault("headers", {"Referer": "https://localhost/"})
        return self._call(self.client.post)(path, data=data, **options)

    def token(self) -> str:
        found = re.search(r'name="csrf-token" content="([^"]+)"', self.get("/password").text)
        assert found
        return found[1]

    def sign_in(self, email: str, password: str = PASSWORD, **form: Any) -> TestResponse:
        return self.post("/sign-in", {"email": email, "password": password, **form})

    def enter(self, runtime: Runtime, user_id: int) -> None:
        """Sign in without a password, by a link."""
        with runtime.transaction(None) as session:
            token = links.create_link(session, user_id, "sign_in", runtime.clock())
        assert self.post(f"/sign-in/{token}").status_code == 303

    def _call(self, method: Any) -> Any:
        base = "https://localhost" if self.secure else "http://localhost"
        return partial(method, base_url=base, environ_overrides={"REMOTE_ADDR": self.address})


def company(runtime: Runtime, slug: str = "acme", role: str = "owner", **person: Any):
    """An account and somebody in it: (account id, user id)."""
    with runtime.transaction(None) as session:
        account_id = make_account(session, slug=slug, name=slug.title())
        return account_id, make_user(session, account_id, role, **person)


def colleague(runtime: Runtime, account_id: int, role: str, **person: Any) -> int:
    """One more person in the account."""
    with runtime.transaction(account_id) as session:
        return make_user(session, account_id, role, **person)


def guest(app: Flask, runtime: Runtime, acme: tuple[int, int], role: str) -> Visitor:
    """Somebody with the role in the account, signed in."""
    visitor = Visitor(app)
    visitor.enter(runtime, colleague(runtime, acme[0], role))
    return visitor


def page(answer: TestResponse, status: int = 200) -> str:
    """What is read on it."""
    assert answer.status_code == status, answer.text
    return unescape(" ".join(re.sub(r"<[^>]+>", " ", answer.text).split()))


def give_password(runtime: Runtime, user_id: int, password: str = PASSWORD) -> None:
    with runtime.transaction(None) as session:
        users.set_password(session, user_id, password)


def letters(runtime: Runtime, account_id: int, part: str = "plain") -> list[tuple[str, str, str]]:
    """(address, subject, `part`) of what was queued for people, oldest first."""
    with runtime.transaction(None) as session:
        enter_account(session, account_id)
        rows = session.execute(select(Notice.email, Notice.message).order_by(Notice.id)).all()
    mails = [(email, message_from_bytes(raw, policy=default)) for email, raw in rows]
    return [(e, m["Subject"], m.get_body((part,)).get_content()) for e, m in mails]
