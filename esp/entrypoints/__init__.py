"""The doors: the only code that knows HTTP, SMTP, the queue or the shell."""
