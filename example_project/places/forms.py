"""The forms of the site."""

from django import forms

from .models import City


class CityForm(forms.ModelForm):  # type: ignore[type-arg]
    """Change what a city is called and how many people live there."""

    population = forms.IntegerField(min_value=0, max_value=100_000_000, label="People")

    class Meta:
        model = City
        fields = ("name", "population")


class SearchForm(forms.Form):
    """Ask for a name."""

    q = forms.CharField(max_length=60, label="Name of a city")


class FlushForm(forms.Form):
    """Ask to flush a tag."""

    tag = forms.CharField(max_length=60, label="Tag")
