"""(pure) A receiver's reply without what is different each time: addresses, numbers, ids."""

from __future__ import annotations

import re

LEFT_OUT = "…"
LONGEST = 300

_TOKEN = re.compile(
    r"(?P<kept>(?<![\w.])[245]\.\d{1,3}\.\d{1,3}(?![\w.])|\[[A-Z]{2,6}\d{1,3}\]"
    r"|\((?:AS|S)\d{1,4}\)|\bRFC[ .-]?\d{3,4}\b)"
    r"|[\w.+=/@-]+"
)
_RUNS = re.compile(rf"{LEFT_OUT}(?:[\s:.,;|]*{LEFT_OUT})+")


def essence(reply: str) -> str:
    """What equal replies have in common; status codes and receivers' own tags are kept."""
    return _RUNS.sub(LEFT_OUT, _TOKEN.sub(_token, reply))[:LONGEST].strip()


def _token(found: re.Match[str]) -> str:
    token = found[0]
    if found["kept"] or not ("@" in token or any(char.isdigit() for char in token)):
        return token
    end = "." if token.endswith(".") else ""
    return LEFT_OUT + end
