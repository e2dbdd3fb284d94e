"""Where mail leaves: transports, and the providers that receivers belong to."""
