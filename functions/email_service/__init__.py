"""Mail: who may get it, what is due, what was sent, and what became of it."""
