"""(pure) A template's nodes made ready for the plan: addresses of ours, constants, the pixel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from esp.content.liquid import Literal, Logic, Output, new_context, parse_nodes
from esp.delivery.plan.slots import is_constant, url_name


@dataclass(frozen=True, slots=True)
class Url:
    """An address of ours: the same for everybody but for the token between the two texts."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Pixel:
    """The whole image element, so that it can be left out."""

    before: str
    after: str


Piece = str | Url | Pixel | Output | Logic

_MARK = "\0"


def parse(source: str, html: bool, urls: Mapping[str, str]) -> list[Piece]:
    """The pieces of a template; `urls` holds the addresses of ours with NUL for the token."""
    pieces: list[Piece] = []
    for node in parse_nodes(source, html):
        if name := url_name(node, urls):
            before, _, after = urls[name].partition(_MARK)
            pieces.append(Url(name, before, after))
        elif is_constant(node):
            pieces.append(node.render(new_context({})))
        elif not isinstance(node, Literal):
            pieces.append(node)
    return _with_whole_pixels(_joined(pieces))


def names_used(source: str, pieces: Iterable[Piece], names: Iterable[str]) -> list[str]:
    """The names of addresses that conditions, loops and filters of the template may ask for."""
    placed = Counter(
        piece.name if isinstance(piece, Url) else "pixel_url"
        for piece in pieces
        if isinstance(piece, Url | Pixel)
    )
    return [name for name in names if source.count(name) > placed[name]]


def _joined(pieces: list[Piece]) -> list[Piece]:
    joined: list[Piece] = []
    for piece in pieces:
        if isinstance(piece, str) and joined and isinstance(joined[-1], str):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _with_whole_pixels(pieces: list[Piece]) -> list[Piece]:
    """Take the image element round each pixel address into one piece with it."""
    whole: list[Piece] = []
    rest = list(reversed(pieces))
    while rest:
        piece = rest.pop()
        if not (isinstance(piece, Url) and piece.name == "pixel_url"):
            whole.append(piece)
            continue
        head = whole[-1] if whole and isinstance(whole[-1], str) else ""
        tail = rest[-1] if rest and isinstance(rest[-1], str) else ""
        start, end = head.rfind("<img"), tail.find(">") + 1
        if start < 0 or ">" in head[start:] or not end:
            whole.append(Pixel(piece.before, piece.after))
            continue
        whole[-1], rest[-1] = head[:start], tail[end:]
        whole.append(Pixel(head[start:] + piece.before, piece.after + tail[:end]))
    return [piece for piece in whole if piece != ""]
