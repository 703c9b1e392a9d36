"""Countries and cities of the world, and what can be worked out from them."""
