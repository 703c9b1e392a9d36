"""What the pages about changing data change."""

from django.db import models


class Trip(models.Model):
    """A trip to some continent."""

    name = models.CharField(max_length=60)
    continent = models.CharField(max_length=20)
    price = models.PositiveIntegerField(default=100)

    def __str__(self) -> str:
        return self.name
