"""Addresses of the tour."""

from django.urls import path

from . import views
from .stops.async_view import people
from .stops.views import continent

urlpatterns = [
    path("", views.index, name="tour"),
    path("continent/<str:code>/", continent, name="tour-continent"),
    path("people/", people, name="tour-people"),
    path("<slug:slug>/", views.page, name="tour-stop"),
]
