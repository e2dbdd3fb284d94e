"""(pure) Which provider stands behind a host that receives mail (THR-01)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tldextract import TLDExtract

# Ends of host names in MX records; the longest that fits counts.
SUFFIXES = {
    "google": "google.com googlemail.com psmtp.com",
    "microsoft": "outlook.com mx.microsoft hotmail.com office365.us partner.outlook.cn",
    "yahoo": "yahoodns.net",
    "yahoo-japan": "yahoo.co.jp",
    "apple": "icloud.com apple.com",
    "gmx": "gmx.net gmx.com web.de mail.com",
    "ionos": "kundenserver.de ionos.com ionos.de ionos.co.uk ionos.es ionos.fr 1and1.com",
    "t-online": "t-online.de",
    "orange": "orange.fr wanadoo.fr",
    "free": "free.fr",
    "laposte": "laposte.net",
    "sfr": "sfr.fr",
    "libero": "libero.it italiaonline.it",
    "aruba": "aruba.it",
    "telecom-italia": "tim.it alice.it",
    "seznam": "seznam.cz",
    "wp": "wp.pl",
    "onet": "onet.pl",
    "interia": "interia.pl",
    "btinternet": "btinternet.com bt.com cpcloud.co.uk",
    "ziggo": "ziggo.nl",
    "kpn": "kpnmail.nl",
    "comcast": "comcast.net",
    "charter": "charter.net spectrum.net",
    "cox": "cox.net",
    "att": "prodigy.net att.net",
    "mail.ru": "mail.ru",
    "yandex": "yandex.ru yandex.net yandex.com",
    "rambler": "rambler.ru",
    "qq": "qq.com",
    "netease": "netease.com 163.com 126.com yeah.net",
    "alibaba": "aliyun.com mxhichina.com alibaba-inc.com",
    "naver": "naver.com worksmobile.com",
    "daum": "daum.net hanmail.net",
    "docomo": "docomo.ne.jp",
    "telkom": "telkom.net telkom.co.id",
    "uol": "uol.com.br",
    "locaweb": "locaweb.com.br",
    "rediff": "rediffmail.com rediffmailpro.com",
    "proton": "protonmail.ch proton.ch",
    "tutanota": "tutanota.de tutao.de",
    "fastmail": "messagingengine.com",
    "zoho": "zoho.com zoho.eu zoho.in zoho.com.au zoho.jp zohomail.com zohocloud.ca",
    "mimecast": "mimecast.com mimecast.co.za mimecast-offshore.com",
    "proofpoint": "pphosted.com ppe-hosted.com gpphosted.com proofpoint.com",
    "barracuda": "barracudanetworks.com",
    "cisco": "iphmx.com",
    "symantec": "messagelabs.com",
    "trendmicro": "trendmicro.com trendmicro.eu tmes.trendmicro.com",
    "sophos": "sophos.com reflexion.net",
    "fortinet": "fortimail.com fortimailcloud.com",
    "forcepoint": "mailcontrol.com",
    "hornetsecurity": "hornetsecurity.com antispameurope.com spamfilter.io",
    "retarus": "retarus.com retarus.de",
    "spamexperts": "antispamcloud.com spamexperts.com spamexperts.eu",
    "mailchannels": "mailchannels.net",
    "amazon": "amazonaws.com awsapps.com",
    "rackspace": "emailsrvr.com",
    "godaddy": "secureserver.net",
    "namecheap": "privateemail.com registrar-servers.com",
    "hostinger": "hostinger.com titan.email",
    "cloudflare": "mx.cloudflare.net",
    "ovh": "ovh.net ovh.ca",
    "gandi": "gandi.net",
    "infomaniak": "infomaniak.ch ikmail.com",
    "strato": "rzone.de strato.de",
    "hetzner": "your-server.de",
    "mailbox.org": "mailbox.org",
    "posteo": "posteo.de",
    "one.com": "one.com",
    "loopia": "loopia.se",
    "simply": "simply.com",
    "transip": "transip.email transip.nl",
    "migadu": "migadu.com",
    "dreamhost": "dreamhost.com",
    "mailgun": "mailgun.org",
    "sendgrid": "sendgrid.net",
    "improvmx": "improvmx.com",
    "forwardemail": "forwardemail.net",
}
_OF_SUFFIX = {suffix: name for name, suffixes in SUFFIXES.items() for suffix in suffixes.split()}


def provider_of_host(host: str) -> str:
    """The provider's name, else the domain that the host's owner registered, else the host."""
    labels = host.rstrip(".").lower().split(".")
    for start in range(len(labels)):
        known = _OF_SUFFIX.get(".".join(labels[start:]))
        if known is not None:
            return known
    return registered(host)


@lru_cache(maxsize=65_536)
def registered(host: str) -> str:
    """The part of a name that somebody registered, by the list of public suffixes."""
    found = _public_suffixes()(host)
    if found.suffix or found.ipv4 or found.ipv6:
        return found.top_domain_under_public_suffix or host
    # The list's own rule for an ending that it does not name.
    return ".".join(host.rstrip(".").lower().split(".")[-2:])


@lru_cache(maxsize=1)
def _public_suffixes() -> TLDExtract:
    # Ten thousand suffixes that only the unknown hosts need; nothing is fetched or written.
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None)
