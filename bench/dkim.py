"""How fast a signed broadcast goes out, against what openssl signs in the same minute.

As bench/send.py, into bench/sink.py, with an RSA-2048 key for the sender's domain and a sending
process for each of openssl's. Each round is openssl, ours, openssl.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import insert

from bench import send, tools
from bench.product import Product, product
from bench.receivers import Receiver, our_sink
from bench.results import Figure, figure
from bench.send import Ground, Sent
from bench.servers import Servers, servers
from esp.senders import dkim_keys
from esp.senders.models import SendingDomain

DOMAIN = "example.com"
PROCESSES = 2
SECONDS, QUICK_SECONDS = 5, 1
# A signature of 256 octets in base64 and the words around it.
_SMALLEST = 500


def run(rounds: int, quick: bool) -> list[Figure]:
    """The figures; ToolMissingError without openssl."""
    tools.find("openssl")
    seconds = QUICK_SECONDS if quick else SECONDS
    rates: list[float] = []
    ours: list[Sent] = []
    sink: list[float] = []
    with servers() as started, our_sink() as receiver:
        ground = send.prepare(started, send.QUICK_RECIPIENTS if quick else send.RECIPIENTS)
        with _started(started, receiver) as running:
            plain = send.send(ground, running, receiver, ground.few)
        publish(ground)
        with _started(started, receiver) as running:
            signed = send.send(ground, running, receiver, ground.few)
            if signed.size - plain.size < _SMALLEST:
                raise SystemExit("the messages are not signed")
            for _ in range(rounds):
                before, worked = openssl_signs(seconds), receiver.cpu()
                ours.append(send.send(ground, running, receiver, ground.everybody))
                sink.append((receiver.cpu() - worked) / ours[-1].people)
                rates.append((before + openssl_signs(seconds)) / 2)
    return figures(ours, sink, rates)


@contextmanager
def _started(started: Servers, receiver: Receiver) -> Iterator[Product]:
    with product(
        started,
        smtp_url=f"smtp://127.0.0.1:{receiver.port}",
        smtp_connections=send.CONNECTIONS,
        sending_workers=PROCESSES,
    ) as running:
        yield running


def publish(ground: Ground) -> None:
    """A key of the domain that the account writes from, seen in DNS."""
    runtime, account_id = ground.servers.runtime, ground.account_id
    now = runtime.clock()
    with runtime.transaction(account_id) as session:
        domain_id = session.scalars(
            insert(SendingDomain)
            .values(account_id=account_id, name=DOMAIN)
            .returning(SendingDomain.id)
        ).one()
        key = dkim_keys.create_key(session, account_id, domain_id, "rsa", runtime.cipher, now)
        dkim_keys.mark_seen(session, account_id, key.id, now)


def openssl_signs(seconds: int) -> float:
    """RSA-2048 signatures a second that openssl makes in `PROCESSES` processes."""
    command = [tools.find("openssl"), "speed", "-multi", str(PROCESSES)]
    command += ["-seconds", str(seconds), "rsa2048"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return signs_per_second(done.stdout)


def signs_per_second(told: str) -> float:
    """From the table at the end, whose columns differ between versions."""
    heads, row = told.strip().splitlines()[-2:]
    if not row.startswith("rsa 2048 bits"):
        raise ValueError(f"openssl speed says: {row}")
    values = row.split()[3:]
    return float(values[heads.split().index("sign/s")])


def figures(ours: list[Sent], sink: list[float], rates: list[float]) -> list[Figure]:
    ratios = [one.rate / rate for one, rate in zip(ours, rates, strict=True)]
    everything = [one.cpu_per_message + cpu for one, cpu in zip(ours, sink, strict=True)]
    return [
        figure("dkim", "with RSA-2048 into bench/sink.py", [o.rate for o in ours], "messages/s"),
        figure("dkim", f"of openssl speed -multi {PROCESSES} rsa2048", ratios, "×", goal=0.65),
        figure("dkim", f"openssl speed -multi {PROCESSES} rsa2048", rates, "signs/s"),
        _micros("CPU of sending", [one.cpu["sending"] / one.people for one in ours]),
        _micros("CPU of everything and the sink", everything),
    ]


def _micros(name: str, seconds: list[float]) -> Figure:
    return figure("dkim", name, [one * 1e6 for one in seconds], "µs/message", better="lower")
