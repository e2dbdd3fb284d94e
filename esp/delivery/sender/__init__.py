"""A sending process: claims, fills, sends, writes down, and stops when it is told."""

from esp.delivery.sender.sender import Sender

__all__ = ["Sender"]
