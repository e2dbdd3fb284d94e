"""A program and a stranger: two accounts, a key each."""

from __future__ import annotations

import pytest
from flask import Flask

from esp.entrypoints.api import create_api
from esp.runtime import Runtime
from tests.doors.api.program import Program, make_program


@pytest.fixture
def app(runtime: Runtime) -> Flask:
    return create_api(runtime)


@pytest.fixture
def program(runtime: Runtime, app: Flask) -> Program:
    return make_program(runtime, app)


@pytest.fixture
def stranger(runtime: Runtime, app: Flask) -> Program:
    return make_program(runtime, app)
