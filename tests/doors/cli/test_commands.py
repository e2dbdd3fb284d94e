"""Commands that need no running service."""

from __future__ import annotations

import email
import email.policy
import json

import pytest
from click.testing import CliRunner

from esp.entrypoints.cli import main

HTML = """<html><head><title>Our autumn</title><style>p { color: teal }</style></head><body>
<p>Hello {{ contact.first_name | default: "friend" }}, *|FNAME|*</p>
<a href="https://acme.example/shop">Shop</a></body></html>"""
MJML = """<mjml><mj-body><mj-section><mj-column><mj-text>Hi {{ contact.fields.plan }}</mj-text>
</mj-column></mj-section></mj-body></mjml>"""


def run(*arguments: str, given: bytes = b""):
    return CliRunner().invoke(main, arguments, input=given)


def parse(result):
    assert result.exit_code == 0, result.stderr
    return email.message_from_bytes(result.stdout_bytes, policy=email.policy.default)


def test_address_check_prints_a_line_of_json_for_each_line():
    result = run("address", "check", given=b"Ann@Example.com\nnobody\n\xff@example.com\n")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert rows == [
        {
            "address": "Ann@Example.com",
            "valid": True,
            "normalized": "ann@example.com",
            "reason": None,
        },
        {"address": "nobody", "valid": False, "normalized": None, "reason": "no_at"},
        {"address": "�@example.com", "valid": False, "normalized": None, "reason": "encoding"},
    ]


def test_render_prints_the_complete_message(tmp_path):
    path = tmp_path / "mail.html"
    path.write_text(HTML)
    message = parse(run("render", "--template", str(path), "--contact", '{"first_name": "Zoë"}'))
    html = message.get_body(("html",)).get_content()
    assert message["Subject"] == "Our autumn"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "Hello Zoë, Zoë" in html
    assert 'style="color:teal"' in html.replace(": ", ":")
    assert "acme.example" not in html  # leads through the click door
    assert "Hello Zoë" in message.get_body(("plain",)).get_content()


def test_render_takes_mjml_and_own_fields(tmp_path):
    path = tmp_path / "mail.mjml"
    path.write_text(MJML)
    message = parse(run("render", "--template", str(path), "--contact", '{"plan": "gold"}'))
    assert "Hi gold" in message.get_body(("html",)).get_content()


@pytest.mark.parametrize(
    ("name", "body", "contact", "told"),
    [
        ("mail.doc", "x", "", "must end in"),
        ("mail.html", "<p>{% if %}</p>", "", "line 1"),
        ("mail.mjml", "<mjml><mj-body><mj-wrong/></mj-body></mjml>", "", "mj-wrong"),
        ("mail.html", "<p>x</p>", "{", "not JSON"),
        ("mail.html", "<p>x</p>", "[1]", "JSON object"),
    ],
    ids=["ending", "liquid", "mjml", "broken json", "no object"],
)
def test_render_says_what_is_wrong(tmp_path, name, body, contact, told):
    path = tmp_path / name
    path.write_text(body)
    result = run("render", "--template", str(path), "--contact", contact)
    assert result.exit_code == 1
    assert told in result.stderr


def test_a_wrong_setting_is_named(monkeypatch):
    monkeypatch.setenv("ESP_WEB_WORKERS", "none")
    result = run("worker")
    assert result.exit_code == 2
    assert "ESP_WEB_WORKERS" in result.stderr
