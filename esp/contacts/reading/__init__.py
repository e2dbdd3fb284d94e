"""(pure) From the bytes of a contact file to rows, and from rows to what a contact is made of."""
