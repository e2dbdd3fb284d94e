"""Straight to the receivers: where a domain's mail goes, and what its hosts demand of TLS."""

from esp.senders.mx.destination import Demand, Destination, Host, Undeliverable, Unresolved
from esp.senders.mx.resolver import Resolver, resolve

__all__ = [
    "Demand",
    "Destination",
    "Host",
    "Resolver",
    "Undeliverable",
    "Unresolved",
    "resolve",
]
