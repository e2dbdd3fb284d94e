"""What holds the architecture together, checked."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from esp.config import Settings, variable
from esp.entrypoints.tasks import TASKS

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "esp").rglob("*.py"))
PURE = [path for path in SOURCES if '"""(pure)' in path.read_text()[:400]]
# What a pure module may not reach: database, network, clock, processes, frameworks.
IMPURE = frozenset(
    (
        *("sqlalchemy", "psycopg", "redis", "alembic", "socket", "ssl", "subprocess", "threading"),
        *("asyncio", "urllib.request", "http.client", "smtplib"),
        *("flask", "apiflask", "dramatiq", "aiosmtpd", "click", "granian"),
    )
)
DOOR_ONLY = frozenset(("flask", "dramatiq", "aiosmtpd", "click", "apiflask"))
BANNED_NAMES = frozenset(("utils", "helpers", "manager", "managers", "service", "services", "base"))


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PURE, ids=names)
def test_pure_modules_reach_nothing_outside(path):
    assert {n for n in imports(path) if n in IMPURE or n.split(".")[0] in IMPURE} == set()
    tree = ast.parse(path.read_text())
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert calls & {"datetime.now", "time.time", "os.getenv", "open", "utc_now"} == set()
    assert "os.environ" not in path.read_text()


def test_frameworks_stay_in_the_doors():
    inside = [p for p in SOURCES if "entrypoints" not in p.parts and p.name != "app.py"]
    reaching = {
        names(path): sorted(n for n in imports(path) if n.split(".")[0] in DOOR_ONLY)
        for path in inside
    }
    assert {path: found for path, found in reaching.items() if found} == {}


def test_no_catch_all_names():
    parts = {part.removesuffix(".py") for path in SOURCES for part in path.relative_to(ROOT).parts}
    assert parts & BANNED_NAMES == set()


def test_every_module_says_in_one_sentence_what_it_is():
    silent = [names(path) for path in SOURCES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_every_task_has_a_module_that_runs_it():
    for task in TASKS.values():
        path = ROOT / (task.module.replace(".", "/") + ".py")
        functions = {
            node.name
            for node in ast.parse(path.read_text()).body
            if isinstance(node, ast.FunctionDef)
        }
        assert "run" in functions, task.module


def test_every_queue_is_read_by_a_worker():
    worker = (ROOT / "esp" / "entrypoints" / "cli" / "parts.py").read_text()
    assert {task.queue for task in TASKS.values()} == {
        queue for queue in ("default", "sending") if queue in worker
    }


def test_every_setting_is_documented_with_its_default_and_no_other_is():
    text = (ROOT / "docs" / "settings.md").read_text()
    documented = re.findall(r"^\| `(ESP_\w+)` \|", text, re.MULTILINE)
    assert documented == [variable(field) for field in Settings.model_fields]
    for field, info in Settings.model_fields.items():
        assert f"| {info.description} |" in text, field


def test_the_owners_packages_are_direct_dependencies():
    project = (ROOT / "pyproject.toml").read_text()
    for package in (
        "flask",
        "sqlalchemy",
        "alembic",
        "aiosmtpd",
        "dramatiq",
        "redis",
        "premailer",
        "pytest",
    ):
        assert re.search(rf'"{package}>=', project), package


def test_the_top_level_is_as_agreed():
    for name in ("esp", "migrations", "templates", "tests"):
        assert (ROOT / name).is_dir()
    for name in ("worker.py", "wsgi.py", "pyproject.toml", "README.md"):
        assert (ROOT / name).is_file()


def test_migrations_are_numbered_and_have_one_head():
    files = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    assert [path.name[:4] for path in files] == [f"{n:04}" for n in range(1, len(files) + 1)]
