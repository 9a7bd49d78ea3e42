"""Tokens, and secrets in transit between services."""
