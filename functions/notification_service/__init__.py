"""In-app notifications: what a user is told, and what they have read."""
