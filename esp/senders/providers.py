"""Which receiver a domain's mail goes to, for pacing and reports."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from esp.senders.models import DomainProvider, Provider

OTHER = "other"

# Mailboxes that people have with a provider directly; company domains are "other" until MX
# records are looked up.
KNOWN = {
    "google": "gmail.com googlemail.com",
    "yahoo": "yahoo.com yahoo.co.id yahoo.co.uk yahoo.co.jp yahoo.de yahoo.fr yahoo.es yahoo.it "
    "yahoo.in yahoo.com.br yahoo.com.sg ymail.com rocketmail.com aol.com aol.de aim.com "
    "verizon.net",
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
    "mail.ru": "mail.ru bk.ru inbox.ru list.ru",
    "yandex": "yandex.ru yandex.com ya.ru",
    "qq": "qq.com foxmail.com",
    "netease": "163.com 126.com yeah.net",
    "naver": "naver.com",
    "proton": "proton.me protonmail.com pm.me",
    "telkom": "telkom.net plasa.com",
}
_OF_DOMAIN = {domain: name for name, domains in KNOWN.items() for domain in domains.split()}


def provider_of(domain: str) -> str:
    """The provider's name as far as it is known without a look-up."""
    return _OF_DOMAIN.get(domain, OTHER)


def provider_id(session: Session, name: str) -> int:
    """The number of a provider, made at first need."""
    found = session.scalar(select(Provider.id).where(Provider.name == name))
    if found is not None:
        return found
    session.execute(insert(Provider).values(name=name).on_conflict_do_nothing())
    return session.scalars(select(Provider.id).where(Provider.name == name)).one()


def assign(session: Session, domains: Collection[str]) -> None:
    """Give each of `domains` its provider, those that have one already left as they are."""
    if not domains:
        return
    ids = {name: provider_id(session, name) for name in sorted(set(map(provider_of, domains)))}
    session.execute(
        insert(DomainProvider).on_conflict_do_nothing(),
        # Sorted: two snapshots at once must not wait for each other in a circle.
        [{"domain": d, "provider_id": ids[provider_of(d)]} for d in sorted(set(domains))],
    )
