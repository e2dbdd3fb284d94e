"""Every macro renders, without anything inline, and every icon named is in the sprite."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import render_template_string
from jinja2 import Environment, nodes

from esp.places import templates_folder
from tests.doors.web.shell import NOON, one_page, pages, signed_in

# One call of each macro; `{}` stands for a body where a macro has one.
CALLS = {
    "ui": [
        'ui.page_header("T", lead="L", back="/b", badge=ui.badge("B", "success", live=True))',
        'ui.link("T", "/u", kind="primary", icon="plus", small=True, command=True)',
        'ui.button("T", kind="danger", icon="trash-2", name="n", value="v", wide=True)',
        'ui.icon_button("T", "x")',
        'ui.icon_button("T", "x", url="/u")',
        "ui.csrf()",
        'ui.post("/u", "T", fields={"a": "b"})',
        'ui.empty("list", "T", "L")',
        'ui.note("T", "danger", title="L")',
        'ui.stat("T", 1, of="L", url="/u")',
        'ui.stat("T", 1)',
        'ui.progress(1, 2, "T", id="p")',
        'ui.progress(0, 0, "T")',
        'ui.bar(1, 2, "T")',
        'ui.tab("T", "/u", True, 3)',
        'ui.steps([("T", "done", "/u"), ("L", "now", none), ("M", "next", none)])',
        'ui.facts([("T", "L")])',
        'ui.code("<b>T</b>", "c", wrap=True)',
        'ui.copy_line("T", "c", "L")',
        'ui.menu_link("T", "/u", "pencil")',
        'ui.menu_post("T", "/u", "trash-2", danger=True, fields={"a": "b"})',
        'ui.menu_open("T", "d", "trash-2")',
        "ui.menu_line()",
        "ui.time(noon)",
        "ui.time(none)",
        "ui.time_ago(noon)",
        "ui.skeleton(2)",
        "ui.saved()",
        'ui.moment("send", "T", noon)',
    ],
    "ui with a body": [
        'ui.page_header("T")',
        'ui.empty("list", "T")',
        "ui.note(title='T')",
        "ui.stats()",
        'ui.tabs("T")',
        'ui.card("T", id="c")',
        'ui.section("T")',
        'ui.menu("T")',
        'ui.menu("T", text="L", icon="chevron-down", up=True)',
        "ui.timeline()",
    ],
    "t": [
        't.cell("T", "L", main=True)',
        't.cell("T", 1, numeric=True)',
        't.choice("n", 1, "T")',
        't.foot("T", newer="/n", older="/o")',
    ],
    "t with a body": [
        't.table(["T", ("L", "numeric"), ""], "C", id="i", selectable=True)',
        "t.row()",
        't.cell("T")',
        "t.actions()",
        't.selection("/u")',
        "t.bulk()",
        "t.toolbar()",
    ],
    "forms": [
        'forms.foot("T", cancel="/u")',
        'forms.search("q", "<v>", "T", url="/u", target="#t")',
    ],
    "forms with a body": ["forms.grid()", 'forms.foot("T")'],
    "dialogs": ['dialogs.confirm("d", "T", "L", "/u", "Y", fields={"a": "b"})'],
    "dialogs with a body": [
        'dialogs.confirm("d", "T", "L", "/u", "Y", danger=False)',
        'dialogs.dialog("d", "T", wide=True, open=True)',
    ],
    "charts": [
        'charts.chart("c", "T", {"kind": "line", "labels": ["a"], "series": '
        '[{"name": "</script>", "values": [1]}]}, "L", low=True)',
    ],
}
IMPORTS = """{% import "components/ui.html" as ui %}{% import "components/tables.html" as t %}
{% import "components/forms.html" as forms %}{% import "components/dialogs.html" as dialogs %}
{% import "components/charts.html" as charts %}"""


@pytest.mark.parametrize(
    ("call", "body"),
    [(call, " with " in kind) for kind, calls in CALLS.items() for call in calls],
)
def test_a_macro_renders(call, body):
    source = f"{{% call {call} %}}<i>body</i>{{% endcall %}}" if body else f"{{{{ {call} }}}}"

    def view():
        return render_template_string(IMPORTS + source, noon=NOON)

    text = signed_in(pages(one_page(view))).get("/a/acme/page").text

    assert text.strip()
    assert ("<i>body</i>" in text) == body
    assert "<b>T</b>" not in text
    assert not re.search(r'\s(style|on\w+)="', text)
    assert text.count("</script>") == text.count("<script")


ENVIRONMENT = Environment(extensions=["jinja2.ext.i18n"])


def macros(path: str) -> dict[str, list[str]]:
    """The macros of a template and the names of their arguments."""
    tree = ENVIRONMENT.parse((templates_folder() / path).read_text())
    return {macro.name: [a.name for a in macro.args] for macro in tree.find_all(nodes.Macro)}


def icons_named(path: Path) -> Iterator[str]:
    tree = ENVIRONMENT.parse(path.read_text())
    known = {"icon": ["icon"]}
    for found in tree.find_all(nodes.Import):
        if isinstance(found.template, nodes.Const):
            names = macros(found.template.value)
            known |= {f"{found.target}.{name}": arguments for name, arguments in names.items()}
    for call in tree.find_all(nodes.Call):
        name = _name(call.node)
        given = dict(zip(known.get(name, []), call.args, strict=False))
        given |= {pair.key: pair.value for pair in call.kwargs if name in known}
        chosen = given.get("icon")
        if isinstance(chosen, nodes.Const) and chosen.value:
            yield chosen.value


def _name(node: nodes.Node) -> str:
    if isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name):
        return f"{node.node.name}.{node.attr}"
    return node.name if isinstance(node, nodes.Name) else ""


def test_every_icon_is_in_the_sprite():
    listed = set(Path("assets/icons.txt").read_text().split())
    named = {
        (str(path.relative_to(templates_folder())), icon)
        for path in templates_folder().rglob("*.html")
        if "ready_made" not in path.parts
        for icon in icons_named(path)
    }

    assert len(named) > 10
    assert [(path, icon) for path, icon in sorted(named) if icon not in listed] == []
