"""A filled plan is one well-formed message that says what the templates say for this person."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_string, policy
from typing import Any

import dkim.canonicalization
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from esp.content.liquid import render
from esp.content.prepare import Options, Source, prepare
from esp.delivery.plan import FillError, compile_plan, render_browser, urls
from esp.errors import Invalid
from tests.pure.delivery.plan.plans import (
    DATE,
    RECIPIENT,
    SETTINGS,
    TOKEN,
    Prepared,
    filled,
    for_data,
    parsed,
    parts,
)

AWKWARD = st.lists(
    st.sampled_from([".", "From ", "  ", " ", "\t", "\n", "=", "<b>", "&", '"', "ä", "\U0001f600"])
    | st.text(
        st.characters(exclude_characters="{}\r\0\ufeff", exclude_categories=["Cs"]), max_size=9
    )
    | st.sampled_from("a. ").map(lambda letter: letter * 90),
    max_size=12,
).map("".join)

TAGS = st.sampled_from(
    [
        "{{ contact.first_name }}",
        '{{ contact.first_name | default: "friend" }}',
        "{{ contact.first_name | upcase }}",
        "{{ contact.first_name | size }}",
        '{{contact.first_name|strip|capitalize|default:"fr & iend"}}',
        "{{ contact.orders | downcase | default: 'a | upcase' | upcase }}",
        "{{ contact.orders }}",
        "{{ contact.orders | default: 'none' }}",
        "{{ contact.missing | default: '<none>' }}",
        "{{ contact.first_name | append: unsubscribe_url }}",
        "{{ contact['first_name'] }}{{ contact.first_name.size }}",
        "{{ contact }}{{ missing.at.all }}{{ 'constant & text' }}",
        "{% if contact.orders %}{{ contact.first_name }} has{% else %}none{% endif %}",
        "{% for n in (1..3) %}{{ n }}. {{ contact.first_name }}\n{% endfor %}",
        "{% assign who = contact.first_name | upcase %}",
        "{{ who }}{% comment %}nothing{% endcomment %}",
        "{% capture contact2 %}{{ who }}!{% endcapture %}{{ contact2 }}",
        "{{ click_1 }}",
        "{% if contact.orders %}{{ click_2 }}{% endif %}",
        "{{ unsubscribe_url }} {{ preferences_url }} {{ view_url }}",
    ]
)
TEMPLATES = st.lists(TAGS | AWKWARD, max_size=10).map("".join)
VALUES = AWKWARD | st.none() | st.booleans() | st.integers() | st.lists(st.text("ab&", max_size=3))

OUR_URLS = urls.merge_urls("https://mail.example.com", "https://t.example.com", range(3), TOKEN)


@pytest.mark.standard("SMTP-01")
@pytest.mark.standard("SMTP-02")
@pytest.mark.standard("SMTP-03")
@pytest.mark.standard("FMT-07")
@pytest.mark.standard("FMT-08")
@pytest.mark.standard("FMT-10")
@given(TEMPLATES, TEMPLATES | st.none(), VALUES, VALUES)
@example("{{ contact.first_name }}", None, "\n\n", None)
@example("", None, "", None)
@example("a{{ contact.first_name }}", "{{ contact.first_name }}", ".\nFrom \n ", None)
def test_any_message_says_what_its_templates_say(
    text: str, html: str | None, name: Any, orders: Any
) -> None:
    data = {"contact": {"first_name": name, "orders": orders}}
    plan = compile_plan(Prepared(text=text, html=html), SETTINGS)
    # Twice for this person with somebody else in between: nothing remembered may leak.
    first = plan.fill(for_data(**data), DATE, TOKEN)
    plan.fill(for_data(contact={"first_name": "Else", "orders": 3}), DATE, "0" * 40)
    message = plan.fill(for_data(**data), DATE, TOKEN)
    assert message == first
    assert_ready_for_data(message)
    text_part, html_part = parts(message)
    assert text_part == _read(render(text, {**data, **OUR_URLS}, html=False))
    assert html_part == (None if html is None else _read(render(html, {**data, **OUR_URLS}, True)))


def assert_ready_for_data(message: bytes) -> None:
    """What a server may insist on, and what DKIM's relaxed form would otherwise change."""
    assert message.isascii()
    assert message.endswith(b"\r\n")
    head, _, body = message.partition(b"\r\n\r\n")
    for line in message.split(b"\r\n"):
        assert b"\r" not in line
        assert b"\n" not in line
        assert len(line) <= 998
        assert not line.startswith((b".", b"From "))
    assert all(len(line) <= 78 for line in head.split(b"\r\n"))
    assert all(len(line) <= 76 for line in body.split(b"\r\n"))
    assert dkim.canonicalization.Relaxed.canonicalize_body(body) == body


@pytest.mark.standard("FMT-01")
@pytest.mark.standard("FMT-10")
@pytest.mark.standard("LIST-01")
@pytest.mark.parametrize("html", [None, "<p>{{ contact.city }}</p>"])
def test_each_header_stands_once(html: str | None) -> None:
    settings = replace(SETTINGS, reply_to="answers@example.com", language="id")
    read = parsed(filled(Prepared(html=html), settings))
    names = [name.lower() for name in read]
    assert len(set(names)) == len(names)
    assert set(names) >= {"date", "from", "to", "reply-to", "subject", "message-id"}
    assert read["MIME-Version"] == "1.0"
    assert read["Reply-To"] == "answers@example.com"
    assert read["Content-Language"] == "id"
    leaves = [part for part in read.walk() if not part.is_multipart()]
    assert [part.get_content_charset() for part in leaves] == ["utf-8"] * len(leaves)


@pytest.mark.standard("FMT-02")
def test_message_ids_are_unique_per_recipient_and_stable() -> None:
    assert parsed(filled())["Message-ID"] == f"<{TOKEN}@example.com>"
    assert filled(token="other") != filled()
    assert filled() == filled()


@pytest.mark.standard("FMT-09")
def test_text_comes_first_and_html_last() -> None:
    read = parsed(filled())
    assert read.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert parsed(filled(Prepared(html=None))).get_content_type() == "text/plain"


@pytest.mark.standard("FMT-08")
def test_the_boundary_is_legal_and_cannot_occur_in_a_part() -> None:
    boundary = parsed(filled()).get_boundary()
    assert boundary is not None
    assert re.fullmatch(r"=_[0-9a-f]{24}", boundary)
    told = filled(
        Prepared(html=f"--{boundary}\n{{{{ x }}}}", text=f"\n--{boundary}--\n"),
        recipient=for_data(x=f"\r\n--{boundary}--\r\n"),
    )
    text, html = parts(told)
    assert f"--{boundary}--" in text
    assert html == f"--{boundary}\n\n--{boundary}--"


@pytest.mark.standard("FMT-12")
def test_the_date_has_a_numeric_zone() -> None:
    plan = compile_plan(Prepared(), SETTINGS)
    assert b"Date: Fri, 20 Nov 2026 09:30:05 +0000\r\n" in plan.fill(RECIPIENT, DATE, TOKEN)
    later = datetime(2026, 11, 20, 9, 30, 6, tzinfo=UTC)
    assert b"09:30:06 +0000\r\n" in plan.fill(RECIPIENT, later, TOKEN)
    with pytest.raises(ValueError, match="zone"):
        plan.fill(RECIPIENT, datetime(2026, 11, 20), TOKEN)  # noqa: DTZ001 - what is refused


@pytest.mark.standard("FMT-13")
def test_the_only_recipient_named_is_the_recipient() -> None:
    read = parsed(filled(recipient=replace(RECIPIENT, name="Souza, Ana\nBcc: x@example.com")))
    assert [address.addr_spec for address in read["To"].addresses] == ["ana@example.net"]
    assert read["Cc"] is None
    assert read["Bcc"] is None


@pytest.mark.standard("LIST-01")
@pytest.mark.standard("LIST-02")
@pytest.mark.standard("LIST-03")
@pytest.mark.standard("LIST-04")
def test_list_headers_of_marketing_mail() -> None:
    message = filled()
    assert (
        "List-Id: Weekly news <l12.lists.example.com>\r\n"
        f"List-Unsubscribe: <https://mail.example.com/u/{TOKEN}>,\r\n"
        f" <mailto:u+{TOKEN}@bounce.example.com>\r\n"
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    ) in message.decode()
    without = filled(settings=replace(SETTINGS, unsubscribe_mailto=False, list_id=None))
    assert b"List-Unsubscribe: <https://mail.example.com/u/%s>\r\n" % TOKEN.encode() in without
    assert b"List-Id" not in without


@pytest.mark.standard("LIST-13")
def test_transactional_mail_has_no_list_headers() -> None:
    message = filled(settings=replace(SETTINGS, kind="transactional"))
    assert b"List-" not in message
    assert b"Precedence" not in message
    assert parsed(message)["Auto-Submitted"] == "auto-generated"


@pytest.mark.standard("LIST-14")
def test_headers_that_keep_automatic_answers_away() -> None:
    read = parsed(filled())
    assert read["Precedence"] == "bulk"
    assert read["Auto-Submitted"] == "auto-generated"
    assert read["X-Auto-Response-Suppress"] == "OOF, AutoReply"
    assert read["Feedback-ID"] == "b4211:a7:marketing:example"


@pytest.mark.standard("FMT-04")
@pytest.mark.standard("FMT-05")
@pytest.mark.parametrize(
    ("subject", "data", "shown"),
    [
        ("News", {}, "News"),
        ("News für {{ contact.first_name }}", {"first_name": "Zoë"}, "News für Zoë"),
        ("Hi {{ contact.first_name }}", {"first_name": "A\r\nBcc: x@y.zz"}, "Hi A Bcc: x@y.zz"),
        ("{{ contact.first_name }}", {}, ""),
        ("{% if contact.vip %}Dear {{ contact.vip }}{% else %}Hi{% endif %}!", {}, "Hi!"),
        (
            "{% assign a = contact.n %}{{ a }} {{ contact.n | upcase }} ok",
            {"n": "x\0y"},
            "x y X Y ok",
        ),
        ("At {{ view_url }} {{ x }}", {}, f"At https://mail.example.com/v/{TOKEN}"),
        ("See {{ view_url }}", {}, f"See https://mail.example.com/v/{TOKEN}"),
    ],
)
def test_subjects(subject: str, data: dict[str, str], shown: str) -> None:
    message = filled(Prepared(subject=subject), recipient=for_data(contact=data))
    assert_ready_for_data(message)
    assert parsed(message)["Subject"].strip() == shown


@pytest.mark.standard("FMT-04")
@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"from_name": "A\r\nBcc: x@example.com"}, "from_name"),
        ({"from_address": "a@example.com\nBcc: b"}, "from_address"),
        ({"from_address": "not an address"}, "from_address"),
        ({"reply_to": "a@example.com\r\n"}, "reply_to"),
        ({"base_url": "https://mail.example.com/>"}, "base_url"),
        ({"base_url": "mail.example.com"}, "base_url"),
        ({"tracking_base_url": "https://t.example.com\n"}, "tracking_base_url"),
        ({"bounce_domain": "a b"}, "bounce_domain"),
        ({"message_id_domain": "x>"}, "message_id_domain"),
        ({"feedback_id": ("a:b",)}, "feedback_id"),
        ({"feedback_id": ("a", "b", "c", "d", "e")}, "feedback_id"),
        ({"language": "en\r\n"}, "language"),
        ({"list_id": replace(SETTINGS.list_id, name="a\r\nb")}, "list_id"),  # type: ignore[type-var]  # it has one
        ({"list_id": replace(SETTINGS.list_id, label="a b")}, "list_id"),  # type: ignore[type-var]  # it has one
    ],
)
def test_settings_that_no_header_can_hold(change: dict[str, Any], place: str) -> None:
    with pytest.raises(Invalid) as raised:
        compile_plan(Prepared(), replace(SETTINGS, **change))
    assert raised.value.place == place


@pytest.mark.standard("FMT-04")
@pytest.mark.parametrize("subject", ["a\r\nBcc: b", "a\nb", "a\0b"])
def test_a_subject_of_several_lines_is_refused(subject: str) -> None:
    with pytest.raises(Invalid, match="subject"):
        compile_plan(Prepared(subject=subject), SETTINGS)


@pytest.mark.standard("EAI-01")
@pytest.mark.standard("EAI-04")
@pytest.mark.parametrize("name", ["", "Ann Plain", "Jürgen Groß", "名" * 60])
@pytest.mark.parametrize(
    "email", ["büro@example.com", "用户@xn--fsqu00a.example", "é" * 32 + "@b.zz"]
)
def test_an_international_address_stands_in_its_header_as_it_is(name: str, email: str) -> None:
    message = filled(recipient=replace(RECIPIENT, email=email, name=name))
    head, _, body = message.partition(b"\r\n\r\n")
    read = message_from_string(message.decode(), policy=policy.SMTPUTF8)
    [to] = read["To"].addresses
    # The library leaves the spaces between encoded-words in.
    assert (to.addr_spec, to.display_name.replace(" ", "")) == (email, name.replace(" ", ""))
    # Nothing else of the message needs more than ASCII.
    assert head.replace(email.encode(), b"").isascii()
    assert body.isascii()
    assert max(map(len, head.split(b"\r\n"))) <= 998


@pytest.mark.parametrize(
    "email",
    ["a@b.zz\r\nBcc: c@d.zz", "a b@example.com", "bü ro@example.com", "bü@b.zz>", "b\u2028ü@b.zz",
     "b\ud800@b.zz", "bü", "bü@bü.example", "é" * 128 + "@b.zz"],
)  # fmt: skip
def test_an_address_that_no_header_can_hold_is_this_recipients_failure(email: str) -> None:
    with pytest.raises(FillError):
        filled(recipient=replace(RECIPIENT, email=email))


def test_too_much_for_one_person_is_this_recipients_failure() -> None:
    loop = "{% for i in (1..9999) %}{% for j in contact.more %}x{% endfor %}{% endfor %}"
    plan = compile_plan(Prepared(text=loop), SETTINGS)
    assert plan.fill(for_data(contact={}), DATE, TOKEN)
    with pytest.raises(FillError):
        plan.fill(for_data(contact={"more": [1, 2, 3]}), DATE, TOKEN)
    with pytest.raises(FillError):
        render_browser(Prepared(html=loop), for_data(contact={"more": [1, 2, 3]}), OUR_URLS)


@pytest.mark.standard("TRK-07")
@pytest.mark.parametrize(
    "pixel",
    [
        '<img src="{{ pixel_url }}" width="1" height="1" alt="">',
        '<img alt="" src="{{ pixel_url }}"/>',
    ],
)
def test_the_pixel_is_left_out_for_who_is_not_tracked(pixel: str) -> None:
    content = Prepared(html=f"<p>Hi <b>you</b></p>{pixel}<p>Bye</p>")
    with_pixel = pixel.replace("{{ pixel_url }}", f"https://t.example.com/o/{TOKEN}.gif")
    assert parts(filled(content))[1] == f"<p>Hi <b>you</b></p>{with_pixel}<p>Bye</p>"
    untracked = replace(RECIPIENT, track_opens=False)
    message = filled(content, recipient=untracked)
    assert_ready_for_data(message)
    assert parts(message)[1] == "<p>Hi <b>you</b></p><p>Bye</p>"
    assert render_browser(content, RECIPIENT, OUR_URLS) == "<p>Hi <b>you</b></p><p>Bye</p>"


def test_a_pixel_address_in_a_condition_is_empty_for_who_is_not_tracked() -> None:
    content = Prepared(html="{% if pixel_url != '' %}[{{ pixel_url }}]{% endif %}!")
    assert parts(filled(content))[1] == f"[https://t.example.com/o/{TOKEN}.gif]!"
    assert parts(filled(content, recipient=replace(RECIPIENT, track_opens=False)))[1] == "!"


def test_prepared_content_goes_through_with_its_links_and_pixel() -> None:
    body = '<p>Hi {{ contact.first_name }}, <a href="https://example.com/a?b=1">read</a></p>'
    content = prepare(Source("html", "For {{ contact.first_name }}", body), Options())
    plan = compile_plan(content, SETTINGS)
    text, html = parts(plan.fill(RECIPIENT, DATE, TOKEN))
    assert html is not None
    assert f'href="https://t.example.com/c/{TOKEN}/0"' in html
    assert f"https://t.example.com/c/{TOKEN}/0" in text
    assert f'src="https://t.example.com/o/{TOKEN}.gif"' in html
    _, untracked = parts(plan.fill(replace(RECIPIENT, track_opens=False), DATE, TOKEN))
    assert untracked is not None
    assert "<img" not in untracked


def test_the_browser_sees_what_the_mail_says() -> None:
    content = Prepared(
        html="<p>{{ contact.first_name }} <a href='{{ click_1 }}'>x</a>{% if true %}y{% endif %}",
        text="{{ contact.first_name }}",
    )
    person = for_data(contact={"first_name": "<Ana>"})
    assert render_browser(content, person, OUR_URLS) == parts(filled(content, recipient=person))[1]
    assert "<pre>&lt;Ana&gt;</pre>" in render_browser(replace(content, html=None), person, OUR_URLS)


@pytest.mark.parametrize("token", ["", "a b", "a\r\n", "ä", "a" * 63, "a/b"])
def test_only_tokens_are_taken_for_tokens(token: str) -> None:
    with pytest.raises(ValueError, match="token"):
        filled(token=token)


def _read(text: str) -> str:
    """As a mail program gives it back: line ends alike, without those at the end."""
    return text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
