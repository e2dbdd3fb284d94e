"""What the numbers say: figures of a broadcast, over time, by link, by provider, by recipient."""
