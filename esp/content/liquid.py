"""(pure) Templates in Liquid: checked, compiled once into pieces, and rendered for a person."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from liquid.ast import Node as _LibraryNode
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions import FilteredExpression, Path
from liquid.builtin.expressions.primitive import Literal as _LiteralExpression
from liquid.builtin.output import OutputNode
from liquid.builtin.tags.comment_tag import CommentNode
from liquid.exceptions import LiquidError, LiquidInterrupt, ResourceLimitError
from liquid.expression import Expression
from liquid.static_analysis import TemplateAnalysis

from esp.content import sandbox, shape
from esp.content.problems import Problem, place
from esp.content.sandbox import Context as RenderContext
from esp.content.spans import spans
from esp.errors import N_, Invalid

__all__ = [
    "Literal",
    "Logic",
    "Node",
    "Output",
    "RenderContext",
    "TooMuch",
    "check",
    "local_names",
    "new_context",
    "parse_nodes",
    "render",
    "variables",
]

_TEXT = sandbox.Environment(html=False)
_HTML = sandbox.Environment(html=True)
_EMPTY = _TEXT.from_string("")
_BREAKS = (LiquidError, LiquidInterrupt, RecursionError, ArithmeticError, ValueError, TypeError)


class TooMuch(Invalid):
    """The template, with this person's data, asks for more work or text than a message may cost."""

    def __init__(self) -> None:
        super().__init__(N_("This template asks for too much: shorten its loops and its values."))


@dataclass(frozen=True, slots=True)
class Literal:
    """Text that is the same for everybody."""

    text: str

    def render(self, context: RenderContext) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Output:
    """One `{{ … }}`. With `paths`, its result depends on the values at these dotted paths only."""

    source: str
    paths: tuple[str, ...] | None
    _expression: Expression = field(repr=False, compare=False)
    _environment: sandbox.Environment = field(repr=False, compare=False)

    def render(self, context: RenderContext) -> str:
        environment = self._environment
        context.env = environment
        context.autoescape = environment.autoescape
        try:
            value = self._expression.evaluate(context)
            return context.write(sandbox.written(value, environment.autoescape))
        except ResourceLimitError as error:
            raise TooMuch from error
        except _BREAKS:
            return ""


@dataclass(frozen=True, slots=True)
class Logic:
    """One tag with all that is inside it, such as a condition or a loop."""

    name: str
    _node: _LibraryNode = field(repr=False, compare=False)
    _environment: sandbox.Environment = field(repr=False, compare=False)

    def render(self, context: RenderContext) -> str:
        context.env = self._environment
        context.autoescape = self._environment.autoescape
        buffer = io.StringIO()
        try:
            self._node.render(context, _Limited(buffer, context))
        except ResourceLimitError as error:
            raise TooMuch from error
        except _BREAKS:
            return buffer.getvalue()
        return buffer.getvalue()


Node = Literal | Output | Logic


class _Limited(io.StringIO):
    def __init__(self, target: io.StringIO, context: RenderContext) -> None:
        super().__init__()
        self._target = target
        self._context = context

    def write(self, text: str, /) -> int:
        return self._target.write(self._context.write(text))


def new_context(data: Mapping[str, object]) -> RenderContext:
    """What one recipient's pieces share: `data`, and what `assign` and `capture` add on the way."""
    # The library's own "now" asks the clock.
    return RenderContext(_EMPTY, globals={"now": "", "today": data.get("now", ""), **data})


def parse_nodes(source: str, html: bool) -> list[Node]:
    """The top-level pieces of `source`, compiled; raises Invalid where `check` finds a problem."""
    return list(_compiled(source, html))


def render(source: str, data: Mapping[str, object], html: bool) -> str:
    """`source` filled with `data`; in HTML every value is escaped."""
    context = new_context(data)
    return "".join(node.render(context) for node in _compiled(source, html))


def check(source: str) -> list[Problem]:
    """What is wrong with `source`; nothing when it is a template that can be rendered."""
    early = shape.check(source)
    if early:
        return [early]
    try:
        template = _TEXT.from_string(source)
        used = template.analyze(include_partials=False).filters
    except LiquidError as error:
        return [_problem(source, error)]
    except RecursionError:
        return [_nested_too_deeply()]
    return [
        Problem(
            "error",
            "liquid-filter",
            N_("There is no filter “%(name)s”."),
            *place(source, where.index),
            values={"name": name},
        )
        for name, places in used.items()
        if name not in _TEXT.filters
        for where in places
    ]


def variables(source: str) -> set[str]:
    """The dotted paths that `source` takes from its data."""
    found = set()
    for uses in _analyzed(source).globals.values():
        for use in uses:
            names: list[str] = []
            for segment in use.segments:
                if not isinstance(segment, str):
                    break
                names.append(segment)
            found.add(".".join(names))
    return found


def local_names(source: str) -> set[str]:
    """The names that tags of `source` give to values on the way, which mean nothing outside it."""
    names = {"forloop", "tablerowloop"}
    form = re.compile(
        r"\{%-?\s*(?:assign|capture|for|tablerow|increment|decrement)\s+([\w-]{1,100})"
    )
    for span in spans(source):
        if span.kind == "tag":
            if found := form.match(source, span.start, span.end):
                names.add(found[1])
            elif span.name(source) == "liquid":
                names.update(re.findall(r"[\w-]+", source[span.start : span.end]))
    return names


@lru_cache(maxsize=64)
def _compiled(source: str, html: bool) -> tuple[Node, ...]:
    environment = _HTML if html else _TEXT
    problems = check(source)
    if problems:
        first = problems[0]
        raise Invalid(first.text, str(first.line or ""), **first.values)
    local = local_names(source)
    nodes: list[Node] = []
    for part in environment.from_string(source).nodes:
        if isinstance(part, ContentNode):
            if nodes and isinstance(nodes[-1], Literal):
                nodes[-1] = Literal(nodes[-1].text + part.text)
            else:
                nodes.append(Literal(part.text))
        elif isinstance(part, OutputNode):
            paths = _paths(part.expression, local)
            nodes.append(Output(part.token.value, paths, part.expression, environment))
        elif not isinstance(part, CommentNode):
            nodes.append(Logic(part.token.value, part, environment))
    return tuple(nodes)


def _paths(expression: Expression, local: set[str]) -> tuple[str, ...] | None:
    """Paths of an expression that is a dotted path and filters with dotted paths or literals."""
    if not isinstance(expression, FilteredExpression):
        return None
    leaves = [expression.left]
    for use in expression.filters or ():
        if use.name == "date":
            return None
        leaves.extend(argument.value for argument in use.args)
    paths: list[str] = []
    for leaf in leaves:
        if isinstance(leaf, Path):
            names = [segment for segment in leaf.path if isinstance(segment, str)]
            if len(names) != len(leaf.path) or names[0] in local:
                return None
            paths.append(".".join(names))
        elif not isinstance(leaf, _LiteralExpression):
            return None
    return tuple(dict.fromkeys(paths))


def _analyzed(source: str) -> TemplateAnalysis:
    problems = check(source)
    if problems:
        raise Invalid(problems[0].text, str(problems[0].line or ""), **problems[0].values)
    return _TEXT.from_string(source).analyze(include_partials=False)


def _problem(source: str, error: LiquidError) -> Problem:
    if isinstance(error, ResourceLimitError):
        return _nested_too_deeply()
    where = (0, 0)
    if error.token is not None and 0 <= error.token.start_index <= len(source):
        where = place(source, error.token.start_index)
    detail = str(error.message or "")
    return Problem(
        "error",
        "liquid-syntax",
        N_("This merge tag is not understood: %(detail)s"),
        *where,
        values={"detail": detail[:200]},
    )


def _nested_too_deeply() -> Problem:
    return Problem("error", "liquid-nesting", N_("The merge tags are nested too deeply."))
