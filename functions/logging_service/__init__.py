"""What happened, across all services: log entries that can be searched."""
