"""(pure) Mailchimp's merge tags in our words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from esp.content import liquid
from esp.content.foreign import Translated, translate


@pytest.mark.parametrize(
    ("tag", "ours"),
    [
        ("*|FNAME|*", "{{ contact.first_name }}"),
        ("*|LNAME|*", "{{ contact.last_name }}"),
        ("*|EMAIL|*", "{{ contact.email }}"),
        ("*|MERGE5|*", "{{ contact.fields.merge5 }}"),
        ("*|SHOE_SIZE|*", "{{ contact.fields.shoe_size }}"),
        ("*|UPPER:FNAME|*", "{{ contact.first_name | upcase }}"),
        ("*|UNSUB|*", "{{ unsubscribe_url }}"),
        ("*|UPDATE_PROFILE|*", "{{ preferences_url }}"),
        ("*|ARCHIVE|*", "{{ view_url }}"),
        ("*|MC:SUBJECT|*", "{{ broadcast.subject }}"),
        ("*|LIST:COMPANY|*", "{{ account.name }}"),
        ("*|HTML:LIST_ADDRESS_HTML|*", "{{ account.postal_address | newline_to_br }}"),
        ("*|DATE:d/m/Y|*", '{{ now | date: "%d/%m/%Y" }}'),
        (
            "*|IF:VIP|*a*|ELSE:|*b*|END:IF|*",
            '{% if contact.fields.vip and contact.fields.vip != "" %}a{% else %}b{% endif %}',
        ),
        ("*|IF:CITY=Bandung|*a*|END:IF|*", '{% if contact.city == "Bandung" %}a{% endif %}'),
        ("*|IF:AGE &gt;= 18|*a*|END:IF|*", "{% if contact.fields.age >= 18 %}a{% endif %}"),
        ("*|IFNOT:ARCHIVE_PAGE|*a*|END:IF|*", "{% unless archive_page %}a{% endunless %}"),
        ("2 * |3| * 4 {{ ours }}", "2 * |3| * 4 {{ ours }}"),
    ],
)
def test_a_tag_is_translated(tag: str, ours: str) -> None:
    assert translate(tag) == Translated(ours, ())
    assert liquid.check(ours) == []


@pytest.mark.parametrize(
    "tag", ["*|FORWARD|*", "*|TWITTER:PROFILEURL|*", "*|END:IF|*", "*|ELSE:|*"]
)
def test_an_unknown_tag_becomes_empty_and_is_told(tag: str) -> None:
    translated = translate(f"a{tag}b{tag}")
    assert (translated.source, translated.unknown) == ("ab", (tag,))


@pytest.mark.parametrize(
    "source", ["*|IF:A|*x", "*|IF:A|**|IF:B|*x*|END:IF|*", "*|IF:a b!|*x*|END:IF|*"]
)
def test_broken_conditions_stay_templates(source: str) -> None:
    assert liquid.check(translate(source).source) == []


def test_the_year() -> None:
    data = {"now": datetime(2031, 1, 1, tzinfo=UTC)}
    assert liquid.render(translate("*|CURRENT_YEAR|*").source, data, True) == "2031"
