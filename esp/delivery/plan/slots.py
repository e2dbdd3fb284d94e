"""(pure) What stands in a slot: functions from a person's data to encoded bytes, made once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeVar

from markupsafe import escape

from esp.content.liquid import Literal, Logic, Node, Output, new_context
from esp.delivery.plan.quoted import UNBROKEN, encode_value

Data = Mapping[str, object]
Getter = Callable[[Data], object]
T = TypeVar("T", str, bytes)

_MISSING = object()
_MEMO = 1024
# Longer values go through Liquid, which counts them.
_SHORT = 10_000

_PATH = r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*"
_FILTER = r"(?:upcase|downcase|capitalize|strip|default:\s*(?:\"[^\"|]*\"|'[^'|]*'))"
_SIMPLE = re.compile(rf"({_PATH})((?:\s*\|\s*{_FILTER})*)").fullmatch
_NAMES = re.compile(r"\|\s*([a-z]+)").findall
_TEXT_FILTERS: dict[str, Callable[[str], str]] = {
    "upcase": str.upper,
    "downcase": str.lower,
    "capitalize": str.capitalize,
    "strip": str.strip,
}
# What Liquid computes (or takes from elsewhere) instead of looking it up in the data.
_COMPUTED = frozenset({"size", "first", "last", "now", "today", "nil", "null", "true", "false"})
_COMPUTED |= {"empty", "blank", "forloop", "tablerowloop"}


# Plain as in `quoted`, and nothing that HTML writes in another way.
_is_plain_html = re.compile(r"(?!From )[!#-%(-\-/-;?-~][!#-%(-;?-~]*(?: [!#-%(-;?-~]+)*").fullmatch


def in_html(value: str) -> bytes:
    if len(value) <= UNBROKEN:
        return value.encode() if _is_plain_html(value) else _in_html_again(value)
    return encode_value(str(escape(value)))


@lru_cache(maxsize=4096)
def _in_html_again(value: str) -> bytes:
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
    The commonest forms, a path with or without a default or a change of case, do without Liquid
    where there is a text; the rest is remembered by the values it depends on.
    """
    rendered = _remembered(node, from_rendered)
    found = _SIMPLE(_inner(node))
    if not found:
        return rendered
    # A default changes no text but an empty one.
    changes = [_TEXT_FILTERS[name] for name in _NAMES(found[2]) if name != "default"]
    return _text_slot(found[1], tuple(changes), from_value, rendered)


def _inner(node: Output) -> str:
    return node.source.strip().removeprefix("{{").removesuffix("}}").strip("-").strip()


def _text_slot(
    path: str,
    changes: tuple[Callable[[str], str], ...],
    from_value: Callable[[str], T],
    rendered: Callable[[Data], T],
) -> Callable[[Data], T]:
    def from_text(value: str, data: Data) -> T:
        # Text of white space may be nothing to a default after `strip`.
        if len(value) > _SHORT or not value or value.isspace():
            return rendered(data)
        for change in changes:
            value = change(value)
        return from_value(value)

    get, keys = _getter(path), path.split(".")
    if len(keys) != 2:

        def fill(data: Data) -> T:
            value = get(data)
            return from_text(value, data) if type(value) is str else rendered(data)

        return fill
    first, second = keys

    # The same with a call less: nearly all merge tags are of this form.
    def fill_pair(data: Data) -> T:
        try:
            value = data[first][second]  # type: ignore[index]  # TypeError says it has none
        except (KeyError, TypeError, IndexError):
            return rendered(data)
        return from_text(value, data) if type(value) is str else rendered(data)

    return fill_pair


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
