"""``{% load cachekit %}``: fragments of a template that are kept, and that bear tags."""

from collections.abc import Sequence
from typing import Any

from django.core.cache import InvalidCacheBackendError
from django.core.cache.utils import make_template_fragment_key
from django.template import Library, Node, TemplateSyntaxError, VariableDoesNotExist
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe

from .. import conf
from ..core.faces import run_now
from ..flows.collecting import bearers, collecting
from ..flows.compute import Draft, Remembered, remember, remembered
from ..manager import manager
from ..scopes import Port, tag_names

register = Library()

FRAGMENTS = "template_fragments"
"""The alias for fragments, where ``CACHES`` has it, as for Django's ``{% cache %}``."""


class FragmentNode(Node):
    """Render its contents once per key, however many ask for it at the same time."""

    child_nodelists = ("nodelist",)

    def __init__(
        self,
        nodelist: NodeList,
        expire: FilterExpression,
        name: str,
        vary_on: Sequence[FilterExpression],
        options: dict[str, FilterExpression],
    ) -> None:
        self.nodelist = nodelist
        self.expire = expire
        self.name = name
        self.vary_on = vary_on
        self.options = options

    def render(self, context: Context) -> SafeString:
        """Return the fragment as it is kept, or render and keep it.

        Its tags reach whatever it lies in, for that shows what it shows.
        """
        ttl = self._ttl(context)
        port = self._port(context)
        key = make_template_fragment_key(self.name, [var.resolve(context) for var in self.vary_on])
        around = bearers(getattr(context, "request", None) or context.get("request"))

        def make(draft: Draft) -> str:
            with collecting(draft.tags):
                # The bare text is kept, which every codec can hold, and any program can read.
                return str.__str__(self.nodelist.render(context))

        found = run_now(_found(port, key, ttl, make, with_tags=bool(around)))
        for outer in around:
            outer.add(*found.tags)
        text: str = found.value
        return mark_safe(text)  # noqa: S308 - what a template rendered, escaped as it asked

    def _ttl(self, context: Context) -> int | None:
        expire = _value(self.expire, context)
        try:
            return None if expire is None else int(expire)
        except (ValueError, TypeError) as error:
            raise TemplateSyntaxError(
                f'"cachekit" tag got a non-integer timeout value: {expire!r}'
            ) from error

    def _port(self, context: Context) -> Port:
        tags = self._tags(context)
        using = self.options.get("using")
        if using is None:
            return manager.port(FRAGMENTS if FRAGMENTS in conf.caches() else None, tags)
        alias = _value(using, context)
        try:
            return manager.port(alias, tags)
        except InvalidCacheBackendError as error:
            raise TemplateSyntaxError(
                f"Invalid cache name specified for cachekit tag: {alias!r}"
            ) from error

    def _tags(self, context: Context) -> tuple[str, ...]:
        expression = self.options.get("tags")
        if expression is None:
            return ()
        given = expression.resolve(context, ignore_failures=True)
        try:
            return tag_names(_split(given))
        except (TypeError, ValueError) as error:
            # Kept without the tag it should have, the fragment would outlive what it shows.
            raise TemplateSyntaxError(
                f'"cachekit" tag got no tags from {expression.token}: {given!r}'
            ) from error


async def _found(port: Port, key: str, ttl: Any, make: Any, *, with_tags: bool) -> Remembered:
    """Return the fragment; its tags, which cost a little, only where they are asked for."""
    if with_tags:
        return await remembered(port, key, ttl, make)
    return Remembered(await remember(port, key, ttl, make))


def _split(given: Any) -> Any:
    if isinstance(given, str):
        return [name for part in given.split(",") if (name := part.strip())]
    return list(given)


def _value(expression: FilterExpression, context: Context) -> Any:
    try:
        return expression.resolve(context)
    except VariableDoesNotExist as error:
        raise TemplateSyntaxError(
            f'"cachekit" tag got an unknown variable: {expression.var!r}'
        ) from error


@register.tag("cachekit")
def do_cachekit(parser: Parser, token: Token) -> FragmentNode:
    """Keep the contents of a template fragment, with tags that can be flushed.

    Usage::

        {% load cachekit %}
        {% cachekit 600 sidebar user.pk tags="people,artists" using="alias" %}
            .. some expensive processing ..
        {% endcachekit %}

    Timeout (seconds, None for ever), name, and variables to vary on are those of Django's
    ``{% cache %}``, and so is the key, which ``make_template_fragment_key`` returns; a name in
    quotes is the name without them. ``tags`` is text with commas, or a variable that holds such
    text or a list.
    """
    nodelist = parser.parse(("endcachekit",))
    parser.delete_first_token()
    words = token.split_contents()
    if len(words) < 3:
        raise TemplateSyntaxError(f"{words[0]!r} tag requires at least 2 arguments.")
    options: dict[str, FilterExpression] = {}
    while len(words) > 3 and words[-1].startswith(("tags=", "using=")):
        option, _, expression = words.pop().partition("=")
        if option in options or not expression:
            fault = "twice" if expression else "without a value"
            raise TemplateSyntaxError(f"{words[0]!r} tag got {option}= {fault}.")
        options[option] = parser.compile_filter(expression)
    vary_on = [parser.compile_filter(word) for word in words[3:]]
    return FragmentNode(
        nodelist, parser.compile_filter(words[1]), _name(words[2]), vary_on, options
    )


def _name(word: str) -> str:
    quoted = len(word) > 1 and word[0] == word[-1] and word[0] in "\"'"
    return word[1:-1] if quoted else word
