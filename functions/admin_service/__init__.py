"""What operators need: the audit log."""
