"""The local mailbox: where mail goes until a transport is configured."""
