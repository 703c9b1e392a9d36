"""The rows everything else is worked out from."""

from django.db import models
from django.urls import reverse


class Continent(models.Model):
    """A continent, by its two-letter GeoNames code."""

    code = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=40)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Country(models.Model):
    """A country, by its two-letter ISO code."""

    code = models.CharField(max_length=2, primary_key=True)
    name = models.CharField(max_length=100)
    continent = models.ForeignKey(Continent, models.PROTECT, related_name="countries")
    capital = models.CharField(max_length=100, blank=True)
    population = models.PositiveBigIntegerField()
    area_km2 = models.FloatField()
    currency = models.CharField(max_length=40, blank=True)
    languages = models.CharField(max_length=200, blank=True)
    neighbours = models.CharField(max_length=100, blank=True)

    class Meta:
        ordering = ("name",)
        verbose_name_plural = "countries"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("country", args=[self.code])


class City(models.Model):
    """A populated place, by its GeoNames number."""

    geoname = models.PositiveIntegerField(primary_key=True)
    name = models.CharField(max_length=200)
    country = models.ForeignKey(Country, models.PROTECT, related_name="cities")
    latitude = models.FloatField()
    longitude = models.FloatField()
    population = models.PositiveIntegerField(db_index=True)
    time_zone = models.CharField(max_length=40)

    class Meta:
        ordering = ("-population", "geoname")
        verbose_name_plural = "cities"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("city", args=[self.pk])
