"""What the user service does, one function per action."""
