"""(pure) E-mail addresses: which ones are taken, and the one form in which each is kept.

An address is judged by its form alone: what RFC 5321 and RFC 6531 can carry is valid, whether its
domain takes mail is for the DNS. Quoted and international local parts are taken; domain literals,
comments, folding white space and obsolete forms are not.

The normal form is the identity of a mailbox, for uniqueness and for suppression, and is what mail
goes to: NFC, A–Z in lower case (no receiver of note tells `Joe@` from `joe@`, so two rows for one
person would be the worse mistake), other letters as they are, the least quoting, and the domain as
A-labels.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import idna
from email_validator import validate_email

from esp.errors import N_

LOCAL_OCTETS = 64
DOMAIN_OCTETS = 255
# RFC 5321 §4.5.3.1.3 allows a path of 256 octets, two of them the angle brackets.
ADDRESS_OCTETS = 254

REASONS = {
    "empty": N_("There is no address."),
    "control": N_("The address contains a line break or another control character."),
    "encoding": N_("The address has characters that were lost in a wrong encoding."),
    "no_at": N_("The address has no @."),
    "wide_at": N_("The address has a full-width @; write an ordinary one."),
    "several_at": N_("The address has more than one @."),
    "several": N_("There is more than one address."),
    "name": N_("The name before the address is not written in a form that can be read."),
    "space": N_("The address contains a space."),
    "comment": N_("The address contains a comment in brackets."),
    "no_local": N_("There is nothing before the @."),
    "no_domain": N_("There is nothing after the @."),
    "dots": N_("A dot stands at the beginning or the end, or two dots stand together."),
    "quotes": N_("The quotation marks before the @ are not used as they may be."),
    "local": N_("What stands before the @ contains a character that may not be there."),
    "literal": N_("An IP address after the @ is not taken; a domain is needed."),
    "no_tld": N_("The domain has no ending such as .com."),
    "underscore": N_("A domain cannot contain an underscore."),
    "domain": N_("What stands after the @ is not a domain."),
    "long_local": N_("What stands before the @ is longer than 64 bytes."),
    "long_domain": N_("The domain is longer than 255 bytes."),
    "long": N_("The address is longer than 254 bytes."),
}

_ROLES = """
    abuse accounts admin administrator all billing bounce bounces compliance contact daemon devnull
    dns do-not-reply donotreply enquiries ftp hello help helpdesk hostmaster hr info inquiries
    investorrelations ispfeedback ispsupport jobs list list-request mail mail-daemon mailer-daemon
    maildaemon marketing media news newsletter no-reply nobody noc noreply notifications office
    orders phish phishing postmaster press privacy receipts registrar remove root sales security
    spam staff subscribe support sysadmin tech undisclosed-recipients unsubscribe usenet uucp
    webmaster www
"""
ROLES = frozenset(_ROLES.split())


class Checked(NamedTuple):
    """`normalized` exactly if valid, else `reason`, a key of REASONS."""

    valid: bool
    normalized: str | None
    reason: str | None


_ATEXT = r"A-Za-z0-9!#$%&'*+/=?^_`{|}~-"
# Nearly every address there is; all others go the slow way. No IGNORECASE: it would let U+017F
# and U+212A in.
_ORDINARY = re.compile(
    rf"[{_ATEXT}]+(?:\.[{_ATEXT}]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
).fullmatch
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]").search
# Tabs and the invisible characters that come along when an address is copied from a page.
_AROUND = " \t\u00a0\u200b\u200e\u200f\u2060\u3000\ufeff"
_QUOTED = re.compile(r'("(?:[^"\\]|\\.)*")@(.*)').fullmatch
_NAMED = re.compile(
    r'((?:"(?:[^"\\]|\\.)*"|[^"<>@,;])*)<([^<>]*|"(?:[^"\\]|\\.)*"@[^<>]*)>'
).fullmatch
_LOWER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_FULL_STOPS = re.compile("[。．｡]")


def check(text: str, *, dressed: bool = False) -> Checked:
    """Judge one address; with `dressed` also `Name <address>` or `mailto:address`."""
    if (
        len(text) <= ADDRESS_OCTETS
        and _ORDINARY(text)
        and "--" not in text
        and text.index("@") <= LOCAL_OCTETS
    ):
        return Checked(True, text.lower(), None)
    try:
        return Checked(True, _carefully(text, dressed), None)
    except _FormError as wrong:
        return Checked(False, None, wrong.reason)


class _FormError(Exception):
    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def _carefully(text: str, dressed: bool) -> str:
    text = text.strip(_AROUND)
    if not text:
        raise _FormError("empty")
    if _CONTROL(text):
        raise _FormError("control")
    if "\ufffd" in text:
        raise _FormError("encoding")
    if len(text) > 4 * ADDRESS_OCTETS:
        raise _FormError("long")
    local, domain = _split(_bare(text) if dressed else text)
    if not local:
        raise _FormError("no_local")
    if not domain:
        raise _FormError("no_domain")
    local = _local(local)
    domain = _domain(domain)
    if len(local.encode()) > LOCAL_OCTETS:
        raise _FormError("long_local")
    address = f"{local}@{domain}"
    if len(address.encode()) > ADDRESS_OCTETS:
        raise _FormError("long")
    return address


def _bare(text: str) -> str:
    """The address alone, without a display name, angle brackets or `mailto:`."""
    if text.endswith(">"):
        named = _NAMED(text)
        if not named:
            raise _FormError("several" if text.count("<") > 1 and text.count(">") > 1 else "name")
        return named[2].strip(_AROUND)
    if text[:7].lower() == "mailto:":
        return text[7:].strip(_AROUND)
    return text


def _split(text: str) -> tuple[str, str]:
    if text.startswith('"'):
        quoted = _QUOTED(text)
        if not quoted:
            raise _FormError("quotes" if "@" in text else "no_at")
        local, domain = quoted[1], quoted[2]
    else:
        local, at, domain = text.partition("@")
        if not at:
            raise _FormError("wide_at" if "＠" in text or "﹫" in text else "no_at")
    if "@" in domain:
        raise _FormError("several" if re.search(r"[,;]", domain) else "several_at")
    return local, domain


def _local(local: str) -> str:
    quoted = local.startswith('"')
    if not quoted:
        _reject_plain(local)
        if '"' in local:
            raise _FormError("quotes")
    elif local == '""':
        raise _FormError("no_local")
    if len(local.encode()) > 2 * LOCAL_OCTETS + 2:
        raise _FormError("long_local")
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).translate(_LOWER))
    try:
        found = validate_email(
            f"{folded}@example.com",
            allow_quoted_local=True,
            allow_smtputf8=True,
            check_deliverability=False,
        ).local_part
    except ValueError:
        raise _FormError("quotes" if quoted else "local") from None
    return found


def _reject_plain(part: str) -> None:
    if "(" in part or ")" in part:
        raise _FormError("comment")
    if any(character.isspace() for character in part):
        raise _FormError("space")
    if part.startswith(".") or part.endswith(".") or ".." in part:
        raise _FormError("dots")


@lru_cache(maxsize=4096)
def _domain(domain: str) -> str:
    """The domain as A-labels in lower case."""
    if domain.startswith("["):
        raise _FormError("literal")
    domain = _FULL_STOPS.sub(".", domain)
    _reject_plain(domain)
    if "_" in domain:
        raise _FormError("underscore")
    if len(domain.encode()) > DOMAIN_OCTETS * 2:
        raise _FormError("long_domain")
    if "." not in domain:
        raise _FormError("no_tld")
    try:
        found = validate_email(
            f"a@{domain}", check_deliverability=False, globally_deliverable=False
        ).ascii_domain
    except ValueError:
        raise _FormError("long_domain" if len(domain) > DOMAIN_OCTETS else "domain") from None
    # What ends in a number is an IPv4 address, never a domain (RFC 3696 §2).
    if found is None or found.rpartition(".")[2].isdigit():
        raise _FormError("domain")
    return found.lower()


def domain_of(address: str) -> str:
    """The domain of a normalised address, as A-labels."""
    return address.rpartition("@")[2]


@lru_cache(maxsize=4096)
def display_domain(domain: str) -> str:
    """A domain as people write it: U-labels where they decode, else unchanged."""
    if "xn--" not in domain:
        return domain
    try:
        return idna.decode(domain)
    except UnicodeError:
        return domain


def is_role(address: str) -> bool:
    """Whether a normalised address belongs to a function, not a person (RFC 2142 and custom)."""
    return address.rpartition("@")[0].partition("+")[0] in ROLES


def is_disposable(domain: str) -> bool:
    """Whether a domain, or one above it, hands out throw-away mailboxes."""
    # Ten thousand names that only sign-up forms need.
    from disposable_email_domains import blocklist

    labels = domain.lower().split(".")
    return any(".".join(labels[start:]) in blocklist for start in range(len(labels) - 1))


def masked(address: str) -> str:
    """An address for logs: enough to recognise, too little to use."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}***@{domain}" if at else "***"
