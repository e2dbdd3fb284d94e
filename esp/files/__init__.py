"""Stored files: contact files, pictures, rejected lines; in the database, so that every host sees them."""
