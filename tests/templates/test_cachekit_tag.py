"""``{% cachekit %}``: what it keeps, where, for how long, and what takes it away."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.core.cache.utils import make_template_fragment_key
from django.template import Context, Template, TemplateSyntaxError
from django.test import override_settings
from django.utils.safestring import SafeString

from django_cachekit import cache
from tests.conftest import Clock
from tests.templates.conftest import ARRAY

COUNTED = "{{ n.next }}{% endcachekit %}"


class Counter:
    """Count how often a template was rendered."""

    def __init__(self) -> None:
        self.number = 0

    def next(self) -> int:
        self.number += 1
        return self.number


def render(opening: str, context: dict[str, Any] | None = None, body: str = COUNTED) -> str:
    template = Template(f"{{% load cachekit %}}{{% cachekit {opening} %}}{body}")
    return template.render(Context(context or {}))


def test_it_is_rendered_once(store: Any) -> None:
    counter = Counter()

    assert [render("600 sidebar", {"n": counter}) for _ in range(3)] == ["1", "1", "1"]


def test_flushing_a_tag_takes_it_away(store: Any) -> None:
    counter = Counter()
    opening = 'None sidebar tags="people, artists"'
    assert render(opening, {"n": counter}) == "1"

    store.tags("cities").flush()
    assert render(opening, {"n": counter}) == "1"
    store.tags("artists").flush()
    assert render(opening, {"n": counter}) == "2"


def test_it_is_kept_as_bare_text_and_given_out_as_safe(store: Any) -> None:
    found = [render("600 sidebar", {"x": "<i>"}, "<b>{{ x }}</b>{% endcachekit %}")] * 2

    assert found == ["<b>&lt;i&gt;</b>"] * 2
    kept = store.get(make_template_fragment_key("sidebar"))
    assert type(kept) is str
    nested = "{% autoescape on %}{% cachekit 600 sidebar %}{% endcachekit %}{% endautoescape %}"
    again = Template("{% load cachekit %}" + nested).render(Context())
    assert again == "<b>&lt;i&gt;</b>"


def test_what_it_returns_is_marked_safe(array: Any) -> None:
    template = Template("{% load cachekit %}{% cachekit 600 a %}<b>{% endcachekit %}")
    node = template.nodelist[-1]

    for _ in range(2):
        with Context().render_context.push_state(template):
            assert isinstance(node.render(Context()), SafeString)


@pytest.mark.parametrize("name", ["sidebar", '"sidebar"', "'sidebar'"])
def test_its_key_is_the_one_that_django_names(array: Any, name: str) -> None:
    render(f"600 {name} user.pk 'x' 3", {"user": {"pk": 7}, "n": Counter()})

    assert array.get(make_template_fragment_key("sidebar", [7, "x", 3])) == "1"


def test_it_varies_on_what_follows_the_name(array: Any) -> None:
    counter = Counter()

    def shown(user: str) -> str:
        return render("600 sidebar user|upper", {"user": user, "n": counter})

    assert [shown("ada"), shown("bob"), shown("ADA"), shown("bob")] == ["1", "2", "1", "2"]


def test_a_name_is_text_and_no_variable(array: Any) -> None:
    counter = Counter()

    shown = [render("600 name", {"name": name, "n": counter}) for name in "ab"]

    assert shown == ["1", "1"]


def test_it_lives_as_long_as_was_said(array: Any, clock: Clock) -> None:
    counter = Counter()
    context = {"n": counter, "minute": 60}
    assert render("minute sidebar", context) == "1"
    assert render("None for-ever", context) == "2"

    clock.advance(61)

    assert render("minute sidebar", context) == "3"
    assert render("None for-ever", context) == "2"


@pytest.mark.parametrize("ttl", ["0", "-1"])
def test_without_time_to_live_it_is_rendered_each_time(array: Any, ttl: str) -> None:
    counter = Counter()

    assert [render(f"{ttl} sidebar", {"n": counter}) for _ in range(2)] == ["1", "2"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ('"people,artists"', None),
        ('" people , artists ,"', None),
        ("names", "people,artists"),
        ("names", ["people", "artists"]),
        ("names", ("artists", ["people"])),
        ("page.tags", None),
        ('"people"|add:",artists"', None),
    ],
)
def test_tags_are_text_with_commas_or_a_list(array: Any, expression: str, value: Any) -> None:
    page = {"tags": ["people", "artists"]}
    context = {"names": value, "page": page, "n": Counter()}
    for tag in ("people", "artists"):
        before = render(f"600 sidebar tags={expression}", context)
        assert render(f"600 sidebar tags={expression}", context) == before
        array.tags(tag).flush()
        assert render(f"600 sidebar tags={expression}", context) != before


def test_a_tag_with_a_comma_can_be_given_in_a_list(array: Any) -> None:
    context = {"names": ["a,b"], "n": Counter()}
    assert render("600 sidebar tags=names", context) == "1"

    array.tags("a").flush()
    assert render("600 sidebar tags=names", context) == "1"
    array.tags("a,b").flush()
    assert render("600 sidebar tags=names", context) == "2"


@pytest.mark.parametrize("names", ["", [], " , "])
def test_no_tags_are_none(array: Any, names: Any) -> None:
    render("600 sidebar tags=names", {"names": names, "n": Counter()})

    assert array.has(make_template_fragment_key("sidebar"))


def test_tags_and_using_come_in_either_order(array: Any) -> None:
    for opening in ('600 a tags="t" using="other"', '600 a using="other" tags="t"'):
        render(opening, {"n": Counter()})
        assert array.store("other").tags("t").has(make_template_fragment_key("a"))
        array.store("other").tags("t").flush()

    assert array.missing(make_template_fragment_key("a"))


def test_using_may_be_a_variable(array: Any) -> None:
    render("600 a using=alias", {"alias": "other", "n": Counter()})

    assert array.store("other").has(make_template_fragment_key("a"))


def test_fragments_have_an_alias_of_their_own_where_there_is_one(array: Any) -> None:
    names = ("default", "template_fragments")
    aliases = {name: {"BACKEND": ARRAY, "LOCATION": f"fragments {name}"} for name in names}
    with override_settings(CACHES=aliases):
        render("600 a", {"n": Counter()})

        assert caches["template_fragments"].has_key(make_template_fragment_key("a"))
        assert not caches["default"].has_key(make_template_fragment_key("a"))


def test_else_they_are_kept_in_the_default_store(array: Any) -> None:
    with override_settings(CACHEKIT={"DEFAULT_STORE": "other"}):
        render("600 a", {"n": Counter()})

        assert caches["other"].has_key(make_template_fragment_key("a"))


def test_one_in_another_is_kept_apart(array: Any) -> None:
    counter = Counter()
    body = (
        "{{ n.next }} {% cachekit 600 inner tags='inner' %}{{ n.next }}{% endcachekit %}"
        "{% endcachekit %}"
    )
    opening = "600 outer tags='outer'"
    assert render(opening, {"n": counter}, body) == "1 2"

    array.tags("outer").flush()
    assert render(opening, {"n": counter}, body) == "3 2"


def test_many_at_once_render_it_once(array: Any) -> None:
    counter, gate = Counter(), threading.Barrier(4)
    shown: list[str] = []

    def show() -> None:
        gate.wait(10)
        shown.append(render("600 crowd", {"n": counter}))

    threads = [threading.Thread(target=show) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert shown == ["1"] * 4


def test_an_error_inside_is_not_kept(array: Any) -> None:
    class Broken:
        def next(self) -> str:
            raise RuntimeError("inside")

    with pytest.raises(RuntimeError, match="inside"):
        render("600 sidebar", {"n": Broken()})
    assert render("600 sidebar", {"n": Counter()}) == "1"


@pytest.mark.parametrize(
    ("opening", "said"),
    [
        ("", "'cachekit' tag requires at least 2 arguments."),
        ("600", "'cachekit' tag requires at least 2 arguments."),
        ("soon sidebar", "\"cachekit\" tag got a non-integer timeout value: ''"),
        ("'soon' sidebar", "\"cachekit\" tag got a non-integer timeout value: 'soon'"),
        ("600 a using='nope'", "Invalid cache name specified for cachekit tag: 'nope'"),
        ("600 a tags=nothing", '"cachekit" tag got no tags from nothing: None'),
        ("600 a tags=None", '"cachekit" tag got no tags from None: None'),
        ("600 a tags=number", '"cachekit" tag got no tags from number: 3'),
        ("600 a tags='a' tags='b'", "'cachekit' tag got tags= twice."),
        ("600 a tags=", "'cachekit' tag got tags= without a value."),
        ("600 a tag='b'", "Could not parse the remainder"),
        ("600 a tags='b' user", "Could not parse the remainder"),
    ],
)
def test_mistakes_are_told(array: Any, opening: str, said: str) -> None:
    with pytest.raises(TemplateSyntaxError) as told:
        render(opening, {"n": Counter(), "number": 3})

    assert said in str(told.value)


def test_it_must_be_closed() -> None:
    with pytest.raises(TemplateSyntaxError, match="endcachekit"):
        Template("{% load cachekit %}{% cachekit 600 a %}")


@pytest.fixture
def down() -> Iterator[None]:
    table = "django.core.cache.backends.db.DatabaseCache"
    with override_settings(CACHES={"default": {"BACKEND": table, "LOCATION": "no_such_table"}}):
        yield


@pytest.mark.django_db
def test_a_page_is_shown_while_the_store_cannot_be_reached(down: None) -> None:
    counter = Counter()

    assert [render("600 a", {"n": counter}) for _ in range(2)] == ["1", "2"]
    assert cache.alias == "default"
