"""The edge: the health of the whole, and the description of the whole API."""
