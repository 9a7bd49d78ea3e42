"""What the price service does, one function per action: making ticks, and serving prices."""
