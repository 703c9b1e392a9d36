"""The ways into other packages."""
