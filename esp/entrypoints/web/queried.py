"""What stands in the query of a page's address, and who asks."""

from __future__ import annotations

from flask import abort, request

from esp.entrypoints.web.frame import current_user


def number(name: str) -> int | None:
    """A number of the query; None when it is not there, 404 when it is none."""
    text = request.args.get(name, "")
    return whole(text) if text else None


def whole(text: str) -> int:
    """The number in `text`; 404 when there is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 18):
        abort(404)
    return int(text)


def words(name: str = "q") -> str:
    """A text of the query, of bearable length."""
    return request.args.get(name, "").strip()[:200]


def actor() -> str:
    """Who did it, for the log."""
    return current_user().email
