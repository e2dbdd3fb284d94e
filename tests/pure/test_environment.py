"""uv gets its packages from where pip would."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "environment.py"


@pytest.fixture(scope="module")
def environment() -> object:
    spec = importlib.util.spec_from_file_location("environment", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("option", "value", "variable", "expected"),
    [
        ("index-url", "https://index.test/simple", "UV_DEFAULT_INDEX", "https://index.test/simple"),
        ("extra-index-url", "\nhttp://a.test\nhttp://b.test", "UV_INDEX", "http://a.test http://b.test"),
        ("find-links", "/opt/wheels", "UV_FIND_LINKS", "/opt/wheels"),
        ("cert", "/etc/ca.pem", "SSL_CERT_FILE", "/etc/ca.pem"),
        ("trusted-host", "index.test", "UV_INSECURE_HOST", "index.test"),
    ],
)  # fmt: skip
def test_an_option_of_pip_becomes_a_variable_of_uv(
    environment: object,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    value: str,
    variable: str,
    expected: str,
) -> None:
    monkeypatch.delenv(variable, raising=False)
    assert environment.as_uv_reads_it({option: value})[variable] == expected


def test_what_uv_was_told_stays(environment: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_DEFAULT_INDEX", "https://mine.test")
    found = environment.as_uv_reads_it({"index-url": "https://index.test"})
    assert found["UV_DEFAULT_INDEX"] == "https://mine.test"
