"""PostgreSQL: engine, unit of work, and what Alembic needs to know."""
