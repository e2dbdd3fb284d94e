"""Entry point for any WSGI server: `wsgi:application`."""

from esp.wsgi import application

__all__ = ["application"]
