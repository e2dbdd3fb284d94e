"""`esp render`: a template file as the message that would go out."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from re import DOTALL, IGNORECASE, search
from typing import Any

import click
import orjson

from esp import config
from esp.broadcasts.wording import FOOTERS
from esp.contacts.merge import COLUMNS, contact_data
from esp.content.prepare import Options, PreparedContent, Source, prepare
from esp.delivery.plan import ListId, PlanRecipient, PlanSettings, compile_plan
from esp.errors import N_, Invalid
from esp.tokens import Keyring, RecipientSigner

KINDS = {".html": "html", ".htm": "html", ".mjml": "mjml", ".txt": "text"}
# Nobody's: a rendered message is looked at, its links lead to no recipient.
KEY = b"esp render signs for nobody"
SAMPLE = {"email": "reader@example.com", "first_name": "Alex", "last_name": "Taylor"}


@click.command()
@click.option(
    "--template", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=True
)
@click.option(
    "--contact", default="", help="JSON of the contact's fields, or a file that holds it."
)
@click.option("--subject", default="", help="Subject; else the template's title.")
@click.option("--language", type=click.Choice(sorted(FOOTERS)), default="en")
def render(template: Path, contact: str, subject: str, language: str) -> None:
    """Print the complete message of a template (.html, .mjml, .txt) for one contact.

    What it lacks of the required footer is added; what was noticed goes to standard error.
    """
    kind = KINDS.get(template.suffix.lower())
    if kind is None:
        raise Invalid(N_("The template must end in .html, .mjml or .txt."), str(template))
    person = _person(contact)
    body = template.read_bytes().decode("utf-8", "replace")
    source = Source(kind, subject or _title(body) or template.stem, body)  # type: ignore[arg-type]  # one of KINDS
    content = prepare(source, Options(footer=FOOTERS[language]))
    _tell(content)
    sys.stdout.buffer.write(_message(content, person, language))


def _person(text: str) -> dict[str, Any]:
    if text and not text.lstrip().startswith("{"):
        text = Path(text).read_text() if Path(text).is_file() else text
    try:
        given: Any = orjson.loads(text) if text else SAMPLE
    except orjson.JSONDecodeError as error:
        raise Invalid(N_("The contact is not JSON: %(error)s"), "--contact", error=error) from None
    if not isinstance(given, dict):
        raise Invalid(N_("The contact must be a JSON object."), "--contact")
    own = {key: value for key, value in given.items() if key not in COLUMNS}
    columns: dict[str, Any] = {**dict.fromkeys(COLUMNS, ""), **given}
    columns["fields"] = own | dict(given.get("fields") or {})
    # `contact.plan` for an own field too: a file has no account that says which are its own.
    return {**own, **contact_data(columns)}


def _title(body: str) -> str:
    found = search(r"<(?:mj-)?title[^>]*>(.*?)</", body, DOTALL | IGNORECASE)
    title = " ".join(unescape(found.group(1)).split()) if found else ""
    # A title that repeats the subject by a merge tag says nothing of its own.
    return "" if "*|" in title or "{{" in title else title


def _tell(content: PreparedContent) -> None:
    for problem in content.problems:
        place = f" (line {problem.line})" if problem.line else ""
        click.echo(f"{problem.kind}: {problem.sentence}{place}", err=True)
    if content.errors:
        first = content.errors[0]
        raise Invalid(first.sentence)


def _message(content: PreparedContent, person: dict[str, Any], language: str) -> bytes:
    settings = config.load()
    domain = settings.bounce_domain
    plan = compile_plan(
        content,
        PlanSettings(
            base_url=settings.public_url,
            tracking_base_url=settings.public_tracking_url,
            bounce_domain=domain,
            message_id_domain=domain,
            from_name="Example",
            from_address=f"news@{domain}",
            account_id=1,
            broadcast_id=1,
            list_id=ListId("list-1.account-1", "Example", domain),
            feedback_id=("1", "example", "broadcast", "esp"),
            language=language,
        ),
    )
    account = {"name": "Example", "postal_address": "1 Main Street\n10110 Jakarta", "url": ""}
    now = datetime.now(UTC)
    data = {
        "contact": person,
        "account": account,
        "broadcast": {"name": content.subject, "subject": content.subject},
        "list": {"name": "Example"},
        "now": now,
    }
    recipient = PlanRecipient(1, person["email"] or SAMPLE["email"], person["name"], data)
    return plan.fill(recipient, now, RecipientSigner(Keyring([KEY]), 1, 1).token(1))
