"""What every page needs."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from .cache import shelf_name


def site(request: HttpRequest) -> dict[str, Any]:
    """Name the store for the fragments of a page, and say whether it is computed anew."""
    return {"shelf": shelf_name(), "uncached": "nocache" in request.GET}
