"""Stored files: contact files and pictures, in the database, so that every host sees them."""
