"""A model checker for the tag protocol: every interleaving of a few processes."""
