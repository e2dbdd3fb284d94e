"""(pure) From what a person writes to the parts that are sent, with Liquid still to be filled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from esp.content import checks, footer, liquid, mjml, textpart
from esp.content.footer import FooterTexts
from esp.content.foreign import translate
from esp.content.inline import Inliner, inline
from esp.content.links import Link, rewrite, rewrite_text
from esp.content.problems import Problem
from esp.content.subject import quote_subject
from esp.errors import Invalid

__all__ = [
    "FooterTexts",
    "Inliner",
    "Link",
    "Options",
    "PreparedContent",
    "Problem",
    "Source",
    "prepare",
]


@dataclass(frozen=True)
class Source:
    """A message as its author wrote it; `text` None means: make it from the HTML."""

    kind: Literal["html", "mjml", "text"]
    subject: str
    body: str
    text: str | None = None
    preheader: str = ""


@dataclass(frozen=True)
class Options:
    """How it is prepared; `footer` None adds none."""

    inliner: Inliner = "premailer"
    track_opens: bool = True
    track_clicks: bool = True
    footer: FooterTexts | None = None
    utm: Mapping[str, str] | None = None


@dataclass(frozen=True)
class PreparedContent:
    """Liquid for each part, in which `{{ click_N }}` stands for `links[N]`.

    With an error among `problems` there are no parts.
    """

    subject: str
    html: str | None
    text: str
    links: tuple[Link, ...]
    problems: tuple[Problem, ...]
    unknown_tags: tuple[str, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.kind == "error")


def prepare(source: Source, options: Options) -> PreparedContent:
    """Translate, check, compile, inline, add what is required, and rewrite links."""
    source, unknown = _translated(source)
    problems = _liquid_problems(source)
    html: str | None = None
    if not problems and source.kind != "text":
        html, problems = _html(source, options)
    if any(problem.kind == "error" for problem in problems):
        return PreparedContent(source.subject, None, "", (), tuple(problems), unknown)
    if html is not None and options.footer:
        html = footer.with_footer(html, options.footer)
    text = _text(source, html, options)
    links: tuple[Link, ...] = ()
    if html is not None:
        problems += checks.warnings(source.body, html)
        rewritten = rewrite(html, options.utm, track=options.track_clicks)
        html, links = rewritten.source, rewritten.links
        html = footer.with_preheader(html, source.preheader)
        html = footer.with_pixel(html) if options.track_opens else html
    if options.track_clicks:
        in_text = rewrite_text(text, links, options.utm)
        text, links = in_text.source, in_text.links
    problems += checks.unknown_tags(unknown)
    return PreparedContent(source.subject, html, text, links, tuple(problems), unknown)


def _translated(source: Source) -> tuple[Source, tuple[str, ...]]:
    parts = {
        # A subject is one line, whatever was pasted.
        "subject": translate(" ".join(source.subject.split())),
        "body": translate(source.body.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")),
        "preheader": translate(" ".join(source.preheader.split())),
    }
    if source.text is not None and source.text.strip():
        parts["text"] = translate(source.text.replace("\r\n", "\n").replace("\r", "\n"))
    unknown = tuple(dict.fromkeys(tag for part in parts.values() for tag in part.unknown))
    subject = parts["subject"].source
    text = quote_subject(parts["text"].source, subject, html=False) if "text" in parts else None
    translated = replace(
        source,
        subject=subject,
        body=quote_subject(parts["body"].source, subject, html=source.kind != "text"),
        preheader=quote_subject(parts["preheader"].source, subject, html=False),
        text=text,
    )
    return translated, unknown


def _liquid_problems(source: Source) -> list[Problem]:
    problems = liquid.check(source.body)
    for part in (source.subject, source.preheader, source.text or ""):
        # Lines are told for the body only, which is the part that has many.
        problems += [replace(p, line=0, column=0) for p in liquid.check(part)]
    return problems


def _html(source: Source, options: Options) -> tuple[str | None, list[Problem]]:
    html = source.body
    if source.kind == "mjml":
        compiled = mjml.compile_mjml(html)
        if compiled.problems:
            return None, list(compiled.problems)
        html = compiled.html
    open_ended = list(checks.unfinished_markup(html))
    if open_ended:
        return None, open_ended
    try:
        inlined = inline(html, options.inliner)
    except Invalid as error:
        return html, [Problem("warning", "not-inlined", error.text, values=error.values)]
    broken = liquid.check(inlined)
    if broken:
        # A merge tag at a place where no parser leaves it: rather plain than broken.
        return html, [replace(broken[0], kind="warning", code="not-inlined", line=0, column=0)]
    return inlined, []


def _text(source: Source, html: str | None, options: Options) -> str:
    if source.kind == "text":
        text = source.body
    elif source.text is not None:
        text = source.text
    else:
        text = textpart.from_html(html or "")
    return footer.with_text_footer(text, options.footer) if options.footer else text
