"""PostgreSQL and Redis: a server that the environment names, else one of our own."""
