"""Outbox, relay, inbox and consumer: at least once on the way, exactly once in effect."""
