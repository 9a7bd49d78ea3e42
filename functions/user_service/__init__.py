"""Who a user is and how they like things: profile, preferences, account settings."""
