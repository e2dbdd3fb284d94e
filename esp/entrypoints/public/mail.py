"""A mail seen in the browser, and the pictures in mails."""

from __future__ import annotations

from flask import Blueprint, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from esp.delivery import targets
from esp.delivery.plan import FillError, render_browser
from esp.delivery.plan.urls import merge_urls
from esp.entrypoints.public.frame import message, not_found, ref_of, speak_for, transaction
from esp.entrypoints.public.links import TEST_SEQ
from esp.entrypoints.web.headers import other_policy
from esp.errors import NotFound
from esp.files import store
from esp.files.queries import account_of_picture

blueprint = Blueprint("public_mail", __name__)

# Mail as its author made it: own styles and pictures from everywhere, no script, no form, an
# origin of its own.
VIEW_POLICY = "; ".join(
    (
        "default-src 'none'",
        "img-src * data:",
        "style-src 'unsafe-inline' https:",
        "font-src https:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)
other_policy("public_mail.view", VIEW_POLICY)
YEAR = 31_536_000


@blueprint.get("/v/<token>")
def view(token: str) -> Response:
    """The frozen message as this person got it, with what is known of them today."""
    ref = ref_of(token)
    with transaction(ref.account_id) as session:
        message_of = targets.frozen_message(session, ref.account_id, ref.broadcast_id)
        if message_of is None:
            return _test() if ref.seq == TEST_SEQ else not_found()
        content, settings, data = message_of
        recipient = targets.recipient_of(session, *ref, data)
        speak_for(session, ref.account_id)
    if recipient is None:
        return not_found()
    indexes = [link.index for link in content.links]
    urls = merge_urls(settings.base_url, settings.tracking_base_url, indexes, token)
    try:
        html = render_browser(content, recipient, urls)
    except FillError:
        return not_found()
    return Response(html, content_type="text/html; charset=utf-8")


@blueprint.get("/media/<key>/<name>")
def picture(key: str, name: str) -> Response:
    """A picture never changes under its key; the name is for people."""
    headers = {
        "Cache-Control": f"public, max-age={YEAR}, immutable",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "ETag": f'"{key}"',
    }
    with transaction(None) as session:
        account_id = account_of_picture(session, key)
    if account_id is None:
        raise NotFound()
    if request.if_none_match.contains(key):
        return Response(status=304, headers=headers)
    with transaction(account_id) as session:
        file = store.picture(session, account_id, key)
        data = b"".join(store.chunks(session, account_id, file.id))
    headers["Content-Disposition"] = "inline"
    return Response(data, content_type=file.content_type, headers=headers)


def _test() -> Response:
    return message(
        _("This was a test mail"),
        _("It can be seen in the browser when the message is really sent."),
        404,
    )
