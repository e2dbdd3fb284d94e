"""Our own SMTP client: many pipelining connections in one epoll loop."""
