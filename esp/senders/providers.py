"""Which receiver a domain's mail goes to, for pacing and reports."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from esp.senders.models import DomainProvider, Provider

OTHER = "other"

# Mailboxes that people have with a provider directly: known before anybody asks for MX records.
KNOWN = {
    "google": "gmail.com googlemail.com",
    "yahoo": "yahoo.com yahoo.co.id yahoo.co.uk yahoo.ca yahoo.com.au yahoo.de yahoo.fr yahoo.es "
    "yahoo.it yahoo.in yahoo.com.br yahoo.com.sg ymail.com rocketmail.com aol.com aol.de aim.com "
    "verizon.net",
    "yahoo-japan": "yahoo.co.jp ymail.ne.jp",
    "microsoft": "outlook.com outlook.de outlook.fr outlook.co.id hotmail.com hotmail.co.uk "
    "hotmail.de hotmail.fr hotmail.it hotmail.es live.com live.de live.co.uk live.fr live.nl "
    "msn.com",
    "apple": "icloud.com me.com mac.com",
    "gmx": "gmx.de gmx.net gmx.at gmx.ch gmx.com gmx.fr web.de mail.com",
    "t-online": "t-online.de magenta.de",
    "orange": "orange.fr wanadoo.fr",
    "free": "free.fr",
    "laposte": "laposte.net",
    "libero": "libero.it virgilio.it iol.it",
    "comcast": "comcast.net",
    "att": "att.net sbcglobal.net bellsouth.net",
    "mail.ru": "mail.ru bk.ru inbox.ru list.ru internet.ru",
    "yandex": "yandex.ru yandex.com ya.ru",
    "qq": "qq.com foxmail.com",
    "netease": "163.com 126.com yeah.net",
    "naver": "naver.com",
    "daum": "daum.net hanmail.net",
    "proton": "proton.me protonmail.com protonmail.ch pm.me",
    "zoho": "zoho.com zohomail.com zoho.eu zoho.in",
    "fastmail": "fastmail.com fastmail.fm",
    "tutanota": "tutanota.com tutanota.de tuta.io tuta.com",
    "mailbox.org": "mailbox.org",
    "posteo": "posteo.de posteo.net",
    "sfr": "sfr.fr neuf.fr cegetel.net",
    "aruba": "aruba.it",
    "telecom-italia": "tim.it alice.it tin.it",
    "seznam": "seznam.cz email.cz",
    "wp": "wp.pl o2.pl",
    "onet": "onet.pl op.pl poczta.onet.pl",
    "interia": "interia.pl",
    "btinternet": "btinternet.com",
    "cox": "cox.net",
    "charter": "charter.net",
    "uol": "uol.com.br bol.com.br",
    "rediff": "rediffmail.com",
    "docomo": "docomo.ne.jp",
    "rambler": "rambler.ru",
    "telkom": "telkom.net plasa.com",
}
KNOWN_DOMAINS = {domain: name for name, domains in KNOWN.items() for domain in domains.split()}


def provider_of(domain: str) -> str:
    """The provider's name as far as it is known without a look-up."""
    return KNOWN_DOMAINS.get(domain, OTHER)


def provider_id(session: Session, name: str) -> int:
    """The number of a provider, made at first need."""
    found = session.scalar(select(Provider.id).where(Provider.name == name))
    if found is not None:
        return found
    session.execute(insert(Provider).values(name=name).on_conflict_do_nothing())
    return session.scalars(select(Provider.id).where(Provider.name == name)).one()


def provider_ids(session: Session, names: Collection[str]) -> dict[str, int]:
    """The numbers of providers, made at first need."""
    wanted = list(names)
    # Sorted: two at once must not wait for each other in a circle.
    session.execute(
        text(
            "INSERT INTO providers (name) SELECT n.name FROM unnest(CAST(:names AS text[])) AS n"
            " (name) WHERE NOT EXISTS (SELECT FROM providers p WHERE p.name = n.name)"
            " ORDER BY n.name ON CONFLICT DO NOTHING"
        ),
        {"names": wanted},
    )
    rows = session.execute(select(Provider.name, Provider.id).where(Provider.name.in_(wanted)))
    return {row.name: row.id for row in rows}


def assign(session: Session, domains: Collection[str]) -> None:
    """Give each of `domains` its provider, those that have one already left as they are."""
    if not domains:
        return
    ids = provider_ids(session, set(map(provider_of, domains)))
    session.execute(
        insert(DomainProvider).on_conflict_do_nothing(),
        # Sorted: two snapshots at once must not wait for each other in a circle.
        [{"domain": d, "provider_id": ids[provider_of(d)]} for d in sorted(set(domains))],
    )
