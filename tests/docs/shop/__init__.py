"""The little shop of which the examples speak."""
