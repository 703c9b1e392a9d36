"""Ways into other packages, each imported only by those who have it."""
