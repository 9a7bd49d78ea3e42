"""What the alert service does: what people do with alerts, and what ticks do to them."""
