"""How fast a broadcast goes out under TLS, against smtp-source without it in the same minute."""

from __future__ import annotations

from bench import send, tools
from bench.product import product
from bench.receivers import our_sink, tls_sink
from bench.results import Figure, figure
from bench.send import Sent
from bench.servers import servers


def run(rounds: int, quick: bool) -> list[Figure]:
    """The figures; ToolMissingError without smtp-source."""
    tools.find("smtp-source")
    sent: list[Sent] = []
    source: list[float] = []
    with servers() as started, our_sink() as plain, tls_sink() as (receiver, authority):
        ground = send.prepare(started, send.QUICK_RECIPIENTS if quick else send.RECIPIENTS)
        people = ground.everybody.people
        with product(
            started,
            {"SSL_CERT_FILE": str(authority)},
            smtp_url=f"smtp+starttls://127.0.0.1:{receiver.port}",
            smtp_connections=send.CONNECTIONS,
            sending_workers=send.PROCESSES,
        ) as ours:
            warmed = send.send(ground, ours, receiver, ground.few)
            size = send.payload_of(plain, warmed.size)
            for _ in range(rounds):
                before = send.push(plain, people, size)
                sent.append(send.send(ground, ours, receiver, ground.everybody))
                source.append((before.rate + send.push(plain, people, size).rate) / 2)
    ratios = [one.rate / rate for one, rate in zip(sent, source, strict=True)]
    spent = [one.cpu["sending"] / one.people * 1e6 for one in sent]
    return [
        figure("starttls", "into the sink", [one.rate for one in sent], "messages/s"),
        figure("starttls", "of smtp-source without TLS", ratios, "×", goal=0.5),
        figure("starttls", "smtp-source without TLS", source, "messages/s"),
        figure("starttls", "CPU of sending", spent, "µs/message", better="lower"),
    ]
