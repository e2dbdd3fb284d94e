"""A browser for each module, and the product behind it: as a whole, or in this process."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread

import pytest
from playwright.sync_api import Browser
from werkzeug.serving import WSGIRequestHandler, make_server

from esp.app import create_app
from esp.config import Settings
from esp.entrypoints.run import ports
from esp.runtime import Runtime
from tests.browser.chromium import chromium
from tests.flows.processes import wait_until
from tests.flows.running import Run, folder, running


class Quiet(WSGIRequestHandler):
    """Says nothing about requests."""

    def log(self, type: str, message: str, *args: object) -> None:
        return


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def product() -> Iterator[Run]:
    """`esp run` with its demo account, in a folder that goes with it."""
    with folder() as data_dir, running(data_dir, ESP_UNDO_SECONDS="4") as run:
        wait_until(run.answers, run.told)
        yield run


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"bind": ports.any_free()})


@pytest.fixture
def site(runtime: Runtime) -> Iterator[str]:
    """Address of the whole application, served from this process."""
    host, port = ports.split(runtime.settings.bind)
    server = make_server(host, port, create_app(runtime), threaded=True, request_handler=Quiet)
    thread = Thread(target=server.serve_forever, name="site")
    thread.start()
    yield runtime.settings.public_url
    server.shutdown()
    thread.join()
    server.server_close()
