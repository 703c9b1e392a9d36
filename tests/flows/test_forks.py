"""What a child is not to inherit: claims, refreshes and locks of threads that stayed behind."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import override_settings

from django_cachekit import cache
from django_cachekit.core.operation import tag_record
from django_cachekit.flows import behind
from django_cachekit.layers import copies
from tests.stores import BY_NAME

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks"),
    pytest.mark.filterwarnings("ignore:This process:DeprecationWarning"),
]


def in_child(work: Callable[[], bool]) -> bool:
    """Tell what ``work`` says in a child, which has ten seconds for it."""
    pid = os.fork()
    if pid == 0:
        found: list[bool] = []
        thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
        thread.start()
        thread.join(10)
        os._exit(0 if found == [True] else 1)
    return os.waitpid(pid, 0)[1] == 0


def test_claims_in_memory(tmp_path: Path) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow() -> str:
        begun.set()
        go.wait(20)
        return "slow"

    with override_settings(CACHES=BY_NAME["array"].caches(tmp_path)):
        thread = threading.Thread(target=cache.remember, args=("key", 60, slow))
        thread.start()
        try:
            assert begun.wait(10)
            assert in_child(lambda: cache.remember("key", 60, lambda: "child") == "child")
        finally:
            go.set()
            thread.join()


def test_refreshes_under_way() -> None:
    behind.REFRESHES.begin("one")
    try:
        assert in_child(lambda: behind.REFRESHES.begin("one"))
    finally:
        behind.REFRESHES.end("one", failed=False)


def test_the_lock_on_copies() -> None:
    held, record = copies.Copies(60), tag_record("t")

    def keeps() -> bool:
        held.keep(held.began(), {record: b"x"})
        return bool(held.young([record]))

    with copies._guard.lock:
        assert in_child(keeps)
