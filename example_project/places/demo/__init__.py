"""Show the site to a person, or prove that the cache makes it fast and keeps it true."""
