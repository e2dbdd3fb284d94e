"""The bench's sink under TLS, with the certificate that it makes for itself."""

from __future__ import annotations

import ssl
from pathlib import Path

from bench.conversation import Received
from bench.tls_sink import TlsSink, make_certificate
from esp.delivery.smtp.lane import Lane, Timing
from tests.doors.smtp.parties import ListFeed, message, run


def test_it_takes_mail_from_a_client_that_looks_at_its_certificate(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=str(certificate))
    got: list[Received] = []
    feed = ListFeed(lane=[message(number) for number in range(300)])
    feed.lanes["lane"][7].data += (b"y" * 70 + b"\r\n") * 20_000
    size = len(feed.lanes["lane"][7].data)
    with TlsSink(got.extend, server) as sink:
        lane = Lane("lane", [("127.0.0.1", sink.port)], tls="starttls-required", context=client)
        run(feed, lane, timing=Timing(), seconds=60)
    assert {one.kind for one in feed.outcomes.values()} == {"sent"}
    assert len({one.message_id for one in got}) == len(got) == 300
    assert max(one.size for one in got) == size


def test_it_takes_mail_without_tls_too(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    got: list[Received] = []
    feed = ListFeed(lane=[message(number) for number in range(20)])
    with TlsSink(got.extend, server) as sink:
        run(feed, Lane("lane", [("127.0.0.1", sink.port)], tls="none"))
    assert len(got) == 20
