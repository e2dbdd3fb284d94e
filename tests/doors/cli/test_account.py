"""The commands that let people and programs in."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from esp.accounts import api_keys, links, queries
from esp.accounts.models import AuditEntry
from esp.clock import utc_now
from esp.config import variable
from esp.entrypoints.cli import main
from esp.entrypoints.cli.connect import reachable
from esp.errors import SettingError

KEY = re.compile(r"esp_[a-z0-9]{8}_[a-z0-9]{40}\n").fullmatch


@pytest.fixture
def esp(runtime):
    """Runs the command line against the test's database."""
    settings = runtime.settings
    names = ("data_dir", "database_url", "redis_url", "secret_key")
    environment = {variable(name): str(getattr(settings, name)) for name in names}

    def run(*words: str, **more: str):
        return CliRunner().invoke(main, words, env=environment | more)

    return run


@pytest.fixture
def acme(esp) -> str:
    """The way in that was printed for the first owner."""
    answer = esp("account", "create", "--slug", "acme", "--name", "Acme", "--owner", "a@x.example")
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_a_key_is_printed_and_nothing_else(runtime, esp, acme):
    answer = esp("api-key", "create", "--account", "acme", "--name", "shop")
    assert answer.exit_code == 0
    assert KEY(answer.stdout)
    assert answer.stderr == ""
    with runtime.transaction(None) as session:
        use = api_keys.open_with_key(session, answer.stdout.strip(), runtime.clock())
        assert use is not None
        actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == ["account.create", "person.add", "key.create"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("api-key", "create", "--account", "nowhere", "--name", "x"), "no account “nowhere”"),
        (("api-key", "create", "--account", "acme", "--name", " "), "Name the program"),
        (("account", "create", "--slug", "acme", "--name", "Other"), "is taken"),
        (("account", "create", "--slug", "A b", "--name", "Other"), "lower-case"),
        (("sign-in-link", "--email", "nobody@x.example"), "Nobody signs in"),
        (("user", "create", "--account", "acme", "--email", "a@x.example"), "already"),
    ],
)
def test_what_can_not_be_is_told_in_a_sentence(esp, acme, words, sentence):
    answer = esp(*words)
    assert answer.exit_code == 1
    assert answer.stdout == ""
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr


def test_the_only_person_needs_no_naming(runtime, esp, acme):
    link = esp("sign-in-link", ESP_BASE_URL="https://mail.acme.example").stdout
    assert link.startswith("https://mail.acme.example/sign-in/")
    assert link.count("\n") == 1

    added = esp("user", "create", "--account", "acme", "--email", "b@x.example", "--role", "viewer")
    assert "/password/" in added.stdout
    answer = esp("sign-in-link")
    assert (answer.exit_code, answer.stdout) == (1, "")
    assert "--email" in answer.stderr
    assert esp("sign-in-link", "--email", "b@x.example").exit_code == 0
    with runtime.transaction(None) as session:
        user = next(iter(queries.accesses_of(session, 2)))
    assert (user.slug, user.role) == ("acme", "viewer")


def test_the_printed_way_in_opens(runtime, esp, acme):
    token = acme.strip().rpartition("/password/")[2]
    with runtime.transaction(None) as session:
        # The command uses the real time.
        assert links.look_at_link(session, token, utc_now()) == (1, "invite")


def test_without_a_database_it_is_told_what_to_do(esp, tmp_path):
    answer = esp("sign-in-link", ESP_DATABASE_URL="", ESP_REDIS_URL="")
    assert answer.exit_code == 2
    assert "esp run" in answer.stderr
    gone = f"postgresql+psycopg://esp_app@/esp?host={tmp_path}"
    answer = esp("sign-in-link", ESP_DATABASE_URL=gone)
    assert answer.exit_code == 2
    assert "can't be reached" in answer.stderr


def test_servers_that_another_terminal_started_are_found(settings, postgres):
    bare = settings.model_copy(update={"database_url": "", "redis_url": "", "data_dir": postgres})
    found = reachable(bare)
    assert found.database_url.startswith("postgresql+psycopg://esp_app@")
    assert found.redis_url.endswith("valkey.sock?db=0")
    with pytest.raises(SettingError, match="ESP_DATABASE_URL"):
        reachable(bare.model_copy(update={"data_dir": settings.data_dir}))
