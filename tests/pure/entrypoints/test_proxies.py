"""Whom a chain of proxies speaks for."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from esp.entrypoints.proxies import behind, believe

NETWORKS = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))


@pytest.mark.parametrize(
    ("remote", "chain", "caller"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "spoofed, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.3,10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "<script>", "10.0.0.1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_caller_is_the_first_that_is_no_proxy(remote, chain, caller):
    environ = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": chain}
    believe(environ, NETWORKS)
    assert environ["REMOTE_ADDR"] == caller


@pytest.mark.parametrize(
    ("remote", "proto", "host", "scheme", "seen"),
    [
        ("10.0.0.1", "https", "mail.acme.example", "https", "mail.acme.example"),
        (
            "10.0.0.1",
            "http, https",
            "x.example, mail.acme.example:8443",
            "https",
            "mail.acme.example:8443",
        ),
        ("10.0.0.1", "gopher", "evil/x", "http", "inside"),
        ("10.0.0.1", "", "", "http", "inside"),
        ("203.0.113.9", "https", "evil.example", "http", "inside"),
    ],
)
def test_scheme_and_host_come_from_proxies_only(remote, proto, host, scheme, seen):
    environ = {
        "REMOTE_ADDR": remote,
        "wsgi.url_scheme": "http",
        "HTTP_HOST": "inside",
        "HTTP_X_FORWARDED_PROTO": proto,
        "HTTP_X_FORWARDED_HOST": host,
    }
    believe(environ, NETWORKS)
    assert (environ["wsgi.url_scheme"], environ["HTTP_HOST"]) == (scheme, seen)


def test_without_proxies_nothing_is_put_in_between():
    def app(environ, start_response):
        return []

    assert behind(app, ()) is app
    environ = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": "192.0.2.1"}
    assert behind(app, NETWORKS)(environ, None) == []
    assert environ["REMOTE_ADDR"] == "192.0.2.1"
