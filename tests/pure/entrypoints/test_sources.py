"""`make dev`: which parts start again for which files, and what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from esp import places
from esp.entrypoints.run import sources
from esp.entrypoints.run.supervisor import PARTS


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("esp/entrypoints/web/lists.py",), {"web"}),
        (("esp/app.py", "esp/entrypoints/api/lists.py"), {"web"}),
        (("esp/delivery/sender/feed.py",), {"sending"}),
        (("esp/entrypoints/ticker.py", "esp/entrypoints/mailbox.py"), {"ticker", "mailbox"}),
        (("esp/entrypoints/webby.py",), set(PARTS)),
        (("esp/delivery/ledger.py", "esp/app.py"), set(PARTS)),
        (("esp/translations/id/LC_MESSAGES/messages.po",), set(PARTS)),
        (("migrations/env.py",), set(PARTS)),
        (("templates/lists/index.html", "templates/ready_made/en/offer.mjml"), set()),
    ],
)
def test_only_the_parts_that_load_a_file_start_again(names: tuple[str, ...], parts: set[str]):
    assert sources.parts_of([places.PACKAGE.parent / name for name in names], PARTS) == parts


@pytest.mark.parametrize("place", sources.OF_ONE_PART)
def test_what_belongs_to_one_part_is_there(place: str):
    assert (places.PACKAGE / place).exists()


def test_files_that_are_new_gone_or_different():
    a, b, c, d = map(Path, "abcd")
    assert sources.changed({a: 1.0, b: 1.0, c: 1.0}, {a: 1.0, b: 2.0, d: 1.0}) == {b, c, d}


def test_only_migrations_are_migrated():
    assert sources.are_of_the_schema([places.migrations_folder() / "versions" / "0009_x.py"])
    assert not sources.are_of_the_schema([places.PACKAGE / "db.py"])


def test_what_can_not_be_read_is_told_with_its_place(tmp_path: Path):
    right, wrong, null = (tmp_path / f"{name}.py" for name in ("right", "wrong", "null"))
    right.write_text("x = 1\n")
    wrong.write_text("x = 1\ndef (\n")
    null.write_bytes(b"x = 1\0")
    gone, page = tmp_path / "gone.py", tmp_path / "page.html"
    page.write_text("{% if %}")
    found = sources.mistakes([wrong, right, gone, page, null])
    assert [line.partition(": ")[0] for line in found] == [f"{null}:1", f"{wrong}:2"]
    assert all(line.partition(": ")[2] for line in found)
