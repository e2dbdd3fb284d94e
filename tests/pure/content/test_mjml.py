"""(pure) MJML is checked before it is compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from esp.content import liquid, ready_made
from esp.content.mjml import compile_mjml
from esp.content.prepare import Options, Source, prepare
from esp.errors import NotFound

READY_MADE = Path(__file__).parents[3] / "templates" / "ready_made"


def body(inner: str) -> str:
    return (
        f"<mjml>\n<mj-body>\n<mj-section><mj-column>{inner}</mj-column></mj-section>"
        "\n</mj-body>\n</mjml>"
    )


@pytest.mark.parametrize(
    ("source", "line", "part"),
    [
        (body("<mj-txt>a</mj-txt>"), 3, "Did you mean <mj-text>"),
        (body("<p>a</p>"), 3, "Put HTML in <mj-text>"),
        (body('<mj-text colour="red">a</mj-text>'), 3, "Did you mean “color”"),
        (body('<mj-include path="/etc/passwd" />'), 3, "cannot be used"),
        (body("<mj-column></mj-column>"), 3, "Put it in <mj-section>"),
        (body("<mj-text>a"), 3, "closes nothing here"),
        ("<mjml><mj-body>", 1, "never closed"),
        ("<p>hello</p>", 1, "There is no element <p>"),
        ("hello", 1, "must begin with <mjml>"),
        ("<mjml>" * 5000, 1, "may not stand in"),
    ],
)
def test_what_the_compiler_would_pass_over_is_told(source: str, line: int, part: str) -> None:
    compiled = compile_mjml(source)
    assert compiled.html == ""
    assert (compiled.problems[0].kind, compiled.problems[0].line) == ("error", line)
    assert any(part in problem.sentence for problem in compiled.problems)


def test_liquid_goes_through_wherever_it_stands() -> None:
    source = body(
        '{% if a %}<mj-button href="{{ u | default: "x" }}" color="{{ c }}">{{ t }}</mj-button>'
        "{% endif %}"
        "<mj-table>{% for r in rows %}<tr><td>{{ r }}</td></tr>{% endfor %}</mj-table>"
    )
    html = compile_mjml(source).html
    for piece in (
        "{% if a %}",
        'href="{{ u | default: "x" }}"',
        "color:{{ c }}",
        ">{{ t }}<",
        "{% endif %}",
    ):
        assert piece in html
    assert "{% for r in rows %}<tr><td>{{ r }}</td></tr>{% endfor %}" in html
    assert liquid.check(html) == []
    assert "fonts.googleapis" not in html


@pytest.mark.parametrize("language", ready_made.LANGUAGES)
@pytest.mark.parametrize("name", ready_made.NAMES)
def test_the_ready_made_templates_have_no_problem(language: str, name: str) -> None:
    made = ready_made.load(READY_MADE, language, name)
    prepared = prepare(Source("mjml", made.subject, made.mjml, None, made.preheader), Options())
    assert prepared.problems == ()
    assert made.subject
    assert made.preheader
    assert prepared.links
    assert prepared.html is not None
    assert "prefers-color-scheme: dark" in prepared.html
    assert "{{ unsubscribe_url }}" in prepared.html
    assert "{{ unsubscribe_url }}" in prepared.text


def test_other_languages_get_english_and_other_names_nothing() -> None:
    assert ready_made.load(READY_MADE, "xx", "welcome").language == "en"
    assert len(ready_made.load_all(READY_MADE, "id")) == 4
    with pytest.raises(NotFound):
        ready_made.load(READY_MADE, "en", "../en/welcome")
