"""Which provider stands behind a host."""

from __future__ import annotations

import pytest

from esp.senders.mx.rollup import provider_of_host


@pytest.mark.standard("THR-01")
@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("alt1.aspmx.l.google.com", "google"),
        ("smtp.google.com", "google"),
        ("acme-com.mail.protection.outlook.com", "microsoft"),
        ("acme-com.n-v1.mx.microsoft", "microsoft"),
        ("mta7.am0.yahoodns.net", "yahoo"),
        ("mx01.mail.icloud.com", "apple"),
        ("mx00.emig.gmx.net", "gmx"),
        ("smtp-in.orange.fr", "orange"),
        ("mailsec.protonmail.ch", "proton"),
        ("mx.zoho.eu", "zoho"),
        ("eu-smtp-inbound-1.mimecast.com", "mimecast"),
        ("MXA-00123.gslb.pphosted.com.", "proofpoint"),
        # Not one of theirs, though it ends alike.
        ("mx.notgoogle.com", "notgoogle.com"),
        ("google.com.evil.example", "evil.example"),
        # The others: what their owner registered.
        ("mx1.eu.acme.co.uk", "acme.co.uk"),
        ("mx.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("localhost", "localhost"),
    ],
)
def test_who_stands_behind_a_host(host, provider):
    assert provider_of_host(host) == provider
