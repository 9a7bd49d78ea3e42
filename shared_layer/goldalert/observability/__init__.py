"""Logs of every function, as JSON with the correlation id."""
