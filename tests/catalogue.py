"""Keeps every string translated: `python -m tests.catalogue` checks, `--update` adds new ones."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment, nodes
from jinja2.ext import babel_extract

from esp.places import templates_folder
from esp.translations import LANGUAGES, catalogue_path

ROOT = Path(__file__).parent.parent
KEYWORDS = {
    "_": None,
    "N_": None,
    "gettext": None,
    "ngettext": (1, 2),
    "lazy_gettext": None,
    "__": None,
    "pgettext": ((1, "c"), 2),
}
TRANSLATES = frozenset(KEYWORDS)
# Words that are the same in both languages.
SAME = frozenset(
    (
        "API",
        "CSV",
        "Domain",
        "Editor",
        "HTML",
        "ID",
        "JSON",
        "Label",
        "Link",
        "MJML",
        "Manual",
        "Port",
        "RSS",
        "SMTP",
        "Server",
        "Status",
        "Tab",
        "Template",
        "Total",
        "URL",
        "XLSX",
    )
)
# Languages in which a number changes no word.
ONE_PLURAL = frozenset(("id",))
# A constant, so that an update without news changes nothing.
MADE = datetime(2026, 1, 1, tzinfo=UTC)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}")


def sources() -> Iterator[tuple[Path, Any]]:
    """Every file that may hold strings for people, with how to read it."""
    for path in sorted((ROOT / "esp").rglob("*.py")):
        yield path, "python"
    for path in template_files():
        yield path, babel_extract


def template_files() -> list[Path]:
    """The pages and the mails the product itself sends."""
    folder = templates_folder()
    found = [path for path in folder.rglob("*") if path.suffix in (".html", ".txt")]
    # The ready-made mails are written once in each language.
    return sorted(path for path in found if "ready_made" not in path.parts)


def strings() -> Catalog:
    """Every string the sources hold."""
    found = Catalog(creation_date=MADE)
    for path, method in sources():
        options = {"trimmed": "true", "silent": "false"}
        with path.open("rb") as file:
            for line, message, _, context in extract(method, file, KEYWORDS, (), options):
                place = (str(path.relative_to(ROOT)), line)
                found.add(message, locations=[place], context=context)
    return found


def read(language: str) -> Catalog:
    """The catalogue as it is kept."""
    path = catalogue_path(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> None:
    """Add what is new, drop what is gone, keep what is translated."""
    kept = read(language)
    kept.update(strings(), no_fuzzy_matching=True)
    kept.obsolete.clear()
    kept.project, kept.version, kept.fuzzy = "esp", "1", False
    kept.header_comment = f"# {LANGUAGES[language]}. Made by python -m tests.catalogue --update."
    kept.last_translator = kept.language_team = kept.msgid_bugs_address = ""
    if language in ONE_PLURAL:
        kept.mime_headers = [("Plural-Forms", "nplurals=1; plural=0;")]
    kept.creation_date = kept.revision_date = MADE
    path = catalogue_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, kept, width=100, sort_output=True, include_lineno=False)


def faults_of(language: str) -> Iterator[str]:
    """What is wrong with the catalogue of `language`."""
    wanted, kept = strings(), read(language)
    for message in wanted:
        if not message.id:
            continue
        entry = kept.get(message.id, message.context)
        where = f"{message.locations[0][0]}: {_first(message.id)!r}"
        if entry is None:
            yield f"{where} is not in the catalogue of {language}"
        else:
            yield from (f"{where} {fault}" for fault in faults_of_entry(entry))
    for entry in kept:
        if entry.id and wanted.get(entry.id, entry.context) is None:
            yield f"{_first(entry.id)!r} is in the catalogue of {language} and nowhere used"
    if kept.obsolete:
        yield f"the catalogue of {language} holds obsolete entries"


def faults_of_entry(entry: Message) -> Iterator[str]:
    """What is wrong with one translation."""
    translated = entry.string if isinstance(entry.string, tuple) else (entry.string,)
    if not all(translated):
        yield "is not translated"
        return
    if entry.fuzzy:
        yield "is marked as fuzzy"
    original = _first(entry.id)
    if translated[0] == original and original not in SAME and re.search("[A-Za-z]{2}", original):
        yield "is the same in both languages; if that is right, add it to SAME"
    plural = entry.id if isinstance(entry.id, str) else entry.id[-1]
    if any(_holes(text) != _holes(plural) for text in translated):
        yield "has other placeholders in its translation"


def _holes(text: Any) -> set[str]:
    return set(PLACEHOLDER.findall(text))


def _first(text: str | tuple[str, ...] | list[str]) -> str:
    return text if isinstance(text, str) else text[0]


# What an expression leaves behind in the text round it: nothing anybody could read.
HOLE = "\N{REPLACEMENT CHARACTER}"
# Tags whose text is for programs or keys.
SILENT = frozenset(("script", "style", "kbd", "code", "pre"))
SPOKEN = frozenset(("alt", "title", "placeholder", "aria-label", "aria-description"))


class _Literal(HTMLParser):
    """Collects the words of a page that no expression gave."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[int, str]] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.silent += tag in SILENT
        for name, value in attrs:
            if name in SPOKEN and value:
                self.handle_data(value)

    def handle_endtag(self, tag: str) -> None:
        self.silent -= tag in SILENT

    def handle_data(self, data: str) -> None:
        words = data.replace(HOLE, " ").strip()
        if self.silent <= 0 and re.search(r"[^\W\d_]{2}", words):
            self.found.append((self.getpos()[0], words))


def literal_text(source: str) -> list[tuple[int, str]]:
    """(line, words) of a template that stand there as they are, so nobody can translate them."""
    environment = Environment(extensions=["jinja2.ext.i18n"])
    return sorted(
        [*_between_tags(environment, source), *_in_expressions(environment.parse(source))]
    )


def _between_tags(environment: Environment, source: str) -> list[tuple[int, str]]:
    text = ""
    for line, kind, value in environment.lex(source):
        # Keep the lines where they are.
        text += "\n" * (line - 1 - text.count("\n"))
        if kind == "data":
            text += value
        elif kind == "variable_end":
            text += HOLE
    page = _Literal()
    page.feed(text)
    page.close()
    return page.found


def _in_expressions(tree: nodes.Node) -> Iterator[tuple[int, str]]:
    """Sentences given to macros or shown as they are: `ui.button("Save")`."""
    if isinstance(tree, nodes.Call):
        if isinstance(tree.node, nodes.Name) and tree.node.name in TRANSLATES:
            return
        for argument in (*tree.args, *(pair.value for pair in tree.kwargs)):
            yield from _constants(argument)
    elif isinstance(tree, nodes.Assign):
        yield from _constants(tree.node)
    elif isinstance(tree, nodes.Output):
        for shown in tree.nodes:
            yield from _constants(shown)
    for child in tree.iter_child_nodes():
        yield from _in_expressions(child)


def _constants(node: nodes.Node) -> Iterator[tuple[int, str]]:
    if isinstance(node, nodes.Const) and isinstance(node.value, str):
        # Names of icons, tones and classes are lower case.
        if re.match(r"[^\W\d_a-z][^\W\d_]*[a-z]", node.value):
            yield node.lineno, node.value
    elif isinstance(node, (nodes.Tuple, nodes.List, nodes.Concat, nodes.CondExpr, nodes.Or)):
        for child in node.iter_child_nodes():
            yield from _constants(child)


def faults_of_templates() -> Iterator[str]:
    """Words in templates that nobody can translate."""
    for path in template_files():
        for line, words in literal_text(path.read_text()):
            yield f"{path.relative_to(ROOT)}:{line}: literal text {words!r}; give it to _()"


def main(arguments: list[str]) -> int:
    """0 if all is well."""
    languages = [language for language in LANGUAGES if language != "en"]
    if "--update" in arguments:
        for language in languages:
            update(language)
    faults = [*faults_of_templates(), *(f for language in languages for f in faults_of(language))]
    for fault in faults:
        sys.stdout.write(f"{fault}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
