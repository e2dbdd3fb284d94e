"""(pure) Reads delivery status notifications (RFC 3464, RFC 6533) as they really come."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from typing import Literal

Kind = Literal["hard", "soft", "delay", "none"]

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_CODE = re.compile(r"\b([245]\d\d)\b")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_UTF8_XTEXT = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
_COMMENT = re.compile(r"\([^()]*\)")
_ANGLES = re.compile(r"<([^<>]*)>")
_LONGEST = 2000
_MOST = 200


@dataclass(frozen=True)
class Report:
    """What happened to one recipient.

    `addresses` as written, the original one first; `status` like 5.1.1 or empty; `diagnostic` is
    what the receiver said; `kind` hard, soft (final for this message all the same), delay, or none
    for what is no trouble.
    """

    addresses: tuple[str, ...]
    action: str
    status: str
    diagnostic: str
    kind: Kind


def reports_of(message: Message) -> tuple[Report, ...]:
    """One for each recipient that the report names; none for what is no delivery report.

    Only the report's own part is read, never the returned message.
    """
    parts = message.get_payload() if message.is_multipart() else [message]
    for part in parts if isinstance(parts, list) else ():
        if isinstance(part, Message) and _is_status(part):
            blocks = [b for b in _BLANK_LINE.split(_text(part)) if b.strip()]
            found = [_report(Parser().parsestr(block.lstrip("\n"))) for block in blocks[:_MOST]]
            return tuple(report for report in found if report is not None)
    return ()


def _is_status(part: Message) -> bool:
    return part.get_content_type() in (
        "message/delivery-status",
        "message/global-delivery-status",
    )


def _text(part: Message) -> str:
    """The blocks as text; the parser takes them apart, and some senders encode them."""
    payload = part.get_payload()
    if isinstance(payload, list):
        text = "\n\n".join(str(block) for block in payload)
    else:
        text = str(payload)
    encoding = str(part.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding in ("base64", "quoted-printable") and "recipient" not in text.lower():
        plain = Message()
        plain["Content-Transfer-Encoding"] = encoding
        plain.set_payload(text.strip())
        decoded = plain.get_payload(decode=True)
        text = decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else text
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")


def _report(block: Message) -> Report | None:
    addresses = [
        _address(str(block[name]))
        for name in ("Original-Recipient", "Final-Recipient")
        if block[name]
    ]
    action = _COMMENT.sub("", str(block.get("Action", ""))).strip().lower()
    if not addresses and not action:
        return None
    diagnostic = _diagnostic(str(block.get("Diagnostic-Code", "")))
    status = _STATUS.search(_COMMENT.sub("", str(block.get("Status", ""))))
    found = status[1] if status else ""
    if found in ("", "5.0.0", "4.0.0"):
        # The receiver's own words are more exact than a code that says nothing.
        better = _STATUS.search(diagnostic)
        found = better[1] if better else found
    kind = _kind(action, found, diagnostic)
    known = tuple(dict.fromkeys(address for address in addresses if address))
    return Report(known, action, found, diagnostic, kind)


def _kind(action: str, status: str, diagnostic: str) -> Kind:
    if action == "delayed":
        return "delay"
    if action != "failed":
        return "none"
    code = _CODE.search(diagnostic)
    told = status[:1] or (code[1][:1] if code else "")
    return "hard" if told == "5" else "soft"


def _address(field: str) -> str:
    """The address behind `rfc822;`, xtext decoded, the case of its local part kept."""
    kind, semicolon, value = field.partition(";")
    if not semicolon:
        kind, value = "", field
    value = " ".join(value.split())
    inner = _ANGLES.search(value)
    value = inner[1] if inner else value
    if kind.strip().lower() == "utf-8":
        return _UTF8_XTEXT.sub(_from_hex, value)[:_LONGEST]
    return _XTEXT.sub(_from_hex, value)[:_LONGEST]


def _from_hex(found: re.Match[str]) -> str:
    number = int(found[1], 16)
    return chr(number) if 0x20 <= number < 0xD800 else found[0]


def _diagnostic(field: str) -> str:
    kind, semicolon, words = field.partition(";")
    text = words if semicolon and " " not in kind.strip() else field
    return " ".join(text.split())[:_LONGEST]
