"""A subject that is quoted in the message."""

from __future__ import annotations

import pytest

from esp.content.prepare import Options, Source, prepare
from esp.content.subject import quote_subject

NAME = "{{ contact.first_name | default: 'you' }}"


@pytest.mark.parametrize(
    ("subject", "html", "text"),
    [
        ("Plain & simple", "{{ broadcast.subject }}", "{{ broadcast.subject }}"),
        (f"Tom & {NAME}", f"Tom &amp; {NAME}", f"Tom & {NAME}"),
        (f"{NAME} {{{{ broadcast.subject }}}}", f"{NAME} ", f"{NAME} "),
        (
            "{% if a < b %}<3{% endif %}",
            "{% if a < b %}&lt;3{% endif %}",
            "{% if a < b %}<3{% endif %}",
        ),
        ("{{ unfinished", "{{ broadcast.subject }}", "{{ broadcast.subject }}"),
    ],
)
def test_its_liquid_stands_where_it_is_quoted(subject: str, html: str, text: str) -> None:
    source = "<{{ broadcast.subject }}>{{- broadcast.subject -}}"
    for form, shown in ((True, html), (False, text)):
        quoted = quote_subject(source, subject, html=form)
        if "broadcast.subject" in shown:
            assert quoted == source
        else:
            assert quoted == f"<{shown}>{shown}"


def test_a_pasted_title_is_as_personal_as_the_subject() -> None:
    body = "<html><head><title>*|MC:SUBJECT|*</title></head><body><p>Hello</p></body></html>"
    prepared = prepare(Source("html", "*|FNAME|*, a & b", body), Options())
    assert not prepared.errors
    assert "<title>{{ contact.first_name }}, a &amp; b</title>" in (prepared.html or "")
