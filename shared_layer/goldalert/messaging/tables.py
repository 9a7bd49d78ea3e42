"""The tables of the messaging, which each service's first migration creates in its database."""

INBOX_RETENTION_DAYS = 28
"""Longest life of a message: 14 days in its queue and 14 days in the dead-letter queue."""

CREATE_OUTBOX = """
CREATE TABLE outbox (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    event_type text NOT NULL,
    message text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    leased_until timestamptz,
    created_at timestamptz NOT NULL DEFAULT now()
)
"""

CREATE_INBOX = """
CREATE TABLE inbox (
    event_id uuid NOT NULL,
    consumer text NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, consumer)
)
"""
