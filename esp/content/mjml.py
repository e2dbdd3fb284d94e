"""(pure) MJML made HTML, after it was checked for what the compiler would pass over in silence."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

import mrml

from esp.content.markup import VOID, Tag, tags
from esp.content.mask import mask, unmask
from esp.content.mjml_elements import ATTRIBUTES, CHILDREN, ENDING, EVERYWHERE
from esp.content.problems import Problem, place
from esp.content.spans import shadow
from esp.errors import N_

_RAW_TEXT = frozenset(
    {"mj-style", "mj-title", "mj-preview", "script", "style", "title", "textarea"}
)
_MAX_DEPTH = 60
_POSITION = re.compile(r"position (\d+):")
# No font is fetched from elsewhere unless the author names one.
_OPTIONS = mrml.RenderOptions(fonts={})


@dataclass(frozen=True)
class Compiled:
    """`html` is empty when there is an error among `problems`."""

    html: str
    problems: tuple[Problem, ...]


def compile_mjml(source: str) -> Compiled:
    """The HTML of an MJML document, its Liquid untouched."""
    problems = check(source)
    if problems:
        return Compiled("", tuple(problems))
    masked = mask(source, raw_text=_RAW_TEXT)
    try:
        made = mrml.to_html(masked.text, None, _OPTIONS).content
    except (OSError, ValueError) as error:
        return Compiled("", (_refused(masked.text, str(error)),))
    return Compiled(unmask(made, masked), ())


def check(source: str) -> list[Problem]:
    """Every element and attribute that is not MJML, and every tag that is not closed."""
    return _Checker(source).problems


class _Checker:
    def __init__(self, source: str) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._open: list[Tag] = []
        seen = False
        for tag in tags(shadow(source)):
            if len(self.problems) >= 20:
                return
            seen = seen or tag.name == "mjml"
            self._tag(tag)
        if not seen:
            self._say(0, "mjml-root", N_("This is not MJML: it must begin with <mjml>."))
        for tag in self._open:
            self._say(tag.start, "mjml-unclosed", N_("<%(name)s> is never closed."), name=tag.name)

    def _say(self, at: int, code: str, text: str, **values: object) -> None:
        self.problems.append(Problem("error", code, text, *place(self._source, at), values=values))

    def _tag(self, tag: Tag) -> None:
        if tag.closing:
            self._close(tag)
            return
        parent = self._open[-1].name if self._open else ""
        if len(self._open) >= _MAX_DEPTH:
            self._say(tag.start, "mjml-depth", N_("The elements are nested too deeply."))
        elif parent in ENDING:
            self._inside_html(tag)
            return
        elif parent == "mj-attributes" or tag.name == "mj-class":
            self._default(tag)
        else:
            self._element(tag, parent)
        if not tag.self_closing:
            self._open.append(tag)

    def _inside_html(self, tag: Tag) -> None:
        """HTML is left to itself, but the compiler needs it closed."""
        if tag.name.startswith("mj-"):
            text = N_("<%(name)s> may not stand in <%(parent)s>.")
            self._say(tag.start, "mjml-place", text, name=tag.name, parent=self._open[-1].name)

    def _close(self, tag: Tag) -> None:
        innermost = self._open[-1].name if self._open else ""
        if tag.name == innermost:
            self._open.pop()
        elif innermost in ENDING and not tag.name.startswith("mj"):
            return
        elif tag.name not in VOID:
            text = N_("</%(name)s> closes nothing here; <%(open)s> is still open.")
            self._say(tag.start, "mjml-unclosed", text, name=tag.name, open=innermost or "-")
            if any(waiting.name == tag.name for waiting in self._open):
                while self._open.pop().name != tag.name:
                    pass

    def _element(self, tag: Tag, parent: str) -> None:
        name = tag.name
        if name == "mj-include":
            text = N_("<mj-include> cannot be used: paste what it would include.")
            self._say(tag.start, "mjml-include", text)
        elif name not in ATTRIBUTES:
            self._unknown_element(tag, parent)
        elif (not parent and name != "mjml") or name not in CHILDREN.get(parent, {name}):
            homes = [home for home, children in CHILDREN.items() if name in children]
            text = N_("<%(name)s> may not stand in <%(parent)s>. Put it in <%(home)s>.")
            values = {"name": name, "parent": parent or "-", "home": ">, <".join(homes)}
            self._say(tag.start, "mjml-place", text, **values)
        else:
            self._attributes(tag, ATTRIBUTES[name])

    def _unknown_element(self, tag: Tag, parent: str) -> None:
        near = difflib.get_close_matches(tag.name, sorted(CHILDREN.get(parent, ATTRIBUTES)), 1)
        if near:
            text = N_("There is no element <%(name)s>. Did you mean <%(near)s>?")
            self._say(tag.start, "mjml-element", text, name=tag.name, near=near[0])
        else:
            text = N_("There is no element <%(name)s>. Put HTML in <mj-text> or <mj-raw>.")
            self._say(tag.start, "mjml-element", text, name=tag.name)

    def _default(self, tag: Tag) -> None:
        if tag.name not in ATTRIBUTES and tag.name not in ("mj-all", "mj-class"):
            self._unknown_element(tag, "")
            return
        if tag.name in ("mj-all", "mj-class"):
            self._attributes(tag, EVERYWHERE | {"name"})
        else:
            self._attributes(tag, ATTRIBUTES[tag.name])

    def _attributes(self, tag: Tag, allowed: frozenset[str]) -> None:
        for attribute in tag.attributes:
            name = attribute.name
            if name in allowed or name.startswith(("data-", "aria-", "xmlns")):
                continue
            near = difflib.get_close_matches(name, sorted(allowed), 1)
            values = {"attribute": name, "name": tag.name, "near": near[0] if near else ""}
            if near:
                text = N_("<%(name)s> has no attribute “%(attribute)s”. Did you mean “%(near)s”?")
            else:
                text = N_("<%(name)s> has no attribute “%(attribute)s”. Remove it.")
            self._say(tag.start, "mjml-attribute", text, **values)


def _refused(text: str, message: str) -> Problem:
    found = _POSITION.search(message)
    line = place(text, min(int(found[1]), len(text)))[0] if found else 0
    return Problem(
        "error",
        "mjml",
        N_("This MJML cannot be read: %(detail)s"),
        line,
        values={"detail": message.removesuffix(" in root template")[:200]},
    )
