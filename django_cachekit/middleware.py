"""Middleware: one memory for each request, whatever the server makes of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, cast

from django.http import FileResponse, HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.utils.decorators import sync_and_async_middleware

from .core.faces import is_coroutine_function
from .layers.memo import Memory, within

Serve = Callable[[HttpRequest], Any]


@sync_and_async_middleware
def MemoMiddleware(get_response: Serve) -> Serve:
    """Open a memory for ``cache.memo()`` around each request, and end it when that is answered.

    All that the request starts shares it: sync and async code, threads, tasks. What a streaming
    response reads while it is sent is read through it too; it ends with the last piece.
    """
    if is_coroutine_function(get_response):

        async def awaited(request: HttpRequest) -> HttpResponseBase:
            memory = Memory(None)
            try:
                with within(memory):
                    response = await cast(Awaitable[HttpResponseBase], get_response(request))
            except BaseException:
                memory.end()
                raise
            return _until_sent(response, memory)

        return awaited

    def blocking(request: HttpRequest) -> HttpResponseBase:
        memory = Memory(None)
        try:
            with within(memory):
                response = cast(HttpResponseBase, get_response(request))
        except BaseException:
            memory.end()
            raise
        return _until_sent(response, memory)

    return blocking


def _until_sent(response: HttpResponseBase, memory: Memory) -> HttpResponseBase:
    """End the memory, or have it end when the rest of the response has been made."""
    # A file reads no cache, and the server may want to send it by itself.
    if not isinstance(response, StreamingHttpResponse) or isinstance(response, FileResponse):
        memory.end()
    elif response.is_async:
        response.streaming_content = _aeach(response.streaming_content, memory)
    else:
        response.streaming_content = _each(response.streaming_content, memory)
    return response


def _each(content: Any, memory: Memory) -> Iterator[Any]:
    """Make each piece with the memory in force: a generator has the context of its caller."""
    pieces = iter(content)
    try:
        while True:
            with within(memory):
                try:
                    piece = next(pieces)
                except StopIteration:
                    return
            yield piece
    finally:
        memory.end()


async def _aeach(content: Any, memory: Memory) -> AsyncIterator[Any]:
    """Make each piece with the memory in force, awaited."""
    pieces = aiter(content)
    try:
        while True:
            with within(memory):
                try:
                    piece = await anext(pieces)
                except StopAsyncIteration:
                    return
            yield piece
    finally:
        memory.end()


__all__ = ["MemoMiddleware"]
