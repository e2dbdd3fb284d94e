"""Whether the database is fit to work on: the newest schema, a role held by row-level security."""

from __future__ import annotations

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from esp.errors import SettingError


def check_ready(engine: Engine, migrations: Path) -> None:
    """SettingError unless `engine` works on the newest schema with a role that is held."""
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    newest = ScriptDirectory.from_config(config).get_current_head()
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
