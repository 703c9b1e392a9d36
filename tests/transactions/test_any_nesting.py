"""Any nesting of blocks, any of which may be undone, against a plain account of what should be."""

from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_cachekit.layers import pending

from .conftest import Heard
from .test_waiting import Undo, committing

TAGS = st.sampled_from("abcdef")
STEPS = st.recursive(
    TAGS,
    lambda inner: st.tuples(
        st.lists(inner, max_size=5),
        st.sampled_from(["kept", "undone"]),
        st.booleans(),  # whether the block has a savepoint
    ),
    max_leaves=25,
)
Step = Any


class Account:
    """Say what should wait, and what should be flushed: one set of tags for each open block."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.blocks: list[set[str]] = []

    def run(self, step: Step) -> None:
        """Do one step, and look."""
        if isinstance(step, str):
            self.store.tags(step).flush()
            self.blocks[-1].add(step)
        else:
            self.block(*step)
        self.look()

    def block(self, steps: list[Step], end: str, savepoint: bool) -> None:
        """Do some steps in a block, which ends well or not."""
        # An error in a block without a savepoint undoes the one around, which Django says late.
        savepoint = savepoint or end == "undone"
        self.blocks.append(set())
        try:
            with transaction.atomic(savepoint=savepoint):
                for step in steps:
                    self.run(step)
                if end == "undone":
                    raise Undo
        except Undo:
            self.blocks.pop()
        else:
            inner = self.blocks.pop()
            self.blocks[-1] |= inner

    def look(self) -> None:
        """See that exactly what should wait does."""
        assert pending.waiting("default") == set().union(*self.blocks)


@committing
@pytest.mark.usefixtures("store")
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, max_size=6), ends=st.sampled_from(["kept", "undone"]))
def test_what_waits_and_what_is_flushed(
    store: Any, flushed: Heard, steps: list[Step], ends: str
) -> None:
    flushed.clear()
    account = Account(store)
    account.blocks.append(set())
    try:
        with transaction.atomic():
            for step in steps:
                account.run(step)
            assert flushed == []
            if ends == "undone":
                raise Undo
    except Undo:
        account.blocks = [set()]
    assert {tag for _, tags in flushed for tag in tags} == account.blocks[0]
    assert pending.waiting("default") == frozenset()
