"""The security headers of every page, and the list of the routes that have another policy."""

from __future__ import annotations

from flask import Flask, Response, request

DEFAULT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
# Mail as its reader would see it: its own styles and pictures, no scripts, an origin of its own,
# framed by our pages only. A link in it opens outside the frame.
MAIL_POLICY = "; ".join(
    (
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src 'self' https: http: data:",
        "font-src https:",
        "form-action 'none'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    )
)

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    # The page a refused form came from is told to us and to nobody else.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_others: dict[str, str] = {}


def other_policy(endpoint: str, policy: str) -> None:
    """Give `endpoint` a Content-Security-Policy of its own."""
    _others[endpoint] = policy


def other_policies() -> dict[str, str]:
    """Every endpoint with another policy than the default."""
    return dict(_others)


def install(app: Flask, *, secure: bool) -> None:
    """Put the headers on every answer of `app`, errors included."""

    @app.after_request
    def protect(response: Response) -> Response:
        policy = _others.get(request.endpoint or "", DEFAULT_POLICY)
        response.headers["Content-Security-Policy"] = policy
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if secure:
            response.headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        # Nothing of a signed-in person stays in a shared cache or computer.
        response.headers.setdefault("Cache-Control", "no-store")
        return response
