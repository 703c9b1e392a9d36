"""The tests of django_cachekit."""
