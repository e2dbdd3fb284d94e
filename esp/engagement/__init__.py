"""What happened: one append-only table of events, and the counts kept beside it."""
