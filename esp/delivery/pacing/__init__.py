"""How fast a receiver may be sent to: what its replies mean, what they teach, what people set."""
