"""Django's own ``{% cache %}`` on every store."""

from typing import Any

import pytest
from django.core.cache import cache as plain
from django.core.cache.utils import make_template_fragment_key
from django.template import Context, Template
from django.test import override_settings
from django.utils.safestring import SafeString

from tests.templates.test_cachekit_tag import Counter

TEMPLATE = "{% load cache %}{% cache 600 sidebar user %}<b>{{ n.next }}</b>{% endcache %}"


def render(**context: Any) -> str:
    return Template(TEMPLATE).render(Context(context))


def test_it_keeps_what_was_rendered(store: Any) -> None:
    counter = Counter()

    assert [render(user=1, n=counter) for _ in range(2)] == ["<b>1</b>"] * 2
    assert render(user=2, n=counter) == "<b>2</b>"


def test_its_key_takes_the_fragment_away(store: Any) -> None:
    counter = Counter()
    render(user=1, n=counter)

    assert store.forget(make_template_fragment_key("sidebar", [1]))
    assert render(user=1, n=counter) == "<b>2</b>"


def test_the_mark_of_safe_text_comes_back(store: Any) -> None:
    render(user=1, n=Counter())

    found = plain.get(make_template_fragment_key("sidebar", [1]))
    assert found == "<b>1</b>"
    assert isinstance(found, SafeString)


def test_both_tags_read_what_the_other_has_kept(store: Any) -> None:
    counter = Counter()
    ours = TEMPLATE.replace("load cache", "load cachekit").replace("cache 600", "cachekit 600")
    ours = ours.replace("endcache", "endcachekit")

    assert render(user=1, n=counter) == "<b>1</b>"
    assert Template(ours).render(Context({"user": 1, "n": counter})) == "<b>1</b>"
    assert Template(ours).render(Context({"user": 2, "n": counter})) == "<b>2</b>"
    assert render(user=2, n=counter) == "<b>2</b>"


@pytest.mark.parametrize("backend", ["django_cachekit.backends.null.NullCache"])
def test_a_store_that_keeps_nothing_renders_each_time(backend: str) -> None:
    counter = Counter()
    with override_settings(CACHES={"default": {"BACKEND": backend}}):
        assert [render(user=1, n=counter) for _ in range(2)] == ["<b>1</b>", "<b>2</b>"]
