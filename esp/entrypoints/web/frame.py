"""What every view may ask: the runtime, who is signed in, where, and what they may do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar, cast
from urllib.parse import quote

from flask import Flask, Response, current_app, flash, g, redirect, request
from flask_babel import gettext as _
from flask_login import LoginManager
from flask_login import current_user as login_user_proxy
from flask_wtf import CSRFProtect
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from esp.accounts import roles
from esp.errors import N_, Error, NotFound, Refused
from esp.runtime import Runtime

View = TypeVar("View", bound=Callable[..., Any])

SIGN_IN_PATH = "/sign-in"

csrf = CSRFProtect()


@dataclass(frozen=True)
class AccountAccess:
    """An account a person works in, and what they may do there."""

    account_id: int
    slug: str
    name: str
    role: str
    language: str = "en"
    time_zone: str = "UTC"

    def allows(self, role: str) -> bool:
        """Whether this person has `role` or a higher one."""
        return roles.at_least(self.role, role)


@dataclass(frozen=True)
class SignedIn:
    """The person of this session, which ends when their `session_id` changes."""

    user_id: int
    email: str
    name: str
    session_id: str
    accounts: tuple[AccountAccess, ...]
    language: str | None = None
    is_operator: bool = False

    # What Flask-Login asks of a user.
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """What goes into the session."""
        return self.session_id


def public(view: View) -> View:
    """Mark a view that needs no sign-in; every other one does."""
    view.is_public = True  # type: ignore[attr-defined]  # a mark on a function
    return view


def requires(role: str) -> Callable[[View], View]:
    """Mark the least role a view needs; unmarked, reading takes viewer, everything else editor."""
    if role not in roles.ROLES:
        raise ValueError(f"no such role: {role}")

    def mark(view: View) -> View:
        view.least_role = role  # type: ignore[attr-defined]  # a mark on a function
        return view

    return mark


def takes_files(view: View) -> View:
    """Mark a view that takes uploads up to `ESP_UPLOAD_LIMIT_MB`."""
    view.is_for_files = True  # type: ignore[attr-defined]  # a mark on a function
    return view


def runtime() -> Runtime:
    """The parts this process was built with."""
    return cast(Runtime, current_app.extensions["esp"])


def signed_in() -> SignedIn | None:
    """The person of this session, or None."""
    return cast(SignedIn, login_user_proxy) if login_user_proxy.is_authenticated else None


def current_user() -> SignedIn:
    """The person of this session; only in views that need a sign-in."""
    person = signed_in()
    if person is None:
        raise RuntimeError("nobody is signed in: this view is public")
    return person


def current_account() -> AccountAccess:
    """The account in the URL; only in views under /a/<slug>/."""
    return cast(AccountAccess, g.account)


def current_account_id() -> int:
    """Its id."""
    return current_account().account_id


def transaction() -> AbstractContextManager[Session]:
    """One transaction in the account of the URL."""
    return runtime().transaction(current_account_id())


def speak(language: str, time_zone: str = "UTC") -> None:
    """Answer this request in `language`: on public pages, the reader's."""
    g.language, g.time_zone = language, time_zone


def language() -> str | None:
    """What this request is answered in; None leaves it to the browser's wish."""
    if "language" in g:
        return cast(str, g.language)
    person = signed_in()
    if "account" in g:
        return (person.language if person else None) or current_account().language
    if person is None:
        return None
    return person.language or (person.accounts[0].language if person.accounts else None)


def time_zone() -> str:
    """Zone in which times are shown."""
    if "time_zone" in g:
        return cast(str, g.time_zone)
    return current_account().time_zone if "account" in g else "UTC"


def is_htmx() -> bool:
    """Whether htmx asks for a part of a page, and not for the page in its history."""
    return "HX-Request" in request.headers and "HX-History-Restore-Request" not in request.headers


def notify(text: str, kind: str = "success", undo: str | None = None) -> None:
    """Show `text` on the next page; kind success, info, warning or error; `undo` takes a POST."""
    flash({"text": text, "undo": undo}, kind)  # type: ignore[arg-type]  # it goes into the session as JSON


def go(url: str) -> AnyResponse:
    """Send the browser to `url`, also when htmx asked."""
    if is_htmx():
        return Response(status=204, headers={"HX-Redirect": url})
    return redirect(url, 303)


def sentence(error: Error) -> str:
    """What `error` says, in the reader's language."""
    text: str = _(error.text)
    return text % error.values if error.values else text


def install(app: Flask, runtime: Runtime) -> None:
    """Hang the runtime, the guard at the door, CSRF and the account of the URL into `app`."""
    app.extensions["esp"] = runtime
    manager = LoginManager(app)
    manager.session_protection = None
    # Overridden where sign-in is installed; before that nobody is signed in.
    manager.user_loader(lambda session_id: None)
    app.url_value_preprocessor(_take_slug)
    app.url_defaults(_give_slug)
    app.before_request(_guard)
    csrf.init_app(app)
    app.add_url_rule("/", "home", _home)


def _home() -> AnyResponse:
    person = current_user()
    if not person.accounts:
        raise NotFound(N_("You are in no account yet. Ask a colleague to invite you."))
    return redirect(f"/a/{person.accounts[0].slug}/")


def _take_slug(endpoint: str | None, values: dict[str, Any] | None) -> None:
    if values and "slug" in values and request.path.startswith("/a/"):
        g.slug = values.pop("slug")


def _give_slug(endpoint: str, values: dict[str, Any]) -> None:
    rules = current_app.url_map.is_endpoint_expecting(endpoint, "slug")
    if rules and "slug" not in values and "slug" in g:
        values["slug"] = g.slug


def _guard() -> AnyResponse | None:
    view = current_app.view_functions.get(request.endpoint or "")
    if view is None:
        return None
    if getattr(view, "is_for_files", False):
        request.max_content_length = runtime().settings.upload_limit_mb * 1024 * 1024
    if getattr(view, "is_public", False):
        return None
    person = signed_in()
    if person is None:
        return _to_sign_in()
    if "slug" in g:
        _enter(person, view)
    return None


def _to_sign_in() -> AnyResponse:
    wanted = request.full_path.rstrip("?") if request.method == "GET" and not is_htmx() else ""
    return go(f"{SIGN_IN_PATH}?next={quote(wanted)}" if wanted not in ("", "/") else SIGN_IN_PATH)


def _enter(person: SignedIn, view: Callable[..., Any]) -> None:
    # Whether the account exists at all is nobody's business who is not in it.
    access = next((a for a in person.accounts if a.slug == g.slug), None)
    if access is None:
        raise NotFound()
    g.account = access
    usual = "viewer" if request.method in ("GET", "HEAD", "OPTIONS") else "editor"
    least = getattr(view, "least_role", usual)
    if not access.allows(least):
        raise NotAllowed(least)


class NotAllowed(Refused):
    """The person's role is too low for what they asked."""

    def __init__(self, role: str) -> None:
        super().__init__(
            N_("Your role doesn't allow this. It takes the role “%(role)s” or a higher one."),
            role=_(roles.ROLE_NAMES[role]),
        )
        self.role = role
