"""Breaks the product's surroundings while it sends, and counts who got nothing or too much."""
