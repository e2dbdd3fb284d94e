"""(pure) What stands in a slot: functions from a person's data to encoded bytes, made once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

from markupsafe import escape

from esp.content.liquid import Literal, Logic, Node, Output, new_context
from esp.delivery.plan.quoted import encode_value

Data = Mapping[str, object]
Getter = Callable[[Data], object]
T = TypeVar("T", str, bytes)

_MISSING = object()
_MEMO = 1024
# Longer values go through Liquid, which counts them.
_SHORT = 10_000

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_BARE = re.compile(rf"{_NAME}(?:\.{_NAME})*").fullmatch
_DEFAULTED = re.compile(
    rf"({_NAME}(?:\.{_NAME})*)\s*\|\s*default:\s*(?:\"([^\"\\]*)\"|'([^'\\]*)')"
).fullmatch
# What Liquid computes (or takes from elsewhere) instead of looking it up in the data.
_COMPUTED = frozenset({"size", "first", "last", "now", "today", "nil", "null", "true", "false"})
_COMPUTED |= {"empty", "blank", "forloop", "tablerowloop"}


def in_html(value: str) -> bytes:
    if len(value) < 70 and value.isalnum() and value.isascii():
        return value.encode()
    return encode_value(str(escape(value)))


def unchanged(value: str) -> str:
    return value


def url_name(node: Node, names: Mapping[str, object]) -> str | None:
    """The merge tag `{{ click_3 }}` and its like: an address of ours, as it is."""
    if not isinstance(node, Output):
        return None
    name = _inner(node)
    return name if name in names and node.paths == (name,) else None


def is_constant(node: Node) -> bool:
    return isinstance(node, Literal) or (isinstance(node, Output) and node.paths == ())


def depends_on_data_only(node: Node, names: Mapping[str, object]) -> bool:
    """Whether the node's text is a function of the data at its paths, whatever came before it."""
    if isinstance(node, Literal):
        return True
    if isinstance(node, Logic) or node.paths is None or "[" in node.source:
        return False
    return not any(
        path.partition(".")[0] in names or not _COMPUTED.isdisjoint(path.split("."))
        for path in node.paths
    )


def compile_slot(
    node: Output, from_value: Callable[[str], T], from_rendered: Callable[[str], T]
) -> Callable[[Data], T]:
    """A function from data to what stands in the slot.

    `from_value` takes a text of the data as it is, `from_rendered` what Liquid made (and escaped).
    The two commonest forms, a path alone and a path with a default, do without Liquid; the rest is
    remembered by the values it depends on.
    """
    rendered = _remembered(node, from_rendered)
    source = _inner(node)
    if _BARE(source):
        return _path_slot(_getter(source), from_value, from_rendered(""), rendered)
    if found := _DEFAULTED(source):
        # What the author writes into a tag is HTML already.
        fallback = from_rendered(found[2] if found[2] is not None else found[3])
        return _path_slot(_getter(found[1]), from_value, fallback, rendered)
    return rendered


def _inner(node: Output) -> str:
    return node.source.strip().removeprefix("{{").removesuffix("}}").strip("-").strip()


def _path_slot(
    get: Getter, from_value: Callable[[str], T], fallback: T, rendered: Callable[[Data], T]
) -> Callable[[Data], T]:
    def fill(data: Data) -> T:
        value = get(data)
        if type(value) is str and len(value) <= _SHORT:
            return from_value(value) if value else fallback
        if value is None or value is _MISSING:
            return fallback
        return rendered(data)

    return fill


def _remembered(node: Output, encode: Callable[[str], T]) -> Callable[[Data], T]:
    getters = [_getter(path) for path in node.paths or ()]
    memo: dict[tuple[object, ...], T] = {}

    def fill(data: Data) -> T:
        key = tuple([_identity(get(data)) for get in getters])
        if None in key:
            return encode(node.render(new_context(data)))
        found = memo.get(key)
        if found is None:
            if len(memo) >= _MEMO:
                memo.clear()
            found = memo[key] = encode(node.render(new_context(data)))
        return found

    return fill


def _identity(value: object) -> object:
    """What tells values apart that are written differently; None if that cannot be said cheaply."""
    kind = type(value)
    if kind is str:
        return value if len(value) <= 200 else None  # type: ignore[arg-type]  # it is a str
    if value is None or value is _MISSING:
        return (value,)
    # 1, 1.0 and True are equal, and equal moments are written in different zones.
    return (kind, value) if kind is int or kind is bool else None


def _getter(path: str) -> Getter:
    keys = path.split(".")
    if len(keys) == 2:
        first, second = keys

        def get_pair(data: Data) -> object:
            try:
                return data[first][second]  # type: ignore[index]  # TypeError says it has none
            except (KeyError, TypeError, IndexError):
                return _MISSING

        return get_pair

    def get(data: Data) -> object:
        value: object = data
        try:
            for key in keys:
                value = value[key]  # type: ignore[index]  # TypeError says it has none
        except (KeyError, TypeError, IndexError):
            return _MISSING
        return value

    return get
