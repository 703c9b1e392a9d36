"""Books on shelves, with labels."""

import uuid

from django.db import models

from django_cachekit import InvalidatingManager, InvalidatingQuerySet


class Shelf(models.Model):
    """Hold books."""

    name = models.CharField(max_length=20)

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """Stick to books."""

    name = models.CharField(max_length=20)
    near = models.ManyToManyField("self")

    def __str__(self) -> str:
        return self.name


class Book(models.Model):
    """Stand on a shelf."""

    title = models.CharField(max_length=20)
    code = models.CharField(max_length=20, unique=True, null=True)  # noqa: DJ001 - some have none
    shelf = models.ForeignKey(Shelf, models.CASCADE, null=True)
    labels = models.ManyToManyField(Label)

    objects = InvalidatingManager()

    def __str__(self) -> str:
        return self.title


class OldBook(Book):
    """Be a book, seen otherwise."""

    class Meta:
        proxy = True

    def __str__(self) -> str:
        return self.title


class Atlas(Book):
    """Be a book with a table of its own."""

    scale = models.IntegerField(default=1)

    def __str__(self) -> str:
        return self.title


class Ticket(models.Model):
    """Have a key that is made before it is saved."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=20)

    objects = InvalidatingQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name
