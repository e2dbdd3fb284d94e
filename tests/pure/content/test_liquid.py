"""(pure) What customers may write in templates, and what it costs at most."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esp.content import liquid
from esp.errors import Invalid

PERSON = {
    "contact": {
        "first_name": "Ann <b>",
        "last_name": "",
        "birth_date": "2001-02-03",
        "fields": {"basket": ["tea", "jam"], "points": 3},
    },
    "now": datetime(2030, 5, 1, 8, 0, tzinfo=UTC),
    "unsubscribe_url": "https://u.example/?a=1&b=2",
}


@pytest.mark.parametrize(
    ("template", "html", "text"),
    [
        ("Hi {{ contact.first_name }}", "Hi Ann &lt;b&gt;", "Hi Ann <b>"),
        ('Hi {{ contact.last_name | default: "friend" }}', "Hi friend", "Hi friend"),
        ("[{{ contact.nothing.at.all }}]", "[]", "[]"),
        ("[{{ contact }}]", "[]", "[]"),
        ("{% for b in contact.fields.basket %}{{ b }};{% endfor %}", "tea;jam;", "tea;jam;"),
        ("{% if contact.fields.points > 2 %}many{% else %}few{% endif %}", "many", "many"),
        ("{% assign x = 2 %}{{ x | times: 3 }}", "6", "6"),
        (
            "{% capture c %}{{ contact.first_name }}{% endcapture %}{{ c }}",
            "Ann &lt;b&gt;",
            "Ann <b>",
        ),
        ('{{ contact.birth_date | date: "%d.%m.%Y" }}', "03.02.2001", "03.02.2001"),
        ('{{ "now" | date: "%Y" }}{{ now | date: "%m" }}', "203005", "203005"),
        ('{{ "2024-01-01" | date: "%99999999d" }}', "", ""),
        ("{{ contact.first_name | divided_by: 0 }}!", "!", "!"),
        ("{{ unsubscribe_url }}", "https://u.example/?a=1&amp;b=2", "https://u.example/?a=1&b=2"),
        ("{% comment %}no{% endcomment %}{% raw %}{{ x }}{% endraw %}", "{{ x }}", "{{ x }}"),
        ("a{% break %}b", "ab", "ab"),
    ],
)
def test_a_template_renders(template: str, html: str, text: str) -> None:
    assert liquid.check(template) == []
    assert liquid.render(template, PERSON, True) == html
    assert liquid.render(template, PERSON, False) == text


@pytest.mark.parametrize(
    ("template", "code", "line", "column"),
    [
        ("a\nb {{ x", "liquid-unclosed", 2, 3),
        ("a{% if x %}", "liquid-unclosed", 1, 2),
        ("\n\n{% include 'secrets' %}", "liquid-syntax", 3, 4),
        ("{% render 'secrets' %}", "liquid-syntax", 1, 4),
        ("{{ x | shout }}", "liquid-filter", 1, 8),
        ("{% raw %}{{ x }}", "liquid-unclosed", 1, 1),
        ("{% if a %}" * 40 + "{% endif %}" * 40, "liquid-nesting", 0, 0),
        ("{{" + " " * 150 + "x }}", "liquid-too-long", 1, 1),
    ],
)
def test_a_mistake_is_told_with_its_place(template: str, code: str, line: int, column: int) -> None:
    problem = liquid.check(template)[0]
    assert (problem.kind, problem.code, problem.line, problem.column) == (
        "error",
        code,
        line,
        column,
    )
    assert problem.sentence
    with pytest.raises(Invalid):
        liquid.parse_nodes(template, True)


GROW = '{% assign x = "aaaaaaaaaaaaaaaa" %}'
HOSTILE = {
    "a long loop": "{% for i in (1..100000000) %}x{% endfor %}",
    "nested loops": "{% for i in (1..9999) %}{% for j in (1..9999) %}{% endfor %}{% endfor %}",
    "many loops": "{% for i in (1..9000) %}{% endfor %}" * 1000,
    "a loop over many tags": "{% for i in (1..9999) %}"
    + "{% if 1 %}{% endif %}" * 1400
    + "{% endfor %}",
    "a long condition": "{% for i in (1..9999) %}{% if "
    + "a and " * 300
    + "a %}{% endif %}{% endfor %}",
    "a table": "{% tablerow i in (1..100000000) %}{% endtablerow %}",
    "doubling": GROW + "{% assign x = x | append: x %}" * 60,
    "replacing": GROW + '{% assign x = x | replace: "a", x %}' * 9,
    "squaring": "{% assign x = 99999 %}" + "{% assign x = x | times: x %}" * 99,
    "lists": "{% assign x = 'a,b' | split: ',' %}"
    + "{% assign x = x | concat: x %}" * 60
    + "{{ x }}",
    "much output": GROW + "{% assign x = x | append: x %}" * 13 + "{{ x }}" * 2000,
    "captures": GROW + "{% capture x %}{{ x }}{{ x }}{% endcapture %}" * 60,
    "joining a range": '{{ (1..99999999999) | join: "" }}',
    "liquid": "{% liquid\nfor i in (1..9999)\nfor j in (1..9999)\necho i\nendfor\nendfor %}",
}
COSTLY_TO_READ = {
    "openers": "{{" * 400_000,
    "tag openers": "{%" * 400_000,
    "raw": "{% raw %}" * 3000 + "x" * 900_000,
    "comments": "{% comment %}" * 2000,
    "spaces": ("{{" + " " * 99 + "x") * 9000,
    "brackets": "{{ " + "a[" * 900 + " }}",
    "too many tags": "{{ a }}" * 100_000,
    "too long": "x" * 1_000_001,
}


@pytest.mark.parametrize("name", [*HOSTILE, *COSTLY_TO_READ])
def test_a_hostile_template_ends_within_a_second(name: str) -> None:
    begun = time.process_time()
    with pytest.raises(Invalid):
        liquid.render({**HOSTILE, **COSTLY_TO_READ}[name], {}, True)
    assert time.process_time() - begun < 1.0


def test_pieces_share_what_one_of_them_assigns() -> None:
    source = "{% assign n = contact.fields.points %}You have {{ n }} {{ contact.first_name }}."
    nodes = liquid.parse_nodes(source, True)
    context = liquid.new_context(PERSON)
    assert [node.render(context) for node in nodes] == [
        "",
        "You have ",
        "3",
        " ",
        "Ann &lt;b&gt;",
        ".",
    ]


@pytest.mark.parametrize(
    ("output", "paths"),
    [
        ("{{ contact.first_name }}", ("contact.first_name",)),
        ("{{ contact.a | default: contact.b | upcase }}", ("contact.a", "contact.b")),
        ('{{ "fixed" }}', ()),
        ("{{ contact.list[0] }}", None),
        ('{{ contact.birth_date | date: "%Y" }}', None),
        ("{{ mine }}", None),
    ],
)
def test_an_output_knows_what_it_depends_on(output: str, paths: tuple[str, ...] | None) -> None:
    node = liquid.parse_nodes("{% assign mine = 1 %}" + output, False)[-1]
    assert isinstance(node, liquid.Output)
    assert node.paths == paths


def test_variables_are_dotted_paths_without_the_template_s_own_names() -> None:
    source = "{{ a.b }}{% for x in contact.items %}{{ x.y }}{% endfor %}{% assign z = q %}{{ z }}"
    assert liquid.variables(source) == {"a.b", "contact.items", "q"}


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet="{}%| .:-\"'abif()[]\n0", max_size=60))
def test_any_text_renders_or_is_refused(source: str) -> None:
    try:
        liquid.render(source, PERSON, True)
    except Invalid:
        assert liquid.check(source)
    else:
        assert not liquid.check(source)
