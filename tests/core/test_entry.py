"""Entries as other backends keep them: pickled, and read by a process of another release."""

import pickle

import pytest

from django_cachekit.core.entry import Entry, restore


def test_one_with_nothing_new_is_pickled_as_ever() -> None:
    entry = Entry("v", 1.0, 2.0, 1.5, {"t": b"n" * 24})
    assert entry.__reduce__()[1] == (1, "v", 1.0, 2.0, 1.5, {"t": b"n" * 24})
    assert pickle.loads(pickle.dumps(entry)) == entry


def test_one_with_an_end_or_a_cost_says_so() -> None:
    entry = Entry("v", 1.0, 9.0, ends=5.0, cost=0.5)
    assert entry.__reduce__()[1][0] == 2
    found = pickle.loads(pickle.dumps(entry))
    assert (found.ends, found.cost, found == entry) == (5.0, 0.5, True)


def test_one_of_the_first_form_is_read() -> None:
    found = restore(1, "v", 1.0, 2.0, None, {})
    assert (found.value, found.expires, found.ends, found.cost) == ("v", 2.0, None, None)


def test_one_of_a_form_to_come_is_refused() -> None:
    with pytest.raises(ValueError, match="version"):
        restore(3, "v")
