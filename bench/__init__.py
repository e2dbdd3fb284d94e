"""Measures the product with commands that anybody can run; prints goals beside figures."""
