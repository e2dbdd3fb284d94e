"""What goes in and out, as pydantic models: they check, and they are the documentation."""
