"""An e-mail service provider that companies run themselves."""

__version__ = "0.1.0"
