"""(pure) DKIM signatures (RFC 6376, 8301, 8463) over the very bytes that are sent."""

from esp.delivery.dkim.signer import Signer

__all__ = ["Signer"]
