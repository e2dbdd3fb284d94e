"""(pure) What is wrong with a template, said so that its author can mend it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Problem:
    """`text` is a marked sentence with `%(name)s` placeholders for `values`.

    `line` and `column` count from 1; 0 means the whole message.
    """

    kind: Literal["error", "warning"]
    code: str
    text: str
    line: int = 0
    column: int = 0
    values: Mapping[str, object] = field(default_factory=dict, compare=False)

    @property
    def sentence(self) -> str:
        """The untranslated sentence with its values filled in."""
        return self.text % self.values if self.values else self.text


def place(source: str, index: int) -> tuple[int, int]:
    """Line and column (both from 1) of the character at `index`."""
    before = source.rfind("\n", 0, index)
    return source.count("\n", 0, index) + 1, index - before
