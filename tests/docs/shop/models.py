"""What the shop sells."""

from django.db import models


class Product(models.Model):
    """One thing for sale."""

    name = models.CharField(max_length=100)
    category = models.CharField(max_length=100, default="tea")
    price = models.DecimalField(max_digits=8, decimal_places=2)

    def __str__(self) -> str:
        return self.name
