"""How often one may try to sign in."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from flask import Flask, Response, request
from flask_limiter import Limiter

from esp.runtime import Runtime

View = Callable[..., Any]

# One person mistypes some times; an office behind one address has many people.
BY_PERSON = "10 per 15 minutes"
BY_PLACE = "60 per 15 minutes"
# Many places that try one person's password.
BY_ADDRESS = "100 per hour"


def make_limiter(app: Flask, runtime: Runtime) -> Limiter:
    """Counts in Valkey, and in this process's memory while Valkey is away."""
    return Limiter(
        place,
        app=app,
        storage_uri=_storage(runtime.settings.redis_url),
        storage_options={"socket_connect_timeout": 1, "socket_timeout": 1},
        key_prefix="esp-limits",
        strategy="fixed-window",
        headers_enabled=True,
        swallow_errors=True,
        in_memory_fallback_enabled=True,
    )


def guard(app: Flask, limiter: Limiter, endpoint: str) -> None:
    """Let a form be sent only so often, counting what did not succeed."""
    view: View = app.view_functions[endpoint]
    for limit, key in ((BY_ADDRESS, address), (BY_PLACE, place), (BY_PERSON, person)):
        view = limiter.limit(limit, key_func=key, methods=["POST"], deduct_when=_failed)(view)
    app.view_functions[endpoint] = view


def place() -> str:
    """Where the request comes from: an IPv4 address, or the /64 one customer has of IPv6."""
    try:
        found = ip_address(request.remote_addr or "")
    except ValueError:
        return "nowhere"
    if isinstance(found, IPv6Address):
        return str(ip_network((found, 64), strict=False))
    return str(found)


def address() -> str:
    """The address in the form, in no readable form: it goes into keys and logs."""
    typed = request.form.get("email", "").strip().lower()
    return blake2b(typed.encode(), digest_size=12).hexdigest()


def person() -> str:
    """One address from one place."""
    return f"{place()} {address()}"


def _failed(response: Response) -> bool:
    return response.status_code != 303


def _storage(url: str) -> str:
    if url.startswith("unix://"):
        return f"redis+{url}"
    return url.replace("valkey", "redis", 1) if url.startswith("valkey") else url
