"""django-debug-toolbar, as it is: its own cache panel, and ours."""
