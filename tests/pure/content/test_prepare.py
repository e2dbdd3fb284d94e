"""(pure) The whole way from a source to the parts that are sent."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from esp.content import footer, liquid
from esp.content.css import insist
from esp.content.inline import Inliner, inline
from esp.content.prepare import FooterTexts, Options, PreparedContent, Source, prepare

SAMPLES = Path(__file__).parents[2] / "samples" / "newsletters"
TEXTS = FooterTexts("View in browser", "Preferences", "Unsubscribe & leave")
OPTIONS = Options(footer=TEXTS)
INLINERS: tuple[Inliner, ...] = ("premailer", "css-inline")
DATA = {
    "contact": {
        "first_name": "Ann",
        "city": "Solo",
        "sex": "f",
        "fields": {"basket": ["tea", "jam"]},
    },
    "account": {"name": "ACME", "postal_address": "Road 1\nTown"},
    "now": datetime(2030, 1, 1, tzinfo=UTC),
    "unsubscribe_url": "https://esp.example/u?a&b",
    "view_url": "https://esp.example/v",
    "preferences_url": "https://esp.example/p",
    "pixel_url": "https://esp.example/o.gif",
    "click_0": "https://esp.example/c/0",
}


def sample(name: str, inliner: Inliner = "premailer") -> PreparedContent:
    body = (SAMPLES / name).read_text(encoding="utf-8")
    return prepare(Source("html", "Hi", body), replace(OPTIONS, inliner=inliner))


def filled(prepared: PreparedContent) -> tuple[str, str]:
    assert prepared.html is not None
    return liquid.render(prepared.html, DATA, True), liquid.render(prepared.text, DATA, False)


def codes(prepared: PreparedContent) -> list[str]:
    return [problem.code for problem in prepared.problems]


@pytest.mark.parametrize("inliner", INLINERS)
@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_real_kinds_of_newsletters_come_through(name: str, inliner: Inliner) -> None:
    prepared = sample(name, inliner)
    assert "not-inlined" not in codes(prepared)
    assert not prepared.errors
    html, text = filled(prepared)
    assert footer.missing(prepared.html, prepared.text) == ()
    assert "{{" not in html + text
    assert "lq0x" not in html + text
    assert html.count("https://esp.example/o.gif") == 1


@pytest.mark.parametrize("inliner", INLINERS)
def test_a_responsive_mail_stays_responsive(inliner: Inliner) -> None:
    html, text = filled(sample("inline_free.html", inliner))
    assert html.startswith("<!doctype html>\n<html")
    box = html[html.index('<table class="box"') :].partition(">")[0]
    assert 'width="560"' in box
    assert "important" not in box
    assert ".box { width: 100% !important; }" in html
    assert ".box { width: 560px !important; padding: 20px; }" in html
    assert "<!--[if mso]></td></tr></table><![endif]-->" in html
    assert "<tr><td>tea</td></tr><tr><td>jam</td></tr>" in html
    assert "Dear Ann, the stalls open at eight." in text
    assert text.count("https://esp.example/c/0") == 2


def test_mailchimp_s_template_speaks_ours() -> None:
    prepared = sample("mailchimp_like.html")
    html, text = filled(prepared)
    assert prepared.unknown_tags == ("*|FORWARD|*",)
    assert codes(prepared) == ["empty-link", "unknown-tags"]
    assert "Hello Ann, good to see you." in html
    assert "© 2030 ACME" in text
    assert "Road 1\nTown" in text
    assert prepared.links[0].target == "http://shop.example/?id=1&copy=2"


def test_a_style_that_holds_liquid_is_joined_with_the_inlined_one() -> None:
    head = "<html><head><style>p{margin:0}</style></head>"
    html = head + '<body><p style="color:{{ c }};">x</p></body></html>'
    for inliner in INLINERS:
        assert 'style="margin:0;color:{{ c }};"' in inline(html, inliner).replace(": 0", ":0")


@pytest.mark.parametrize(
    ("css", "insisted"),
    [
        ("a{b:c}", "a{b:c}"),
        ("@media print{a{b:c;d:e !important}}", "@media print{a{b:c !important;d:e !important}}"),
        ("a:hover{b:c;}", "a:hover{b:c !important;}"),
        ("@media x{@font-face{b:c}}", "@media x{@font-face{b:c}}"),
        ("@media x{a{b:url(data:x;y)}}", "@media x{a{b:url(data:x;y) !important}}"),
        ("@keyframes x{from{b:c}}", "@keyframes x{from{b:c}}"),
        ("}{;@media", "}{;@media"),
    ],
)
def test_what_must_win_is_made_important(css: str, insisted: str) -> None:
    assert insist(css) == insisted


@pytest.mark.standard("FMT-09")
def test_a_text_part_is_made_and_says_the_same() -> None:
    body = (
        "<h1>Hello</h1><table><tr><td>One</td><td>{{ contact.first_name }}</td></tr></table>"
        '<p>See <a href="https://a.example/">the shop</a> or '
        '<a href="mailto:b@c.example">b@c.example</a>.</p>'
        "<ul>{% for b in contact.fields.basket %}<li>{{ b }}</li>{% endfor %}</ul>"
        '<img src="x" alt="A cat">'
        '<div style="display:none">hidden</div>&#123;&#123; not ours }}'
    )
    _, text = filled(prepare(Source("html", "s", body), Options()))
    assert "Hello\n\nOne\nAnn\n\nSee the shop (https://esp.example/c/0) or b@c.example." in text
    assert "tea" in text
    assert "A cat" in text
    assert "hidden" not in text
    assert "{ { not ours }}" in text


@pytest.mark.standard("FMT-09")
def test_a_given_text_part_is_kept() -> None:
    prepared = prepare(Source("html", "s", "<p>a</p>", "My own https://a.example/"), Options())
    assert prepared.text == "My own {{ click_0 }}"


def test_plain_text_has_no_html() -> None:
    prepared = prepare(Source("text", "s", "Hi {{ contact.first_name }}"), OPTIONS)
    assert prepared.html is None
    assert "Unsubscribe & leave: {{ unsubscribe_url }}" in prepared.text
    assert "{{ account.postal_address }}" in prepared.text


@pytest.mark.standard("LAW-01")
@pytest.mark.parametrize(
    ("html", "missing"),
    [
        ("<p>a</p>", ("unsubscribe_url", "account.postal_address")),
        ("{{ account.postal_address }}", ("unsubscribe_url",)),
        ("{{ account.postal_address }}<!-- {{ unsubscribe_url }} -->", ("unsubscribe_url",)),
        ('{{ account.postal_address }}<a href="{{ unsubscribe_url }}">x</a>', ()),
        (
            "{{ account.postal_address }}{% comment %}{{ unsubscribe_url }}{% endcomment %}",
            ("unsubscribe_url",),
        ),
    ],
)
def test_what_the_law_asks_for_is_missed_and_added(html: str, missing: tuple[str, ...]) -> None:
    complete = "{{ unsubscribe_url }} {{ account.postal_address }}"
    assert footer.missing(html, complete) == missing
    assert footer.missing(footer.with_footer(html, TEXTS), complete) == ()
    assert (footer.with_footer(html, TEXTS) == html) == (missing == ())


@pytest.mark.standard("LIST-12")
def test_the_footer_shows_a_link_to_leave() -> None:
    html, text = filled(prepare(Source("html", "s", "<body><p>a</p></body>"), OPTIONS))
    assert '<a href="https://esp.example/u?a&amp;b"' in html
    assert "Unsubscribe &amp; leave</a>" in html
    assert "https://esp.example/u?a&b" in text


def test_preheader_and_pixel_stand_at_the_edges_of_the_body() -> None:
    source = Source(
        "html", "s", '<html><body class="x"><p>a</p></body></html>', None, "5 < 6 {{ a }}"
    )
    html = prepare(source, Options()).html or ""
    assert '<body class="x"><span style="display:none' in html
    assert ">5 &lt; 6 {{ a }}&#847;" in html
    assert "pixel_url" in html[html.index("</p>") :]
    assert html.endswith("></body></html>")
    assert "pixel_url" not in (prepare(source, Options(track_opens=False)).html or "")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("<p>" + "long words " * 12_000 + "</p>", "too-large"),
        ('<img src="a" alt="b">', "only-images"),
        ("<img src='a'>" + " word" * 20, "missing-alt"),
        ('<a href="#">x</a>', "empty-link"),
        ("*|FORWARD|*", "unknown-tags"),
    ],
)
@pytest.mark.standard("FMT-14")
def test_what_makes_a_mail_worse_is_a_warning(body: str, code: str) -> None:
    prepared = prepare(Source("html", "s", body), Options())
    assert codes(prepared) == [code]
    assert prepared.html
    assert not prepared.errors
    assert prepared.problems[0].sentence


@pytest.mark.parametrize(
    "source",
    [
        Source("html", "{{ x", "a"),
        Source("html", "s", "{% if %}"),
        Source("text", "s", "{% include 'x' %}"),
        Source("mjml", "s", "<mj-body/>"),
        Source("html", "s", "a", "{{ x | nope }}"),
        Source("html", "s", "a", None, "{% for %}"),
        Source("html", "s", "<p>a <!-- b"),
        Source("html", "s", "<style>a{b:c}"),
        Source("html", "s", "<a href='"),
    ],
)
def test_an_error_leaves_no_parts(source: Source) -> None:
    prepared = prepare(source, OPTIONS)
    assert prepared.errors
    assert (prepared.html, prepared.text) == (None, "")


def test_a_subject_is_one_line() -> None:
    assert prepare(Source("text", "a\r\nBcc: b\n c", "x"), Options()).subject == "a Bcc: b c"


def test_a_long_newsletter_is_prepared_quickly() -> None:
    link = '<a href="https://a.example/{n}">Story</a>'
    row = f'<tr class="r"><td class="c">{link} {{{{ contact.first_name }}}}</td></tr>'
    css = "".join(f".k{n} {{ color: red; margin: {n}px }}" for n in range(100))
    rows = "".join(row.replace("{n}", str(n)) for n in range(550))
    head = f"<html><head><style>.r td {{ padding: 3px }}{css}</style></head>"
    body = f"{head}<body><table>{rows}</table></body></html>"
    assert len(body) > 55_000
    begun = time.process_time()
    prepared = prepare(Source("html", "s", body), OPTIONS)
    assert time.process_time() - begun < 2.0
    assert len(prepared.links) == 550


MARKUP = st.sampled_from(
    [
        "<p>",
        "</p>",
        "<table>",
        "<tr>",
        "<td",
        ' style="',
        ' href="',
        "https://a.example/",
        '"',
        ">",
        "<style>",
        "a{b:c}",
        "@media x{",
        "}",
        "</style>",
        "{{ a }}",
        "{% if a %}",
        "{% endif %}",
        "<!--",
        "-->",
        "<body>",
        "</html>",
        "<html>",
        "<head>",
        "*|FNAME|*",
        "*|IF:X|*",
        "&#123;&#123;",
        "\x00",
        "�",
        "é",
        " ",
        "<a",
        "<mjml>",
        "<mj-body>",
        "<mj-text>",
        "</mj-text>",
        "<mj-section>",
        "lqt0oe",
        "<img alt=x>",
        "<![if x]>",
    ]
)
ANYTHING = st.one_of(st.text(max_size=60), st.lists(MARKUP, max_size=20).map("".join))


@settings(max_examples=250, deadline=None)
@given(ANYTHING, st.sampled_from(["html", "mjml", "text"]), st.sampled_from(INLINERS))
@example("<b>" * 5000, "html", "premailer")
@example("<style>a[{}</style><p>x", "html", "premailer")
@example("<style>" + "(" * 20_000, "html", "css-inline")
def test_nothing_that_is_written_breaks_the_pipeline(
    body: str, kind: str, inliner: Inliner
) -> None:
    source = Source(kind, body[:50], body, body if len(body) % 2 else None, body[:20])  # type: ignore[arg-type]  # sampled
    prepared = prepare(source, replace(OPTIONS, inliner=inliner))
    if prepared.errors:
        return
    assert liquid.check(prepared.text) == []
    assert prepared.html is None or liquid.check(prepared.html) == []
    assert footer.missing(prepared.html, prepared.text) == ()
