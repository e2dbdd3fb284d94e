"""(pure) What is masked comes back exactly, also through the tools it is masked from."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from esp.content.mask import mask, unmask

PIECES = st.sampled_from(
    [
        "{{ x }}",
        "{% if a %}",
        "{% endif %}",
        '{{ a | default: "b" }}',
        "<td ",
        "<a href=",
        '"',
        "'",
        ">",
        "</td>",
        "<!-- c -->",
        "<!--[if mso]>",
        "<![endif]-->",
        "<style>",
        "</style>",
        "a{b:c}",
        "=",
        " ",
        "text",
        "&amp;",
        "\n",
        "{{",
        "%}",
        "<",
        "/",
        "lq0x1w",
        "<title>",
        "é",
        'style="',
        "class=x",
        "-->",
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join))
def test_unmasking_undoes_masking(source: str) -> None:
    assert unmask(mask(source).text, mask(source)) == source


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_so_it_does_for_any_text(source: str) -> None:
    assert unmask(mask(source).text, mask(source)) == source


@pytest.mark.parametrize(
    "body",
    [
        "<table>{% for r in rows %}<tr><td>{{ r }}</td></tr>{% endfor %}</table>",
        '<a href="https://x.example/a b?c={{ d | default: "e" }}&copy=1">é</a>',
        '<p {% if a %}class="b"{% else %}class="c"{% endif %}>x</p>',
        "<![if !mso]><b>x</b><![endif]>",
        "<!--[if mso]><v:rect href='{{ u }}'><![endif]-->",
        "<h{{ n }}>x</h{{ n }}>",
        '<td width="{{ w }}" {{ more }}>x</td>',
    ],
)
def test_a_parser_moves_and_escapes_nothing(body: str) -> None:
    masked = mask(f"<html><head></head><body>{body}</body></html>")
    tree = etree.fromstring(masked.text, etree.HTMLParser())
    made = etree.tostring(tree, method="html", encoding="unicode")
    assert body.replace('"{{ w }}" {{', '"{{ w }}" {{') in unmask(made, masked)


def test_nothing_of_liquid_is_left_in_masked_text() -> None:
    text = mask('<a href="{{ a }}" {% if b %}x{% endif %}>{{ c }}</a><style>{{ d }}</style>').text
    assert "{" not in text
