"""Redis, as a copy that may vanish at any time."""
