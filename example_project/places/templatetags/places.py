"""Write numbers, distances and names for people."""

from __future__ import annotations

from django import template
from django.utils.html import format_html

from places.cache import country_names

register = template.Library()

UNITS = ((1_000_000_000, "billion"), (1_000_000, "million"))


@register.filter
def people(count: int) -> str:
    """Write a large number in short: 8.1 billion, 12.3 million, 45,600."""
    for size, unit in UNITS:
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count:,}"


@register.filter
def grouped(count: int) -> str:
    """Write a whole number with commas."""
    return f"{count:,}"


@register.filter
def km(distance: float) -> str:
    """Write a distance: 4.2 km, 312 km, 12,480 km."""
    return f"{distance:.1f} km" if distance < 10 else f"{distance:,.0f} km"


@register.filter
def ms(time: float | None) -> str:
    """Write a time in milliseconds with as many digits as mean something."""
    if time is None:
        return "–"
    return f"{time:.2f} ms" if time < 10 else f"{time:,.0f} ms"


@register.filter
def coordinate(degrees: float, axis: str) -> str:
    """Write degrees: `{{ city.latitude|coordinate:"NS" }}` gives 48.85° N."""
    return f"{abs(degrees):.2f}° {axis[0] if degrees >= 0 else axis[1]}"


@register.filter
def times(slow: float, fast: float) -> str:
    """Tell how many times faster one time is than another."""
    return f"{slow / fast:,.0f}×" if fast else "–"


@register.filter
def country_name(code: str) -> str:
    """Name the country with this code."""
    return country_names().get(code, code)


@register.filter
def add_gap(radius: float) -> str:
    """Tell where the label of a circle starts."""
    return f"{radius + 4:.1f}"


@register.filter
def split(text: str, separator: str) -> list[str]:
    """Cut a text at a separator, dropping empty parts."""
    return [part for part in text.split(separator) if part]


@register.simple_tag
def bar(length: float) -> str:
    """Draw a bar; a length of 100 fills its cell."""
    return format_html(
        '<span class="bar" aria-hidden="true"><span style="inline-size:{}%"></span></span>',
        f"{max(length, 0.5):.1f}",
    )
