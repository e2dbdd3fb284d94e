"""(pure) Links are rewritten where they stand; nothing else is touched."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from esp.content.links import Link, Rewritten, decode, rewrite, rewrite_text


@pytest.mark.standard("TRK-02")
@pytest.mark.parametrize(
    "href",
    [
        "mailto:a@b.example",
        "tel:+62",
        "sms:1",
        "#top",
        "",
        "cid:x",
        "data:image/png;base64,AA",
        "{{ unsubscribe_url }}",
        "{{ preferences_url }}",
        "{{ view_url }}",
        "{{ contact.fields.url }}",
        "https://{{ contact.fields.shop }}/a",
        "{{ scheme }}://a.example/",
        "ftp://a.example/",
        "/relative",
        "https://{% if a %}a{% endif %}.example/",
        "https://a{{ b }}.example/",
        "javascript:x",
        "http://",
    ],
)
def test_these_links_stay(href: str) -> None:
    html = f'<a href="{href}">x</a>'
    assert rewrite(html) == Rewritten(html, ())


@pytest.mark.standard("TRK-02")
@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("https://a.example/", "https://a.example/"),
        ("HTTP://a.example", "HTTP://a.example"),
        ("https://a.example/?b=1&amp;c=2#d", "https://a.example/?b=1&c=2#d"),
        ("https://a.example/?b=1&c=2", "https://a.example/?b=1&c=2"),
        ("https://a.example/?a&copy=2&#38;d&#x26;e", "https://a.example/?a&copy=2&d&e"),
        ("https://a.example/%C3%A9?q=a+b%20c", "https://a.example/%C3%A9?q=a+b%20c"),
        ("https://a.example/é ü", "https://a.example/é ü"),
        (
            'https://a.example/{{ contact.city | default: "x&amp;" }}',
            'https://a.example/{{ contact.city | default: "x&amp;" }}',
        ),
        ("  https://a.example/\n", "https://a.example/"),
    ],
)
def test_a_target_is_the_decoded_address(value: str, target: str) -> None:
    rewritten = rewrite(f'<p><a class="b" href="{value}" id=c>d</a></p>')
    assert rewritten.source == '<p><a class="b" href="{{ click_0 }}" id=c>d</a></p>'
    assert rewritten.links == (Link(0, target, "d"),)


@pytest.mark.standard("TRK-02")
@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=https://a.example/>x</a>", '<a href="{{ click_0 }}">x</a>'),
        ("<A HREF='https://a.example'\n>x", "<A HREF='{{ click_0 }}'\n>x"),
        ('<a data-no-track href="https://a.example">x</a>', '<a href="https://a.example">x</a>'),
        ('<a href="https://a.example" data-no-track="1">', '<a href="https://a.example">'),
        ('<!-- <a href="https://a.example"> -->', '<!-- <a href="https://a.example"> -->'),
        ('<link href="https://a.example/x.css">', '<link href="https://a.example/x.css">'),
        ('<area href="https://a.example/">', '<area href="{{ click_0 }}">'),
        (
            '<a {% if b %}href="https://a.example/"{% endif %}>x</a>',
            '<a {% if b %}href="{{ click_0 }}"{% endif %}>x</a>',
        ),
        ('{% for p in contact.fields.p %}<a href="https://a.example/{{ p.id }}">{% endfor %}',) * 2,
        ('<style>a{b:"<a href=https://c.example>"}</style>',) * 2,
    ],
)
def test_only_the_address_changes(html: str, expected: str) -> None:
    assert rewrite(html).source == expected


def test_equal_targets_share_an_index_and_the_first_words_name_it() -> None:
    html = (
        '<a href="https://a.example/?x=1&amp;y"><img src="i" alt="The shop"></a>'
        '<a href="https://b.example/">B <b>and</b>\n more</a><a href="https://a.example/?x=1&y">A</a>'
    )
    rewritten = rewrite(html)
    assert re.findall(r"click_\d+", rewritten.source) == ["click_0", "click_1", "click_0"]
    assert rewritten.links == (
        Link(0, "https://a.example/?x=1&y", "The shop"),
        Link(1, "https://b.example/", "B and more"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See https://a.example/x.", "See {{ click_0 }}."),
        ("(https://a.example/x)", "({{ click_0 }})"),
        ("https://a.example/(x)", "{{ click_1 }}"),
        ("<https://b.example/>", "<{{ click_1 }}>"),
        ("{% if a %}https://a.example/x{% endif %}", "{% if a %}{{ click_0 }}{% endif %}"),
        ("https://a.example/x{% if a %}y{% endif %}",) * 2,
        ("https://{{ host }}/x", "https://{{ host }}/x"),
        ("https://a.example/{{ contact.email }}, go", "{{ click_1 }}, go"),
    ],
)
def test_addresses_in_text(text: str, expected: str) -> None:
    assert rewrite_text(text, (Link(0, "https://a.example/x", "A"),)).source == expected


@pytest.mark.parametrize(
    ("target", "tagged"),
    [
        ("https://a.example/", "https://a.example/?utm_source=m%20n"),
        ("https://a.example/?b#c", "https://a.example/?b&utm_source=m%20n#c"),
        ("https://a.example/?utm_source=own", "https://a.example/?utm_source=own"),
    ],
)
def test_utm_parameters(target: str, tagged: str) -> None:
    utm = {"utm_source": "m n"}
    assert rewrite(f'<a href="{target}">', utm).links[0].target == tagged
    assert (
        rewrite(f'<a href="{target}">', utm, track=False).source
        == f'<a href="{tagged.replace("&", "&amp;")}">'
    )


TEXT = st.text(alphabet="ab<>\"'= {}%/&;!-é\n", max_size=30)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(TEXT, st.sampled_from(["a", "b?c=1&amp;d", "{{ e }}"])), max_size=4), TEXT
)
def test_putting_the_targets_back_gives_the_source(parts: list[tuple[str, str]], end: str) -> None:
    html = "".join(f'{t}<a href="https://x.example/{p}">' for t, p in parts) + end
    rewritten = rewrite(html)
    restored = rewritten.source
    for link in rewritten.links:
        restored = restored.replace(f"{{{{ click_{link.index} }}}}", link.target)
    assert decode(restored).replace('"', "") == decode(html).replace('"', "")
