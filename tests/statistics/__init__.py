"""What stores tell of themselves, and what of it is shown."""
