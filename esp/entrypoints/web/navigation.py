"""The pages every account has, in the order people meet them."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, g
from flask_babel import gettext as _
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from esp.errors import N_


@dataclass(frozen=True)
class Place:
    """A page: path below the account, words, icon, key after `g`, whether on the phone's bar."""

    path: str
    words: str
    icon: str
    key: str
    on_bar: bool = False


GROUPS: tuple[tuple[str, tuple[Place, ...]], ...] = (
    ("", (Place("", N_("Overview"), "house", "o", True),)),
    (
        N_("Messages"),
        (
            Place("broadcasts", N_("Broadcasts"), "send", "b", True),
            Place("templates", N_("Templates"), "layout-template", "t", True),
            Place("delivery", N_("Delivery"), "activity", "y"),
        ),
    ),
    (
        N_("People"),
        (
            Place("contacts", N_("Contacts"), "users", "c", True),
            Place("lists", N_("Lists"), "list", "l"),
            Place("imports", N_("Imports"), "file-up", "i"),
            Place("suppressions", N_("Suppressions"), "shield-off", "s"),
        ),
    ),
    (
        N_("Account"),
        (
            Place("domains", N_("Sending domains"), "globe", "d"),
            Place("mailbox", N_("Local mailbox"), "inbox", "m"),
            Place("settings", N_("Settings"), "settings", "e"),
        ),
    ),
)


@dataclass(frozen=True)
class Link:
    """A place as the template shows it."""

    url: str
    words: str
    icon: str
    key: str
    on_bar: bool
    current: bool


@dataclass(frozen=True)
class Group:
    """Links under one title; the first group has none."""

    title: str
    links: tuple[Link, ...]


def navigation(app: Flask, path: str) -> tuple[Group, ...]:
    """The places `app` has a page for, with the one `path` belongs to marked."""
    root = f"/a/{g.slug}/"
    groups = []
    for title, places in GROUPS:
        links = tuple(_link(root, place, path) for place in places if _has(app, root + place.path))
        if links:
            groups.append(Group(_(title) if title else "", links))
    return tuple(groups)


def _link(root: str, place: Place, path: str) -> Link:
    url = root + place.path
    here = path == url or (bool(place.path) and path.startswith(url + "/"))
    return Link(url, _(place.words), place.icon, place.key, place.on_bar, here)


def _has(app: Flask, url: str) -> bool:
    try:
        app.url_map.bind("").match(url, method="GET")
    except RequestRedirect:
        return True
    except HTTPException:
        return False
    return True
