"""Every capability's tables stand on their own, whatever else a process has loaded."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

MODELS = sorted((Path(__file__).parent.parent / "esp").glob("*/models.py"))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.parent.name)
def test_a_capabilitys_tables_find_all_they_refer_to(path):
    code = (
        f"import esp.{path.parent.name}.models\n"
        "from esp.db import Table\n"
        "assert Table.metadata.sorted_tables\n"
        "from sqlalchemy.orm import configure_mappers; configure_mappers()\n"
        "[fk.column for t in Table.metadata.sorted_tables for fk in t.foreign_keys]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
