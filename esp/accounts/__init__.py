"""Tenants, the people who work in them, their keys, and the log of what they did."""
