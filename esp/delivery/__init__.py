"""One message to one address: the ledger, the message plan, SMTP, pacing."""
