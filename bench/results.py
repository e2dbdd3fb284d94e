"""What a bench found out: figures with goals, as a table and as bench/results.json."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

Better = Literal["higher", "lower"]

PLACE = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its goal; `spread` is how far the rounds lie apart, in parts of `value`."""

    bench: str
    figure: str
    value: float
    unit: str
    goal: float | None
    better: Better
    rounds: int
    spread: float
    commit: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal


def figure(
    bench: str,
    name: str,
    values: Sequence[float],
    unit: str,
    *,
    goal: float | None = None,
    better: Better = "higher",
) -> Figure:
    """The median of the rounds."""
    middle = statistics.median(values)
    spread = (max(values) - min(values)) / middle if middle else 0.0
    return Figure(bench, name, _rounded(middle), unit, goal, better, len(values), round(spread, 3))


def _rounded(value: float) -> float:
    """Three or four digits that mean something."""
    if abs(value) >= 1000:
        return round(value)
    return float(f"{value:.3g}")


def table(figures: Iterable[Figure]) -> str:
    """What people read: figure, value, goal, whether it is met."""
    rows = [("bench", "figure", "value", "goal", "met", "rounds", "spread")]
    for one in figures:
        sign = "≥" if one.better == "higher" else "≤"
        goal = "" if one.goal is None else f"{sign} {one.goal:,g}"
        met = {None: "", True: "yes", False: "NO"}[one.met]
        value = f"{one.value:,g} {one.unit}".strip()
        rows.append((one.bench, one.figure, value, goal, met, str(one.rounds), f"{one.spread:.0%}"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(map(_padded, row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _padded(cell: str, width: int) -> str:
    return cell.ljust(width)


def merged(old: Iterable[Mapping[str, Any]], new: Iterable[Figure]) -> list[dict[str, Any]]:
    """`new` in the places of the same figures of `old`, which keeps all others."""
    found = {(row["bench"], row["figure"]): dict(row) for row in old}
    found |= {(one.bench, one.figure): asdict(one) for one in new}
    return list(found.values())


def write(figures: Iterable[Figure], place: Path = PLACE) -> None:
    """Merge into the file, which always holds a whole list."""
    old = json.loads(place.read_text()) if place.exists() else []
    fresh = place.with_suffix(".new")
    fresh.write_text(json.dumps(merged(old, figures), indent=2, ensure_ascii=False) + "\n")
    fresh.replace(place)


def commit() -> str:
    """Of which state of the project figures are; empty outside of a checkout."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    try:
        found = subprocess.run(
            command, cwd=PLACE.parent, capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return ""
    return found.stdout.strip()
