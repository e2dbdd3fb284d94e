"""`esp operator`: who runs the installation."""

from __future__ import annotations

from click.testing import CliRunner, Result

from esp.entrypoints.cli import main
from esp.runtime import Runtime
from tests.factories import make_user


def run(runtime: Runtime, *arguments: str) -> Result:
    settings = runtime.settings
    env = {
        "ESP_DATA_DIR": str(settings.data_dir),
        "ESP_DATABASE_URL": settings.database_url,
        "ESP_REDIS_URL": settings.redis_url,
        "ESP_SECRET_KEY": settings.secret_key,
    }
    return CliRunner().invoke(main, ["operator", *arguments], env=env)


def test_it_is_granted_listed_and_taken_away(runtime: Runtime):
    with runtime.transaction(None) as session:
        make_user(session, email="ani@acme.example")

    assert run(runtime, "list").stdout == ""
    assert run(runtime, "grant", "Ani@acme.example").exit_code == 0
    assert run(runtime, "list").stdout == "ani@acme.example\n"
    assert run(runtime, "revoke", "ani@acme.example").exit_code == 0
    assert run(runtime, "list").stdout == ""


def test_nobody_unknown_becomes_one(runtime: Runtime):
    result = run(runtime, "grant", "budi@acme.example")

    assert result.exit_code == 1
    assert "Nobody signs in as budi@acme.example." in result.stderr
