"""What the pages show, worked out from all the rows each time; nothing in here is cached."""
