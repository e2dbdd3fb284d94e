"""The page of a click that can't be sent on."""

from __future__ import annotations

from flask import Blueprint, request
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from esp.entrypoints.public.frame import message, not_found, try_again

blueprint = Blueprint("public_clicks", __name__)

# Set by the tracking door in front of this application.
REASON = "esp.reason"


@blueprint.route("/c/<path:rest>")
def nowhere(rest: str) -> Response:
    reason = request.environ.get(REASON, "")
    if reason == "unreachable":
        return try_again()
    if reason == "test":
        return message(
            _("This was a test mail"),
            _("Its links begin to work when the message is really sent."),
            404,
        )
    return not_found()
