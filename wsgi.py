"""Entry point for any WSGI server: `wsgi:application`."""

from esp.entrypoints.wsgi import application

__all__ = ["application"]
