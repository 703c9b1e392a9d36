"""Write what an action returned for people."""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

register = template.Library()


@register.filter
def prose(text: str) -> SafeString:
    """Write a text in which `this` is code."""
    parts = [
        format_html("<code>{}</code>", part) if at % 2 else escape(part)
        for at, part in enumerate(text.split("`"))
    ]
    return mark_safe("".join(parts))  # noqa: S308  each part is escaped


@register.filter
def item(facts: dict[str, Any] | str, name: str) -> str:
    """Return what was told under a name, for a form that asks for it."""
    return str(facts.get(name, "")) if isinstance(facts, dict) else ""


@register.filter
def fact(value: Any) -> SafeString:
    """Write a value: a table for rows, a list for several, else its text."""
    if isinstance(value, bool):
        return escape("yes" if value else "no")
    if isinstance(value, dict):
        return _table([{"": name, "value": one} for name, one in value.items()], head=False)
    if isinstance(value, (list, tuple)):
        rows = value and all(isinstance(one, dict) for one in value)
        return _table(list(value), head=True) if rows else _several(value)
    if isinstance(value, str) and "\n" in value:
        return format_html("<pre>{}</pre>", value)
    return escape(f"{value:,}" if isinstance(value, int) else str(value))


def _several(values: Any) -> SafeString:
    if not values:
        return escape("none")
    items = ((fact(value),) for value in values)
    return format_html('<ul class="several">{}</ul>', format_html_join("", "<li>{}", items))


def _table(rows: list[dict[str, Any]], head: bool) -> SafeString:
    names = ((name,) for name in rows[0])
    top = format_html("<thead><tr>{}</thead>", format_html_join("", "<th>{}", names))
    body = format_html_join("", "<tr>{}", ((_cells(row),) for row in rows))
    table = "<div class=scroll><table>{}<tbody>{}</tbody></table></div>"
    return format_html(table, top if head else "", body)


def _cells(row: dict[str, Any]) -> SafeString:
    return format_html_join("", "<td>{}", ((fact(value),) for value in row.values()))
