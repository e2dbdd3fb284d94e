"""Templates, merge tags, checks, rendering."""
