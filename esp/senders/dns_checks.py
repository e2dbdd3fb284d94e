"""(pure) What DNS says of a sending domain's records: missing, wrong, working, or not known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import ip_address
from typing import Any, Literal

from esp.errors import N_
from esp.senders import dkim_records, dmarc, spf
from esp.senders.answers import Ask, Kind
from esp.senders.records import Key, Setup

# unused: nothing is asked for, because the part is not used.
State = Literal["missing", "wrong", "working", "unknown", "unused"]

MISSING = N_("There is no such record yet.")
UNKNOWN = N_("The name servers did not answer.")
KEY_LOST = N_("The private key that is kept can't be read, or belongs to another public key.")
ANOTHER_KEY = N_("Another key stands there.")
SEVERAL_POLICIES = N_("There is more than one DMARC record, so receivers use none. Keep one.")
NO_POLICY = N_("Its p= must be none, quarantine or reject.")
POLICY_ABOVE = N_("The record of %(domain)s holds for it.")
OTHER_SERVERS = N_("Its mail goes to other servers. Name only %(hosts)s.")
NOT_LET = N_("It does not let %(address)s send.")
NOT_INCLUDED = N_("It does not include %(name)s.")
ELSEWHERE = N_("It leads to another host than %(host)s.")
NOT_SERVED = N_(
    "It leads here, but the web server does not answer under this name; with https:// it needs a"
    " certificate for it."
)
NOT_TRIED = N_("It leads here. Whether the web server answers under this name could not be tried.")
NO_INBOUND = N_("This installation takes no bounces from outside yet: set ESP_BOUNCE_DOMAIN.")
NO_ADDRESS = N_("This installation has no address in the world yet: set ESP_BASE_URL.")
NOT_WANTED = N_("It is not used.")
BROKEN = {
    "several": N_("There is more than one SPF record at %(where)s. Make one of them."),
    "lookups": N_("It takes receivers more than %(most)s questions to DNS. Remove some includes."),
    "include": N_("It names %(where)s, which has no SPF record."),
    "term": N_("It contains “%(where)s”, which receivers don't understand."),
}
# Of a text from outside, what is kept and shown.
SHOWN = 600
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` is a marked sentence with `%(name)s` for `values`; `found` is what DNS has there."""

    state: State
    text: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    found: tuple[str, ...] = ()
    # What a record should name, where that is learnt from DNS too.
    expected: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """For the database."""
        return asdict(self)


# Whether our web server answers under a name; None: it could not be tried.
Serves = Callable[[str], bool | None]


def judge(setup: Setup, ask: Ask, serves: Serves) -> dict[str, Finding]:
    """A finding for each part (see `records.Record`)."""
    found = {
        f"dkim:{key.selector}": _of_key(setup.name, key, ask)
        for key in setup.keys
        if key.state != "retired"
    }
    found["dmarc"] = _of_policy(setup.name, ask)
    if setup.return_path_host and setup.bounce_domain:
        found["return_path"] = _of_return_path(setup, ask)
        found["spf"] = _of_spf(setup, ask)
    else:
        unused = Finding("unused", NO_INBOUND if setup.return_path_host else NOT_WANTED)
        found["return_path"] = found["spf"] = unused
    if setup.tracking_host and setup.tracking_target:
        found["tracking"] = _of_tracking(setup, ask, serves)
    else:
        found["tracking"] = Finding("unused", NO_ADDRESS if setup.tracking_host else NOT_WANTED)
    return found


def _of_key(domain: str, key: Key, ask: Ask) -> Finding:
    """DKIM-09: DNS must have the public side of the very key that signs."""
    name = dkim_records.record(key.selector, domain, key.algorithm, key.public).name
    answer = ask(name, "TXT")
    if answer.failed:
        return _unknown()
    if not answer.values:
        return Finding("missing", MISSING)
    if dkim_records.tells(answer.values, key.algorithm, key.public):
        return Finding("working")
    return Finding("wrong", ANOTHER_KEY, found=_shown(answer.values))


def _of_policy(domain: str, ask: Ask) -> Finding:
    """DMARC-04: a record with at least p=none."""
    found = dmarc.find(domain, ask)
    if found.failed:
        return _unknown()
    if found.several:
        shown = _shown(ask(f"_dmarc.{domain}", "TXT").values)
        return Finding("wrong", SEVERAL_POLICIES, found=shown)
    if found.policy is None:
        return Finding("missing", MISSING)
    shown = _shown((found.policy.text,))
    if not found.policy.p:
        return Finding("wrong", NO_POLICY, found=shown)
    if found.at != domain:
        return Finding("working", POLICY_ABOVE, {"domain": found.at}, shown)
    return Finding("working", found=shown)


def _of_return_path(setup: Setup, ask: Ask) -> Finding:
    ours, theirs = ask(setup.bounce_domain, "MX"), ask(setup.return_path_host, "MX")
    if ours.failed or theirs.failed:
        return _unknown()
    # RFC 5321 §5.1: without MX the name itself takes the mail.
    expected = ours.values or (setup.bounce_domain,)
    if not theirs.values:
        return Finding("missing", MISSING, expected=expected)
    if not set(theirs.values) <= {*expected, setup.bounce_domain}:
        values = {"hosts": ", ".join(expected)}
        return Finding("wrong", OTHER_SERVERS, values, _shown(theirs.values), expected)
    return Finding("working", found=_shown(theirs.values), expected=expected)


def _of_spf(setup: Setup, ask: Ask) -> Finding:
    """SPF-01: one record, at most ten look-ups, and all our ways pass."""
    host, ways = setup.return_path_host, setup.ways
    try:
        tree = spf.tree(host, ask)
        if tree is None:
            return Finding("missing", MISSING)
        shown = _shown((tree.text,))
        for name in ways.includes:
            if name not in tree.includes:
                return Finding("wrong", NOT_INCLUDED, {"name": name}, shown)
        of_relays = [address for relay in ways.hosts for address in spf.of_host(relay, ask)]
        for address in (*ways.all_addresses, *of_relays):
            if spf.verdict(ip_address(address), host, ask) != "pass":
                return Finding("wrong", NOT_LET, {"address": address}, shown)
    except spf.UnansweredError:
        return _unknown()
    except spf.BrokenError as broken:
        values = {"where": broken.where[:SHOWN], "most": str(spf.MOST_LOOKUPS)}
        return Finding("wrong", BROKEN[broken.why], values, _shown(ask(host, "TXT").values))
    return Finding("working", found=shown)


def _of_tracking(setup: Setup, ask: Ask, serves: Serves) -> Finding:
    host, target = setup.tracking_host, setup.tracking_target
    alias = ask(host, "CNAME")
    if alias.failed:
        return _unknown()
    there = _addresses(host, ask)
    if there is None:
        return _unknown()
    if not alias.values and not there:
        return Finding("missing", MISSING)
    if target not in alias.values:
        # Some name servers write the target's addresses in place of an alias.
        ours = _addresses(target, ask)
        if not there or not ours or not there <= ours:
            shown = _shown(alias.values or tuple(sorted(there)))
            return Finding("wrong", ELSEWHERE, {"host": target}, shown)
    shown = _shown(alias.values or tuple(sorted(there)))
    answers = serves(host)
    if answers is None:
        return Finding("unknown", NOT_TRIED, found=shown)
    if not answers:
        return Finding("wrong", NOT_SERVED, found=shown)
    return Finding("working", found=shown)


def _addresses(host: str, ask: Ask) -> set[str] | None:
    kinds: tuple[Kind, Kind] = ("A", "AAAA")
    answers = [ask(host, kind) for kind in kinds]
    if all(answer.failed for answer in answers):
        return None
    return {value for answer in answers for value in answer.values}


def _unknown() -> Finding:
    return Finding("unknown", UNKNOWN)


def _shown(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(value[:SHOWN] for value in values[:MOST_SHOWN])
