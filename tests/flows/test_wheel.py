"""A wheel of the project, installed where there is no checkout, finds all it needs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import psycopg
import pytest

from tests.servers import DatabaseUrls

ROOT = Path(__file__).parents[2]
UV = ROOT / "var" / "uv" / "bin" / "uv"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", out, ROOT],
        check=True,
        capture_output=True,
    )
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel; the packages it depends on are those of this one."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    subprocess.run(
        [UV, "pip", "install", "-q", "--python", python, "--no-deps", "--no-index", wheel],
        check=True,
    )
    (site,) = place.glob("lib/python*/site-packages")
    # Only paths are taken over: the checkout's own installation is not seen.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return place


def run(installed: Path, *command: str, **environ: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ESP_")}
    kept.pop("PYTHONPATH", None)
    return subprocess.run(
        [installed / "bin" / command[0], *command[1:]],
        check=True,
        cwd=installed,
        env=kept | environ,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout.strip()


@pytest.mark.parametrize(
    ("function", "member"),
    [
        ("templates_folder", "layout/plain.html"),
        ("migrations_folder", "env.py"),
        ("assets_folder", "manifest.json"),
    ],
)
def test_files_are_found_in_the_installed_package(
    installed: Path, function: str, member: str
) -> None:
    script = f"from esp import places; print(places.{function}())"
    folder = Path(run(installed, "python", "-c", script))
    assert folder.is_relative_to(installed)
    assert (folder / member).is_file()


def test_the_command_migrates_a_database(installed: Path, fresh_database: DatabaseUrls) -> None:
    run(
        installed,
        "esp",
        "migrate",
        ESP_DATABASE_URL=fresh_database.app,
        ESP_DATABASE_OWNER_URL=fresh_database.owner,
    )
    with psycopg.connect(fresh_database.owner.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM accounts").fetchone() == (0,)


def test_the_wheel_carries_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.split("/")[0] for name in names}
    assert len(tops) == 2  # the package and its metadata
    assert "esp" in tops
    assert not [name for name in names if "__pycache__" in name or name.endswith(".map")]
