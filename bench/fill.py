"""How fast a plan is filled, against the same message made with python-liquid and EmailMessage.

The reference parses its templates once as well. Before anything is measured, the decoded parts and
headers of both messages are compared for many recipients.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from itertools import count

from liquid import Environment

from bench.results import Figure, figure
from esp.delivery.plan import ListId, PlanRecipient, PlanSettings, compile_plan, urls
from esp.tokens import Keyring, RecipientSigner, recipient_token

KEYS = Keyring((b"a key for the bench, not a secret",))
SETTINGS = PlanSettings(
    base_url="https://mail.example.com",
    tracking_base_url="https://t.example.com",
    bounce_domain="bounce.example.com",
    message_id_domain="example.com",
    from_name="Example News",
    from_address="news@example.com",
    account_id=7,
    broadcast_id=4211,
    list_id=ListId("l12", "Weekly news", "lists.example.com"),
    feedback_id=("b4211", "a7", "marketing", "example"),
)
DATE = datetime(2026, 11, 20, 9, 30, 5, tzinfo=UTC)
FIRST_NAMES = ("Ana", "Budi", "Zoë", "Claire", "Dewi", "Łukasz", "Mei", "Jean-Luc", "O'Neill", "")
CITIES = ("Jakarta", "Porto", "Köln", "New York", "São Paulo", "Den Haag", "Lyon", "Bandung")
LINKS = 30
FIELDS = (
    'contact.first_name | default: "friend"',
    "contact.city",
    "contact.email",
    "contact.code",
    "contact.company | upcase",
)
FILLER = (
    "Our editors have read through the week's news for you and picked what matters most; "
    "open the full article to see the pictures, the numbers & the people behind the story. "
)
LOGIC = (
    "{% if contact.vip %}<p>As a member, {{ contact.first_name }}, you read it first: "
    '<a href="{{ click_3 }}">open</a>.</p>{% else %}<p>Become a member today.</p>{% endif %}\n',
    "<ul>{% for item in contact.items %}"
    "<li>{{ item.name }}: {{ item.price }}</li>{% endfor %}</ul>\n",
)


@dataclass(frozen=True)
class Link:
    index: int


@dataclass(frozen=True)
class Prepared:
    subject: str
    html: str
    text: str
    links: tuple[Link, ...]


def content(logic: bool) -> Prepared:
    """About 20 kB on the wire: 30 links, a pixel, 20 merge tags (one of them in the subject)."""
    html = ['<!doctype html><html><body style="margin:0;padding:0">\n']
    text = ["Weekly news\n\n"]
    for n in range(LINKS):
        html.append(
            '<table role="presentation" width="100%"><tr><td style="padding:12px 24px;color:#222">'
            f"<h2>Story {n}</h2><p>{FILLER}</p>"
            f'<a href="{{{{ click_{n} }}}}" style="color:#06c">Read on</a></td></tr></table>\n'
        )
        text.append(f"Story {n}\n{FILLER[:84]}\n{{{{ click_{n} }}}}\n\n")
        if n < 10:
            html.append(f"<p>For {{{{ {FIELDS[n % 5]} }}}} only.</p>\n")
        if n < 9:
            text.append(f"For {{{{ {FIELDS[n % 5]} }}}} only.\n")
        if logic and n % 10 == 5:
            html.extend(LOGIC)
    html.append(
        '<p><a href="{{ unsubscribe_url }}">Unsubscribe</a> <a href="{{ view_url }}">View</a></p>'
        '<img src="{{ pixel_url }}" width="1" height="1" alt=""></body></html>'
    )
    text.append("Unsubscribe: {{ unsubscribe_url }}")
    return Prepared(
        'News for {{ contact.first_name | default: "you" }}',
        "".join(html),
        "".join(text),
        tuple(Link(n) for n in range(LINKS)),
    )


def recipient(seq: int) -> PlanRecipient:
    first = FIRST_NAMES[seq % len(FIRST_NAMES)]
    email = f"person{seq}@example{seq % 50}.net"
    contact = {
        "first_name": first,
        "city": CITIES[seq % len(CITIES)],
        "email": email,
        "code": f"{seq * 2654435761 % 2**32:08X}",
        "company": f"Company & Sons {seq % 3000}",
        "vip": seq % 3 == 0,
        "items": [{"name": f"Thing {seq + n}", "price": f"€ {seq % 90 + n}"} for n in range(3)],
    }
    return PlanRecipient(seq, email, f"{first} Example{seq}".strip(), {"contact": contact})


def reference(prepared: Prepared) -> Callable[[PlanRecipient], bytes]:
    """The same message the obvious way."""
    html = Environment(autoescape=True).from_string(prepared.html)
    plain = Environment()
    text, subject = plain.from_string(prepared.text), plain.from_string(prepared.subject)

    def make(person: PlanRecipient) -> bytes:
        token = recipient_token(KEYS, SETTINGS.account_id, SETTINGS.broadcast_id, person.seq)
        ours = urls.merge_urls(SETTINGS.base_url, SETTINGS.tracking_base_url, range(LINKS), token)
        data = {**person.data, **ours}
        message = EmailMessage(policy=policy.SMTP)
        message["Date"] = format_datetime(DATE)
        message["From"] = formataddr((SETTINGS.from_name, SETTINGS.from_address))
        message["To"] = formataddr((person.name, person.email))
        message["Subject"] = subject.render(**data)
        message["Message-ID"] = urls.message_id(token, SETTINGS.message_id_domain)
        message["List-Id"] = "Weekly news <l12.lists.example.com>"
        mailto = urls.unsubscribe_address(token, SETTINGS.bounce_domain)
        message["List-Unsubscribe"] = f"<{ours['unsubscribe_url']}>, <mailto:{mailto}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message["Precedence"] = "bulk"
        message["Feedback-ID"] = ":".join(SETTINGS.feedback_id)
        message["Auto-Submitted"] = "auto-generated"
        message["X-Auto-Response-Suppress"] = "OOF, AutoReply"
        message.set_content(text.render(**data), cte="quoted-printable")
        message.add_alternative(html.render(**data), subtype="html", cte="quoted-printable")
        return message.as_bytes()

    return make


def ours(prepared: Prepared) -> Callable[[PlanRecipient], bytes]:
    plan = compile_plan(prepared, SETTINGS)
    signer = RecipientSigner(KEYS, SETTINGS.account_id, SETTINGS.broadcast_id)
    return lambda person: plan.fill(person, DATE, signer.token(person.seq))


def decoded(message: bytes) -> dict[str, object]:
    """Headers and parts as a reader gets them."""
    read = message_from_bytes(message, policy=policy.default)
    found: dict[str, object] = {
        name: " ".join(str(value).split())
        for name, value in read.items()
        if name.lower() != "content-type"
    }
    found["To"] = [(a.display_name, a.addr_spec) for a in read["To"].addresses]
    for kind in ("plain", "html"):
        part = read.get_body((kind,))
        assert part is not None
        raw = part.get_payload(decode=True)
        assert isinstance(raw, bytes)
        found[kind] = raw.decode().replace("\r\n", "\n").rstrip("\n")
    return found


def compare(prepared: Prepared) -> None:
    fast, slow = ours(prepared), reference(prepared)
    for seq in range(200):
        person = recipient(seq)
        left, right = decoded(fast(person)), decoded(slow(person))
        for name in left.keys() | right.keys():
            assert left.get(name) == right.get(name), (seq, name, left.get(name), right.get(name))


def rate(
    make: Callable[[PlanRecipient], bytes], people: Iterator[PlanRecipient], seconds: float
) -> float:
    """Messages a second of CPU time; making the recipients is not counted."""
    done, spent = 0, 0.0
    while spent < seconds:
        batch = [next(people) for _ in range(200 if done else 20)]
        start = time.process_time()
        for person in batch:
            make(person)
        spent += time.process_time() - start
        done += len(batch)
    return done / spent


def run(rounds: int, quick: bool) -> list[Figure]:
    """The ratio for messages with merge tags only, and for those with conditions and loops."""
    found = []
    seconds = 0.1 if quick else 0.4
    for label, logic, goal in (("merge tags", False, 60), ("conditions and loops", True, 8)):
        prepared = content(logic)
        compare(prepared)
        fast, slow = ours(prepared), reference(prepared)
        people = (recipient(seq) for seq in count())
        pairs = [(rate(fast, people, seconds), rate(slow, people, seconds)) for _ in range(rounds)]
        ratios = [mine / theirs for mine, theirs in pairs]
        found += [
            figure("fill", f"{label}, of the reference", ratios, "×", goal=goal),
            figure("fill", label, [mine for mine, _ in pairs], "messages/s"),
        ]
    return found
