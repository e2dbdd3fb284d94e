"""JSON for programs with a key: /api/v1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from werkzeug.routing import IntegerConverter

from esp.entrypoints.api import (
    account,
    broadcasts,
    contacts,
    delivery,
    document,
    documentation,
    domains,
    fields,
    imports,
    lists,
    moves,
    problems,
    reports,
    suppressions,
    templates,
)
from esp.entrypoints.api.application import Api
from esp.entrypoints.api.rates import Rates
from esp.entrypoints.web import looks
from esp.places import templates_folder
from esp.runtime import Runtime

if TYPE_CHECKING:
    from flask import Flask

# A message has up to 2.5 million characters, and JSON may write one of them as six.
LARGEST_BODY = 20 * 1024 * 1024
AREAS = (
    account,
    lists,
    contacts,
    fields,
    suppressions,
    templates,
    broadcasts,
    moves,
    reports,
    imports,
    domains,
    delivery,
)


class _IdConverter(IntegerConverter):
    """A number that a row may have: greater ones are in no address."""

    regex = r"[1-9][0-9]{0,17}"


def create_api(runtime: Runtime) -> Flask:
    """The application behind /api/."""
    app = Api(
        __name__,
        title="Esp API",
        version="1",
        docs_path=None,
        spec_path=None,
        json_errors=False,
        static_folder=None,  # type: ignore[arg-type]  # Flask takes None, its child says str
        template_folder=str(templates_folder()),
    )
    app.url_map.converters["id"] = _IdConverter
    app.config.update(MAX_CONTENT_LENGTH=LARGEST_BODY, MAX_FORM_MEMORY_SIZE=1024 * 1024)
    app.extensions["esp"] = runtime
    app.extensions["esp-rates"] = Rates(runtime.settings.redis_url)
    looks.dress(
        app,
        secure=runtime.settings.secure,
        # The document is written in English.
        language=lambda: "en",
        time_zone=lambda: "UTC",
    )
    problems.install(app)
    for area in AREAS:
        app.register_blueprint(area.blueprint)
    document.install(app)
    documentation.install(app)
    return app
