"""What changed among the sources, and which parts have to start again for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from esp import places

KINDS = frozenset((".py", ".html", ".txt", ".mjml", ".po", ".mo"))
# What only one part loads; all the rest is everybody's.
OF_ONE_PART = {
    "entrypoints/web": "web",
    "entrypoints/api": "web",
    "entrypoints/public": "web",
    "app.py": "web",
    "wsgi.py": "web",
    "entrypoints/inbound.py": "inbound",
    "entrypoints/mailbox.py": "mailbox",
    "entrypoints/ticker.py": "ticker",
    "entrypoints/tasks/send.py": "sending",
    "delivery/sender": "sending",
}


def stamps() -> dict[Path, float]:
    """When each source file was changed last."""
    folders = (places.PACKAGE, places.templates_folder(), places.migrations_folder())
    return {
        path: path.stat().st_mtime
        for folder in folders
        for path in folder.rglob("*")
        if path.suffix in KINDS
    }


def changed(before: Mapping[Path, float], after: Mapping[Path, float]) -> set[Path]:
    """The files that are new, gone or different."""
    return {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}


def parts_of(paths: Iterable[Path], all_parts: Iterable[str]) -> set[str]:
    """The parts that have loaded one of the files; templates are read anew without a start."""
    found: set[str] = set()
    for path in paths:
        if path.is_relative_to(places.templates_folder()):
            continue
        place = path.relative_to(places.PACKAGE) if path.is_relative_to(places.PACKAGE) else path
        one = next((part for of, part in OF_ONE_PART.items() if place.is_relative_to(of)), None)
        found |= {one} if one else set(all_parts)
    return found


def are_of_the_schema(paths: Iterable[Path]) -> bool:
    """Whether there is something to migrate."""
    return any(path.is_relative_to(places.migrations_folder()) for path in paths)


def mistakes(paths: Iterable[Path]) -> list[str]:
    """What keeps the files from being read as Python, each with its place."""
    found = []
    for path in sorted(paths):
        if path.suffix == ".py" and path.exists():
            try:
                compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
            except (SyntaxError, ValueError) as error:
                line = getattr(error, "lineno", None) or 1
                found.append(f"{path}:{line}: {getattr(error, 'msg', error)}")
    return found
