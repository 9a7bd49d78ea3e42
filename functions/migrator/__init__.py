"""Makes the eight databases: roles, databases, grants and tables. Run at every deploy."""
