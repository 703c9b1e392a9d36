"""Addresses of the pages."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.world_page, name="world"),
    path("countries/", views.countries_page, name="countries"),
    path("country/<str:code>/", views.country_page, name="country"),
    path("city/<int:geoname>/", views.city_page, name="city"),
    path("city/<int:geoname>/edit/", views.edit_page, name="edit"),
    path("search/", views.search_page, name="search"),
    path("zones/", views.zones_page, name="zones"),
    path("records/", views.records_page, name="records"),
    path("cache/", views.cache_page, name="cache"),
]
