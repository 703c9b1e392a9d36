"""Make the table of the outbox."""

import uuid

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    """Make the table of the outbox, which stays empty unless ``CACHEKIT["OUTBOX"]`` is set."""

    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="PendingFlush",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("store", models.CharField(max_length=255)),
                ("match", models.CharField(max_length=8)),
                ("tags", models.TextField()),
                (
                    "created",
                    models.DateTimeField(db_index=True, default=django.utils.timezone.now),
                ),
            ],
            options={
                "verbose_name": "pending flush",
                "verbose_name_plural": "pending flushes",
            },
        ),
    ]
