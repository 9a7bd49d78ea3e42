"""What the auth service does, one function per action; a module for each kind of action."""
