"""(pure) What the client writes: commands, credentials, safe bodies; and what EHLO promised."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass

import idna

from esp.delivery.smtp.envelope import Envelope, Outcome
from esp.delivery.smtp.replies import Reply
from esp.errors import N_

# RFC 5321 §4.5.3.1.3 allows 256 octets with the angle brackets.
MAX_ADDRESS = 254
# RFC 3461 §4.4, and §4 for ORCPT: NOTIFY with it is at most 500 octets.
MAX_ENVID = 100
MAX_ORCPT = 450
# RFC 5321 §4.5.3.1.4; a longer initial response goes on a line of its own.
MAX_COMMAND = 512

_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)
# What needs no further look: bounded, and without anything that ends a command.
_ORDINARY = re.compile(r"[!-;=?-~]{1,254}").fullmatch
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_NOT_XTEXT = re.compile(rb"[^!-*,-<>-~]")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the server announced in this session; `size` 0 means no limit was named."""

    pipelining: bool = False
    starttls: bool = False
    smtputf8: bool = False
    eight_bit: bool = False
    dsn: bool = False
    size_announced: bool = False
    size: int = 0
    auth: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Auth:
    """Credentials; `allow_clear` lets them go over a connection without TLS."""

    user: str
    password: str
    allow_clear: bool = False

    def __repr__(self) -> str:
        return f"Auth(user={self.user!r})"


def read_capabilities(reply: Reply) -> Capabilities:
    """The keywords of an EHLO reply; the first line is only a greeting."""
    words: dict[str, list[str]] = {}
    for line in reply.lines[1:]:
        # "AUTH=LOGIN" is how some old servers spell it.
        parts = line.decode("ascii", "replace").upper().replace("=", " ").split()
        if parts:
            words.setdefault(parts[0], []).extend(parts[1:])
    size = words.get("SIZE", [])
    return Capabilities(
        pipelining="PIPELINING" in words,
        starttls="STARTTLS" in words,
        smtputf8="SMTPUTF8" in words,
        eight_bit="8BITMIME" in words,
        dsn="DSN" in words,
        size_announced="SIZE" in words,
        size=int(size[0]) if size and size[0].isdecimal() and len(size[0]) < 20 else 0,
        auth=frozenset(words.get("AUTH", [])),
    )


def refuse_locally(envelope: Envelope, can: Capabilities) -> Outcome | None:
    """Why this envelope can't go to this server, found without asking it."""
    sender, rcpt = _in_a_labels(envelope.mail_from), _in_a_labels(envelope.rcpt)
    for address, status in ((sender, "5.1.7"), (rcpt, "5.1.3")):
        # A line break or a bracket would let an address write commands of its own.
        if not address.isprintable() or "<" in address or ">" in address:
            return Outcome("failed", 0, status, N_("The address is malformed."), "mail")
        if len(address.encode()) > MAX_ADDRESS:
            return Outcome("failed", 0, status, N_("The address is too long."), "mail")
    if not rcpt:
        return Outcome("failed", 0, "5.1.3", N_("The address is empty."), "mail")
    if not can.smtputf8 and _is_international(envelope, sender, rcpt):
        text = N_("The server does not take internationalised addresses.")
        return Outcome("failed", 0, "5.6.7", text, "mail")
    if can.size and len(envelope.data) > can.size:
        text = N_("The message is larger than the server takes.")
        return Outcome("failed", 0, "5.3.4", text, "mail")
    return None


def mail_and_rcpt(envelope: Envelope, can: Capabilities, dsn: bool) -> tuple[bytes, bytes]:
    """The two commands, each with what the server announced and nothing else (SMTP-19)."""
    sender, rcpt = _in_a_labels(envelope.mail_from), _in_a_labels(envelope.rcpt)
    mail = b"MAIL FROM:<%b>" % sender.encode()
    if can.size_announced:
        mail += b" SIZE=%d" % len(envelope.data)
    to = b"RCPT TO:<%b>" % rcpt.encode()
    if can.smtputf8 and _is_international(envelope, sender, rcpt):
        mail += b" BODY=8BITMIME SMTPUTF8" if can.eight_bit else b" SMTPUTF8"
    if dsn and can.dsn:
        mail += b" RET=HDRS"
        envid = xtext(envelope.envid)
        if 0 < len(envid) <= MAX_ENVID:
            mail += b" ENVID=%b" % envid
        to += b" NOTIFY=FAILURE,DELAY"
        original = xtext(rcpt)
        if rcpt.isascii() and len(original) <= MAX_ORCPT:
            to += b" ORCPT=rfc822;%b" % original
    return mail + b"\r\n", to + b"\r\n"


def body(envelope: Envelope) -> bytes:
    """The octets between DATA and the final dot, which can't end the message early (SMTP-03)."""
    data = envelope.data
    if not envelope.stuffed:
        data = _LEADING_DOT.sub(b"..", _LINE_END.sub(b"\r\n", data))
    return data if data.endswith(b"\r\n") else data + b"\r\n"


def auth_steps(auth: Auth, mechanisms: frozenset[str]) -> list[bytes]:
    """The command and the answers to each 334; empty where no mechanism is shared."""
    if "PLAIN" in mechanisms:
        secret = base64.b64encode(f"\0{auth.user}\0{auth.password}".encode())
        if len(secret) + len(b"AUTH PLAIN \r\n") <= MAX_COMMAND:
            return [b"AUTH PLAIN " + secret + b"\r\n"]
        return [b"AUTH PLAIN\r\n", secret + b"\r\n"]
    if "LOGIN" in mechanisms:
        user, password = (base64.b64encode(x.encode()) for x in (auth.user, auth.password))
        return [b"AUTH LOGIN\r\n", user + b"\r\n", password + b"\r\n"]
    return []


def xtext(text: str) -> bytes:
    """RFC 3461 §4: what is not printable ASCII, `+` and `=` become +HH."""
    return _NOT_XTEXT.sub(lambda match: b"+%02X" % match[0][0], text.encode())


def _in_a_labels(address: str) -> str:
    """With its domain in ASCII (EAI-02); one that can't be is left as it is."""
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    try:
        return local + at + idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return address


def _is_international(envelope: Envelope, sender: str, rcpt: str) -> bool:
    """EAI-01: an address or a header is not ASCII. Our own messages have only such headers."""
    if not (sender.isascii() and rcpt.isascii()):
        return True
    if envelope.stuffed or envelope.data.isascii():
        return False
    return not _HEAD_END.split(envelope.data, 1)[0].isascii()
