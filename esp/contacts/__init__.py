"""People, fields, lists, consent and imports."""
