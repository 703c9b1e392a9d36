"""A fragment in another: its tags reach the outer one, whether it was rendered or found."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.template import Context, Engine, Library, Template, TemplateSyntaxError, engines
from django.template.loader import render_to_string
from django.test import override_settings

from .test_cachekit_tag import Counter

register = Library()

PARTS = {
    "inner.html": "{% load cachekit %}{% cachekit 600 'in' tags='inner' %}i{% endcachekit %}",
    "base.html": "{% block body %}{% endblock %}",
    "child.html": "{% extends 'base.html' %}"
    "{% block body %}{% include 'inner.html' %}{% endblock %}",
}


@register.inclusion_tag("inner.html")
def shown_inside() -> dict[str, Any]:
    return {}


@register.simple_tag
def rendered_apart() -> str:
    return render_to_string("inner.html")


def engine() -> Engine:
    """Return an engine with the parts above, and the tags that render them."""
    return Engine(
        loaders=[("django.template.loaders.locmem.Loader", PARTS)],
        libraries={"nested": __name__, "cachekit": "django_cachekit.templatetags.cachekit"},
    )


def page(body: str, opening: str = "600 out tags='outer'") -> Callable[..., str]:
    """Return what renders a fragment with ``body`` in it, and counts."""
    source = (
        f"{{% load cachekit nested %}}{{% cachekit {opening} %}}"
        f"{{{{ n.next }}}}{body}{{% endcachekit %}}"
    )
    template = Template(source, engine=engine())
    counter = Counter()

    def render(**context: Any) -> str:
        return template.render(Context({"n": counter, **context}))

    return render


INNER = "{% cachekit 600 'in' tags='inner' %}i{% endcachekit %}"


@pytest.mark.parametrize("kept", [False, True], ids=["rendered", "found"])
def test_flushing_an_inner_tag_takes_the_outer_away(store: Any, kept: bool) -> None:
    render = page(INNER)
    if kept:
        assert page(INNER, "600 first")() == "1i"
    assert [render(), render()] == ["1i", "1i"]

    store.tags("other").flush()
    assert render() == "1i"
    store.tags("inner").flush()
    assert [render(), render()] == ["2i", "2i"]
    store.tags("outer").flush()
    assert [render(), render()] == ["3i", "3i"]


def test_an_outer_one_without_tags_of_its_own_bears_the_inner_ones(array: Any) -> None:
    render = page(INNER, "600 out")
    assert [render(), render()] == ["1i", "1i"]

    array.tags("inner").flush()
    assert [render(), render()] == ["2i", "2i"]


def test_they_reach_through_any_number(array: Any) -> None:
    middle = f"{{% cachekit 600 'mid' tags='middle' %}}{INNER}{{% endcachekit %}}"
    render = page(middle)
    for number, tag in enumerate(["inner", "middle", "outer", "inner"], 2):
        render()
        array.tags(tag).flush()
        assert [render(), render()] == [f"{number}i"] * 2

    # Found in the cache, the middle one tells of the inner one that was not looked for.
    other = page(middle, "600 other")
    assert other() == "1i"
    array.tags("inner").flush()
    assert other() == "2i"


def test_an_outer_flush_leaves_the_inner_one(array: Any) -> None:
    counter = Counter()
    render = page("{% cachekit 600 'in' tags='inner' %}{{ m.next }}{% endcachekit %}")
    assert render(m=counter) == "11"

    array.tags("outer").flush()
    assert render(m=counter) == "21"


@pytest.mark.parametrize(
    "body",
    [
        "{% include 'inner.html' %}",
        "{% include 'inner.html' only %}",
        "{% include 'child.html' %}",
        "{% shown_inside %}",
        "{% rendered_apart %}",
        "{% for x in 'ab' %}{% with y=x %}{% include 'inner.html' %}{% endwith %}{% endfor %}",
    ],
)
def test_wherever_the_inner_one_stands(
    array: Any, body: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"{__name__}.render_to_string", engine().render_to_string)
    render = page(body)
    before = render()
    assert render() == before

    array.tags("inner").flush()
    assert render() == before.replace("1", "2")


def test_what_stands_beside_it_does_not_bear_them(array: Any) -> None:
    beside = page("", "600 beside tags='outer'")
    both = page("", "600 both")
    template = Template(f"{{% load cachekit %}}{INNER}", engine=engine())
    for render in (beside, both):
        render()
        template.render(Context())

    array.tags("inner").flush()
    assert [beside(), both()] == ["1", "1"]


def test_an_error_inside_lends_its_tags_to_nobody_later(array: Any) -> None:
    class Broken:
        def next(self) -> str:
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError):
        page("{{ broken.next }}")(broken=Broken())
    with pytest.raises(TemplateSyntaxError):
        page("{% cachekit 600 'in' tags=nothing %}{% endcachekit %}", "600 wrong")()

    alone = page("", "600 alone tags='outer'")
    assert alone() == "1"
    assert page(INNER, "600 next")() == "1i"
    array.tags("inner").flush()
    assert alone() == "1"


@pytest.mark.parametrize("kept", [False, True], ids=["rendered", "found"])
def test_a_flush_of_an_inner_tag_while_the_outer_is_rendered(store: Any, kept: bool) -> None:
    """The inner one was good when it was looked at, and is no more when the outer one is kept."""
    render = page(INNER + "{{ flush }}")
    if kept:
        page(INNER, "600 first")()

    assert render(flush=lambda: store.tags("inner").flush() or "") == "1i"
    assert render(flush="") == "2i"


def test_a_flush_of_the_alias_while_the_outer_is_rendered(array: Any) -> None:
    render = page(INNER + "{{ flush }}")

    assert render(flush=lambda: array.clear() or "") == "1i"
    assert render(flush="") == "2i"


def test_a_race_that_would_be_seen(array: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above with the known fault: what is found late is not held against flushes."""
    from django_cachekit.layers.tags import Tags

    late = Tags._late

    async def trusting(self: Any, face: Any, tags: Any, proceed: Any) -> Any:
        _, nonces = await late(self, face, tags, proceed)
        return before[0], nonces

    stamp = Tags._stamp
    before: list[Any] = []

    async def noted(self: Any, face: Any, op: Any, proceed: Any) -> Any:
        before[:] = [op.stamp and op.stamp.flushes]
        return await stamp(self, face, op, proceed)

    monkeypatch.setattr(Tags, "_late", trusting)
    monkeypatch.setattr(Tags, "_stamp", noted)
    with pytest.raises(AssertionError):
        test_a_flush_of_an_inner_tag_while_the_outer_is_rendered(array, kept=False)


def test_tags_reach_another_store_by_name(array: Any) -> None:
    """A flush is that of one store: the outer fragment is told by a flush of its own."""
    render = page("{% cachekit 600 'in' tags='inner' using='other' %}i{% endcachekit %}")
    assert render() == "1i"

    array.store("other").tags("inner").flush()
    assert render() == "1i"
    array.tags("inner").flush()
    assert render() == "2i"


def test_threads_collect_apart(array: Any) -> None:
    gate = threading.Barrier(2)

    def meet() -> str:
        gate.wait(10)
        return ""

    renders = {
        name: page(
            f"{{{{ meet }}}}{{% cachekit 600 'in{name}' tags='{name}' %}}i{{% endcachekit %}}"
            "{{ meet }}",
            f"600 out{name}",
        )
        for name in "ab"
    }
    threads = [
        threading.Thread(target=render, kwargs={"meet": meet}) for render in renders.values()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    array.tags("a").flush()
    assert [render(meet="") for render in renders.values()] == ["2i", "1i"]


def test_a_fragment_that_holds_itself(array: Any) -> None:
    nested = {"loop.html": "{% load cachekit %}{% cachekit 600 'x' tags='t' %}{{ n.next }}"}
    nested["loop.html"] += (
        "{% if n.number < 3 %}{% include 'loop.html' %}{% endif %}{% endcachekit %}"
    )
    loader = ("django.template.loaders.locmem.Loader", nested)
    libraries = {"cachekit": "django_cachekit.templatetags.cachekit"}
    template = Engine(loaders=[loader], libraries=libraries).get_template("loop.html")

    assert template.render(Context({"n": Counter()})) == "123"


def test_without_anything_around_it_no_tags_are_asked_for(
    array: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django_cachekit.templatetags import cachekit

    asked: list[str] = []
    monkeypatch.setattr(cachekit, "remembered", lambda *args: asked.append(args[1]))
    template = engines["django"].from_string("{% load cachekit %}" + INNER)

    assert [template.render(), template.render()] == ["i", "i"]
    assert asked == []


def test_where_nothing_is_kept(db: None) -> None:
    table = "django.core.cache.backends.db.DatabaseCache"
    with override_settings(CACHES={"default": {"BACKEND": table, "LOCATION": "no_such_table"}}):
        render = page(INNER)
        assert [render(), render()] == ["1i", "2i"]
