"""An app with models whose changes flush tags."""
