"""What tasks of a loop want at the same time is asked for once, and never of an older call."""

import asyncio
import contextvars
import multiprocessing
import os
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from django_cachekit.core.faces import Together

FORK = multiprocessing.get_context("fork")


class Store:
    """Answer with each key twice over, once it is let; note what it was asked."""

    def __init__(self) -> None:
        self.asked: list[list[Any]] = []
        self.open = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self, keys: Sequence[Any]) -> list[Any]:
        self.asked.append(list(keys))
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return [key * 2 for key in keys]


def waiting(together: Together[Any], *wanted: Sequence[Any]) -> list[asyncio.Task[Any]]:
    return [asyncio.ensure_future(together.get(keys)) for keys in wanted]


async def turns(number: int = 5) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


def test_the_first_asks_alone_and_those_who_come_meanwhile_in_one() -> None:
    async def all_at_once() -> None:
        store = Store()
        together = Together(store.ask, 10)
        tasks = waiting(together, "a", "bc", "cd", "d")
        await turns()
        assert store.asked == [["a"], ["b", "c", "d"]]
        store.open.set()
        assert await asyncio.gather(*tasks) == [["aa"], ["bb", "cc"], ["cc", "dd"], ["dd"]]
        assert await together.get("a") == ["aa"]
        assert store.asked[2:] == [["a"]]

    asyncio.run(all_at_once())


def test_nobody_is_answered_by_a_call_that_had_begun_before() -> None:
    async def one_after_the_other() -> None:
        store = Store()
        together = Together(store.ask, 10)
        tasks = waiting(together, "a", "b")
        await turns()
        tasks += waiting(together, "b")
        await turns()
        assert store.asked == [["a"], ["b"], ["b"]]
        store.open.set()
        await asyncio.gather(*tasks)

    asyncio.run(one_after_the_other())


@pytest.mark.parametrize("most", [1, 2, 3])
def test_a_call_has_a_bound_and_nobodys_wants_are_parted(most: int) -> None:
    async def many() -> None:
        store = Store()
        together = Together(store.ask, most)
        tasks = waiting(together, "a", *("bc", "de", "f", "ghijk", "bc", "c"))
        await turns()
        expected = {
            1: ["bc", "de", "f", "ghijk", "bc", "c"],
            2: ["bc", "de", "f", "ghijk", "bc", "c"],
            3: ["bc", "def", "ghijk", "bc"],
        }
        assert ["".join(keys) for keys in store.asked[1:]] == expected[most]
        store.open.set()
        assert (await asyncio.gather(*tasks))[4] == ["gg", "hh", "ii", "jj", "kk"]

    asyncio.run(many())


def test_an_error_goes_to_each_and_to_nobody_else() -> None:
    async def failing() -> None:
        store = Store()
        together = Together(store.ask, 10)
        tasks = waiting(together, "a", "b", "c")
        await turns()
        store.error = ConnectionError("gone")
        store.open.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert found == [store.error] * 3
        store.error = None
        assert await together.get("b") == ["bb"]

    asyncio.run(failing())


def test_an_answer_of_another_length_is_an_error_of_each() -> None:
    async def short(keys: Sequence[Any]) -> list[Any]:
        await asyncio.sleep(0)
        return list(keys)[:1]

    async def failing() -> None:
        tasks = waiting(Together(short, 10), "a", "b", "c")
        _, *found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(error) for error in found] == [ValueError] * 2

    asyncio.run(failing())


@pytest.mark.parametrize("early", [True, False])
def test_who_is_cancelled_disturbs_no_other(early: bool) -> None:
    async def cancelling() -> None:
        store = Store()
        together = Together(store.ask, 10)
        tasks = waiting(together, "a", "b", "c")
        await turns(1 if early else 5)
        tasks[0].cancel()
        tasks[1].cancel()
        await turns()
        store.open.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(one) for one in found[:2]] == [asyncio.CancelledError] * 2
        assert found[2] == ["cc"]
        assert await together.get("a") == ["aa"]

    asyncio.run(cancelling())


def test_nothing_is_asked_for_nobody() -> None:
    async def cancelling() -> None:
        store = Store()
        together = Together(store.ask, 10)
        tasks = waiting(together, "a", "b", "c")
        await turns(1)
        for task in tasks[1:]:
            task.cancel()
        await turns()
        assert store.asked == [["a"]]
        store.open.set()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert await together.get("a") == ["aa"]  # alone: nothing is under way

    asyncio.run(cancelling())


def test_a_loop_that_ends_leaves_nobody_waiting() -> None:
    async def ending(together: Together[Any], store: Store) -> None:
        store.open.clear()
        tasks = waiting(together, "a", "b")
        await turns()
        ours = {asyncio.current_task(), *tasks}
        for task in asyncio.all_tasks() - ours:
            task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await tasks[1]
        tasks[0].cancel()
        await turns()
        store.open.set()
        before = len(store.asked)
        assert await asyncio.gather(*waiting(together, "c", "d")) == [["cc"], ["dd"]]
        assert store.asked[before:] == [["c"], ["d"]]

    store = Store()
    together = Together(store.ask, 10)
    for _ in range(2):
        store.open = asyncio.Event()
        asyncio.run(ending(together, store))
    assert together._trays._held == {}


def test_loops_of_several_threads_have_nothing_in_common() -> None:
    begun, found = threading.Barrier(4), list[Any]()

    async def ask(keys: Sequence[Any]) -> list[Any]:
        await asyncio.sleep(0)
        return [(key, threading.get_ident()) for key in keys]

    together = Together(ask, 10)

    async def reading() -> None:
        begun.wait(10)
        for _ in range(50):
            told = await asyncio.gather(*waiting(together, "a", "b", "c"))
            assert {one for (one,) in told} == {(key, threading.get_ident()) for key in "abc"}
        found.append(True)

    threads = [threading.Thread(target=asyncio.run, args=(reading(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 4


def test_a_fork_that_goes_on_with_the_loop_has_nothing_under_way() -> None:
    loop = asyncio.new_event_loop()
    store = Store()
    together = Together(store.ask, 10)

    async def begin() -> list[asyncio.Task[Any]]:
        tasks = waiting(together, "a", "b")
        await turns()
        return tasks

    def child() -> None:
        store.open.set()
        loop.run_until_complete(together.get("x"))
        tray = together._trays._held[loop][1]
        os._exit(0 if store.asked[-1] == ["x"] and not tray.under_way else 1)

    tasks = loop.run_until_complete(begin())
    mine = together._trays._held[loop][1]
    assert mine.under_way == 2
    process = FORK.Process(target=child)
    process.start()
    process.join(30)
    assert process.exitcode == 0
    store.open.set()
    assert loop.run_until_complete(asyncio.gather(*tasks)) == [["aa"], ["bb"]]
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


def test_nothing_of_a_callers_context_is_seen_in_it() -> None:
    whose: contextvars.ContextVar[str] = contextvars.ContextVar("whose", default="nobody")
    seen: list[str] = []

    async def ask(keys: Sequence[Any]) -> list[Any]:
        seen.append(whose.get())
        await asyncio.sleep(0)
        return list(keys)

    async def reading(together: Together[Any], name: str) -> Any:
        whose.set(name)
        return await together.get([name])

    async def all_at_once() -> None:
        together = Together(ask, 10)
        await asyncio.gather(*(reading(together, name) for name in "abc"))

    asyncio.run(all_at_once())
    assert seen == ["a", "nobody"]
