"""Entry point for the `dramatiq` command: `dramatiq worker:broker`."""

from esp.entrypoints.worker import broker

__all__ = ["broker"]
