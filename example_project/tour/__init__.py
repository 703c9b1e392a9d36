"""A tour: each feature of django_cachekit on a page of its own, with the code beside it."""
