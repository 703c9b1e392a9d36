"""What a cache in a table is made of: its statements, its place, its engine and its bounds."""
