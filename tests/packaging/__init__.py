"""What a release is made of: its notes, its files, and what its extras bring."""
