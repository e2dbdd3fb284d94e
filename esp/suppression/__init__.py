"""Who must not be mailed."""
