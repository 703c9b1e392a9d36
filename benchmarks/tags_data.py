"""What is cached in the races: rows that change."""

from django.db import connection, models


class Item(models.Model):
    """Be data with a version; those that are cached together have one tag."""

    tag = models.CharField(max_length=50)
    version = models.IntegerField(default=0)

    class Meta:
        app_label = "benchmarks"

    def __str__(self) -> str:
        return f"{self.tag}: {self.version}"


def make_table(tags: list[str]) -> None:
    """Make the table, with a row for each tag."""
    with connection.schema_editor() as editor:
        editor.create_model(Item)
    Item.objects.bulk_create(Item(tag=tag) for tag in tags)


def current(tag: str) -> int:
    """Return the version that stands."""
    return Item.objects.values_list("version", flat=True).get(tag=tag)


def change(tag: str) -> None:
    """Change the row, as a form would: by ``save``, whose signals cacheops listens to."""
    item = Item.objects.get(tag=tag)
    item.version += 1
    item.save()
