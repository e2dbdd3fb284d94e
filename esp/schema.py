"""Bringing the database to the newest schema, and checking that the models match it."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url, text

from esp.errors import SettingError
from esp.models import Table


def _config(folder: Path) -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder))
    return config


def upgrade(owner_url: str, app_url: str, folder: Path) -> None:
    """Run the migrations that are missing, as the owner, granting to the application's role."""
    app_role, owner_role = make_url(app_url).username, make_url(owner_url).username
    if not app_role or app_role == owner_role:
        raise SettingError(
            "ESP_DATABASE_URL must name a role other than ESP_DATABASE_OWNER_URL: "
            "an owner would see every account's rows. See docs/settings.md."
        )
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        config = _config(folder)
        config.attributes["connection"] = connection
        config.attributes["app_role"] = app_role
        command.upgrade(config, "head")
    engine.dispose()


def differences(owner_url: str) -> list[str]:
    """What the models hold and the migrated database does not, or the other way; empty is good."""
    engine = create_engine(owner_url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "compare_type": True,
                "compare_server_default": True,
                "include_object": lambda _o, name, kind, *_: not (
                    kind == "table" and "_p" in str(name) and str(name).rsplit("_p")[-1].isdigit()
                ),
            },
        )
        found = [str(difference) for difference in compare_metadata(context, Table.metadata)]
    engine.dispose()
    return found


def check_ready(app_url: str, folder: Path) -> None:
    """SettingError unless the schema is the newest and the application's role is held by row-level security."""
    newest = ScriptDirectory.from_config(_config(folder)).get_current_head()
    engine = create_engine(app_url)
    with engine.connect() as connection:
        if not connection.scalar(text("SELECT to_regclass('alembic_version')")):
            raise SettingError("The database is empty. Run `esp migrate` first.")
        if connection.scalar(text("SELECT version_num FROM alembic_version")) != newest:
            raise SettingError("The database has another schema version. Run `esp migrate` first.")
        sees_all = connection.scalar(
            text(
                "SELECT rolsuper OR rolbypassrls OR pg_has_role(c.relowner, 'USAGE')"
                " FROM pg_roles, pg_class c WHERE rolname = current_user"
                " AND c.oid = 'accounts'::regclass"
            )
        )
        if sees_all:
            raise SettingError(
                "The role in ESP_DATABASE_URL can bypass row-level security. "
                "Give it a role that owns nothing and has no BYPASSRLS."
            )
    engine.dispose()
