"""Tests of the site, with its own settings: run `manage.py test`."""
