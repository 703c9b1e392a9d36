"""A Redis as a store of bytes: its connections, its keys, and what is said to it."""
