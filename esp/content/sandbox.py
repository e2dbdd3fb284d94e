"""(pure) The Liquid that customers may write: no files, no clock, and a budget for each rendering.

The library limits nesting, loops and output. Filters and bodies of loops are counted here as well:
one `replace` of a long text by a long text, or an empty loop over many tags, costs as much.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, TextIO

import liquid
from liquid.builtin.output import Output as OutputTag
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.for_tag import ForTag
from liquid.builtin.tags.tablerow_tag import TablerowTag
from liquid.exceptions import (
    FilterArgumentError,
    LiquidError,
    LocalNamespaceLimitError,
    LoopIterationLimitError,
    OutputStreamLimitError,
    ResourceLimitError,
)
from liquid.filter import with_context
from markupsafe import Markup, escape

MAX_VALUE = 200_000
MAX_OUTPUT = 2_000_000
MAX_WORK = 400_000
MAX_LOOPS = 10_000

_FORBIDDEN_TAGS = ("include", "render")
_FORBIDDEN_FILTERS = (
    "base64_encode",
    "base64_decode",
    "base64_url_safe_encode",
    "base64_url_safe_decode",
)
_DATE_FORMAT = re.compile(r"(?:[^%]|%[-^#_0]?[aAbBcdDeFgGHIjklmMnpPrRSTuUVwWxXyYzZ%]){1,100}")


class Context(liquid.RenderContext):
    """What one recipient's rendering knows and how much of its budget is spent."""

    __slots__ = ("body", "held", "iterations", "work", "written")

    def __init__(self, template: liquid.BoundTemplate, **rest: Any) -> None:
        super().__init__(template, **rest)
        self.body = 1
        self.held = 0
        self.iterations = 0
        self.work = 0
        self.written = 0

    def spend(self, units: int) -> None:
        self.work += units
        if self.work > MAX_WORK:
            raise ResourceLimitError("too much work", token=None)

    def write(self, text: str) -> str:
        self.written += len(text)
        if self.written > MAX_OUTPUT:
            raise OutputStreamLimitError("too much output", token=None)
        return text

    def raise_for_loop_limit(self, length: int = 1) -> None:
        """Count every pass through every loop, nested or one after the other."""
        self.iterations += length
        if self.iterations > MAX_LOOPS:
            raise LoopIterationLimitError("too many passes through loops", token=None)
        self.spend(length * self.body)

    def assign(self, key: str, val: Any) -> None:
        self.held += weight(val) - weight(self.locals.get(key, ""))
        self.spend(1)
        if self.held > 2 * MAX_VALUE:
            raise LocalNamespaceLimitError("too much assigned", token=None)
        self.locals[key] = val

    def filter(self, name: str, token: liquid.Token | None) -> Callable[..., object]:
        return partial(self._filtered, super().filter(name, token), name)

    def _filtered(
        self, func: Callable[..., object], name: str, value: object, *args: object, **named: object
    ) -> object:
        self.spend(1 + (weight(value) + sum(map(weight, args))) // 100)
        if isinstance(value, Mapping) and not isinstance(value, liquid.Undefined):
            value = value if name in ("default", "size") else ""
        _refuse_growth(name, value, args)
        try:
            result = func(value, *args, **named)
        except ResourceLimitError:
            raise
        except (LiquidError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError):
            # One person's odd value must not stop a broadcast.
            return ""
        weight(result)
        return result


def weight(value: object) -> int:
    """About how many characters `value` would be when written; refuses what is too much."""
    total = _weight(value, 8)
    if total > MAX_VALUE:
        raise ResourceLimitError("a value is too long", token=None)
    return total


def _weight(value: object, depth: int) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, int):
        return value.bit_length() // 3 + 1
    if isinstance(value, list | tuple) and depth:
        total = 0
        for item in value:
            total += 4 + _weight(item, depth - 1)
            if total > MAX_VALUE:
                break
        return total
    return MAX_VALUE + 1 if not depth else len(value) if isinstance(value, range) else 8


def _refuse_growth(name: str, value: object, args: tuple[object, ...]) -> None:
    """Refuse, before it is made, a result that is a product of two long values."""
    if name.startswith("replace") and args:
        sought = str(args[0])
        times = str(value).count(sought) if name == "replace" else 1
        put = len(str(args[1])) if len(args) > 1 else 0
        size = times * put
    elif name == "join" and isinstance(value, list | tuple | range):
        size = len(value) * (len(str(args[0])) if args else 1)
    elif name == "times":
        size = weight(value) + sum(map(weight, args))
        size = size if size < 1000 else MAX_VALUE + 1
    else:
        return
    if size > MAX_VALUE:
        raise ResourceLimitError("a value is too long", token=None)


def written(value: object, autoescape: bool) -> str:
    """How a value looks in a message; whole mappings and missing values look like nothing."""
    if isinstance(value, str):
        return str(escape(value)) if autoescape else value
    if value is None or isinstance(value, Mapping):
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        weight(value)
        return "".join(written(item, autoescape) for item in value)
    if isinstance(value, int | float | Decimal | date):
        return str(value)
    if isinstance(value, range):
        return f"{value.start}..{value.stop - 1}"
    return ""


class _WrittenNode(OutputNode):
    __slots__ = ()

    def render_to_output(self, context: liquid.RenderContext, buffer: TextIO) -> int:
        return buffer.write(written(self.expression.evaluate(context), context.autoescape))


class _WrittenTag(OutputTag):
    node_class = _WrittenNode


class _Weighed(liquid.ast.Node):
    """A loop that tells the context how long its body is before it begins."""

    __slots__ = ("size", "wrapped")

    def __init__(self, wrapped: liquid.ast.Node, size: int) -> None:
        super().__init__(wrapped.token)
        self.wrapped = wrapped
        self.size = size
        self.blank = wrapped.blank

    def render_to_output(self, context: liquid.RenderContext, buffer: TextIO) -> int:
        if isinstance(context, Context):
            context.body = self.size
        return self.wrapped.render(context, buffer)

    def children(
        self, static_context: liquid.RenderContext, *, include_partials: bool = True
    ) -> Any:
        return self.wrapped.children(static_context, include_partials=include_partials)

    def expressions(self) -> Any:
        return self.wrapped.expressions()

    def template_scope(self) -> Any:
        return self.wrapped.template_scope()

    def block_scope(self) -> Any:
        return self.wrapped.block_scope()


def _weigh(node: liquid.ast.Node, stream: liquid.TokenStream) -> _Weighed:
    length = stream.current.start_index - node.token.start_index
    return _Weighed(node, max(length, 0) // 8 + 1)


class _WeighedFor(ForTag):
    def parse(self, stream: liquid.TokenStream) -> liquid.ast.Node:
        return _weigh(super().parse(stream), stream)


class _WeighedTablerow(TablerowTag):
    def parse(self, stream: liquid.TokenStream) -> liquid.ast.Node:  # type: ignore[override]  # a wrapper of what the library makes
        return _weigh(super().parse(stream), stream)


@with_context
def _date(value: object, form: object = "%Y-%m-%d", *, context: liquid.RenderContext) -> str:
    """A date or ISO text by `strftime`; "now" is the moment the caller names."""
    if value in ("now", "today"):
        value = context.resolve("now", default="")
    if isinstance(value, str):
        try:
            moment: object = datetime.fromisoformat(value.strip())
        except ValueError:
            return value
        value = moment
    if not isinstance(value, date):
        return written(value, False)
    # glibc pads to any width it is told, gigabytes of it.
    if not isinstance(form, str) or not _DATE_FORMAT.fullmatch(form):
        raise FilterArgumentError("the date format is not understood", token=None)
    return value.strftime(form)


def _newline_to_br(value: object) -> Markup:
    return Markup("<br>\n").join(written(value, False).splitlines())


class Environment(liquid.Environment):
    """Customers' Liquid; `html` escapes whatever a value brings with it."""

    block_nesting_limit = 30
    context_depth_limit = 30
    loop_iteration_limit = MAX_LOOPS
    local_namespace_limit = 2 * MAX_VALUE
    output_stream_limit = MAX_OUTPUT

    def __init__(self, html: bool) -> None:
        super().__init__(autoescape=html, strict_filters=True)
        for tag in _FORBIDDEN_TAGS:
            del self.tags[tag]
        for name in _FORBIDDEN_FILTERS:
            del self.filters[name]
        self.add_tag(_WrittenTag)
        self.add_tag(_WeighedFor)
        self.add_tag(_WeighedTablerow)
        self.add_filter("date", _date)
        # In plain text a line break is one already.
        self.add_filter(
            "newline_to_br", _newline_to_br if html else partial(written, autoescape=False)
        )
