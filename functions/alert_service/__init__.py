"""Alerts, and the engine that finds which of them a price tick triggers."""
