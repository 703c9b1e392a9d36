"""The documentation, held to what it says: its examples run, and it leaves nothing out."""
