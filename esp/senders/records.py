"""(pure) The DNS records that a sending domain needs, ready to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address

from esp.errors import N_
from esp.senders import dkim_records
from esp.senders.answers import Kind
from esp.senders.dkim_records import STRING

# What relays ask their customers to include, by the end of their servers' names. Most of them put
# a return path of their own on the mail; then it does no harm.
INCLUDES = {
    "amazonaws.com": "amazonses.com",
    "brevo.com": "spf.brevo.com",
    "gmail.com": "_spf.google.com",
    "google.com": "_spf.google.com",
    "mailgun.org": "mailgun.org",
    "mailjet.com": "spf.mailjet.com",
    "mandrillapp.com": "spf.mandrillapp.com",
    "office365.com": "spf.protection.outlook.com",
    "postmarkapp.com": "spf.mtasv.net",
    "sendgrid.net": "sendgrid.net",
    "smtp2go.com": "spf.smtp2go.com",
    "sparkpostmail.com": "sparkpostmail.com",
    "zeptomail.com": "zeptomail.com",
    "zoho.com": "zohomail.com",
    "zoho.eu": "zohomail.eu",
}


@dataclass(frozen=True, slots=True)
class Ways:
    """By which an account's mail leaves: addresses of ours, and the names of relays."""

    addresses: tuple[str, ...] = ()
    relays: tuple[str, ...] = ()

    @property
    def includes(self) -> tuple[str, ...]:
        """What relays that are known ask for."""
        return tuple(dict.fromkeys(filter(None, map(_advice, self.relays))))

    @property
    def hosts(self) -> tuple[str, ...]:
        """Relays whose advice is not known: taken to send from the addresses of their names."""
        return tuple(relay for relay in self.relays if not _advice(relay) and not _literal(relay))

    @property
    def all_addresses(self) -> tuple[str, ...]:
        """Ours, and relays that are named by an address."""
        return (*self.addresses, *(relay for relay in self.relays if _literal(relay)))


@dataclass(frozen=True, slots=True)
class Key:
    """The public side of a DKIM key."""

    selector: str
    algorithm: str
    public: str
    state: str = "active"


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a domain's records follow from; hosts are empty where they are not used."""

    name: str
    keys: tuple[Key, ...] = ()
    return_path_host: str = ""
    tracking_host: str = ""
    ways: Ways = Ways()
    # Of this installation; empty while the world can't reach it.
    bounce_domain: str = ""
    tracking_target: str = ""
    # The servers for what comes back, as the last check found them.
    inbound_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """One to copy. `part` tells what it is for: dkim:<selector>, dmarc, return_path, spf, tracking.

    `strings` are its pieces of 255 octets where a text is longer than one.
    """

    part: str
    name: str
    kind: Kind
    value: str
    purpose: str
    strings: tuple[str, ...] = ()


DKIM = N_("Signs your mail: receivers see that it comes from you and was not changed.")
DKIM_LEAVING = N_(
    "Of the key before: mail it signed is still on its way. Leave it until it is gone from here."
)
DMARC = N_("Tells receivers what to do with mail in your name that proves nothing.")
RETURN_PATH = N_("Brings back here what receivers could not deliver.")
SPF = N_("Names the servers that may send with this return path.")
TRACKING = N_("Lets the links in your mail carry your own name.")


def records(setup: Setup) -> tuple[Record, ...]:
    """What to publish, in the order of importance; retired keys are not among it."""
    found = [_of_key(setup.name, key) for key in setup.keys if key.state != "retired"]
    found.append(Record("dmarc", f"_dmarc.{setup.name}", "TXT", "v=DMARC1; p=none", DMARC))
    if setup.return_path_host and setup.bounce_domain:
        hosts = setup.inbound_hosts or (setup.bounce_domain,)
        found += [
            Record("return_path", setup.return_path_host, "MX", f"10 {host}.", RETURN_PATH)
            for host in hosts
        ]
        text = spf_text(setup.ways)
        found.append(Record("spf", setup.return_path_host, "TXT", text, SPF, pieces(text)))
    if setup.tracking_host and setup.tracking_target:
        target = f"{setup.tracking_target}."
        found.append(Record("tracking", setup.tracking_host, "CNAME", target, TRACKING))
    return tuple(found)


def spf_text(ways: Ways) -> str:
    """One record for all ways; with none that is known, the servers of the return path send."""
    terms = [
        *(f"ip{ip_address(one).version}:{one}" for one in ways.all_addresses),
        *(f"include:{name}" for name in ways.includes),
        *(f"a:{host}" for host in ways.hosts),
    ]
    return " ".join(("v=spf1", *(terms or ("mx",)), "~all"))


def pieces(text: str) -> tuple[str, ...]:
    """A text as the strings of one TXT record; none if it fits into one."""
    if len(text) <= STRING:
        return ()
    return tuple(text[at : at + STRING] for at in range(0, len(text), STRING))


def of_part(found: Sequence[Record], part: str) -> tuple[Record, ...]:
    """The records of a part."""
    return tuple(record for record in found if record.part == part)


def _of_key(domain: str, key: Key) -> Record:
    made = dkim_records.record(key.selector, domain, key.algorithm, key.public)
    purpose = DKIM_LEAVING if key.state == "leaving" else DKIM
    part = f"dkim:{key.selector}"
    return Record(part, made.name, "TXT", made.value, purpose, pieces(made.value))


def _advice(relay: str) -> str:
    labels = relay.split(".")
    return next(
        (INCLUDES[end] for at in range(len(labels)) if (end := ".".join(labels[at:])) in INCLUDES),
        "",
    )


def _literal(relay: str) -> bool:
    try:
        ip_address(relay)
    except ValueError:
        return False
    return True
