"""What the nine services share: contracts, messaging, database, HTTP, cache and security.

The library knows no service. Heavy dependencies (boto3, SQLAlchemy, redis) are imported on first
use, so that a function pays only for what it calls.
"""
