"""The epoch told before the bytes: by another server, or before a script was sent again."""

from collections.abc import Callable
from typing import Any

import pytest

from django_cachekit.core.operation import tag_record
from django_cachekit.errors import OutcomeUnknown

from .helping import alone, client, driver_of


@pytest.fixture
def cluster(redis_cluster: Any) -> Any:
    with alone(redis_cluster.url, CLUSTER=True) as cache:
        cache.flush()
        cache.put("warm", 1)
        yield cache


def meanwhile(monkeypatch: pytest.MonkeyPatch, wire: Any, work: Callable[[], Any]) -> list[Any]:
    """Do ``work`` after the epoch was told and before the key is asked for, once."""
    done: list[Any] = []
    ask, key = wire.ask, driver_of().engine.naming.epoch

    async def overtaken(face: Any, commands: Any, again: bool = False) -> Any:
        epochs = [at for at, command in enumerate(commands) if command.key == key]
        if done or len(commands) != 2 or len(epochs) != 1:
            return await ask(face, commands, again)
        done.append(None)
        at = epochs[0]
        told = await ask(face, [commands[at]])
        done[0] = work()
        other = await ask(face, [commands[1 - at]])
        return [*told, *other] if at == 0 else [*other, *told]

    monkeypatch.setattr(wire, "ask", overtaken)
    return done


def away_from(at: bytes, names: Callable[[int], Any]) -> Any:
    """Return the first of some keys or records that lies on another server than a key does."""
    driver = driver_of()
    slots, naming = driver.engine.wire.slots, driver.engine.naming
    for number in range(1000):
        name = names(number)
        if slots.of(naming.key(driver.entries.name(name, None))) != slots.of(at):
            return name
    raise AssertionError("all lie on one server")


def test_an_increment_that_a_flush_overtakes_counts_once(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = driver_of()
    key = away_from(driver.engine.naming.epoch, lambda number: f"n{number}")
    cluster.increment(key, 100)

    def other() -> Any:
        cluster.flush()
        return cluster.increment(key)

    done = meanwhile(monkeypatch, driver.engine.wire, other)
    assert cluster.increment(key) == 2
    assert done == [1]
    assert cluster.get(key) == 2


def test_an_increment_whose_script_is_sent_again_counts_once(
    empty: Any, raw: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with alone(empty.url) as cache:
        cache.increment("n", 100)
        cache.increment("n")
        raw.script_flush()
        wire = driver_of().engine.wire
        trip, done = wire._trip, list[Any]()

        async def again(face: Any, commands: Any, asking: Any) -> Any:
            if not done:
                done.append(None)
                cache.flush()
                done[0] = cache.increment("n")
            return await trip(face, commands, asking)

        monkeypatch.setattr(wire, "_trip", again)
        assert cache.increment("n") == 2
        assert done == [1]
        assert cache.get("n") == 2


def test_an_add_that_a_flush_overtakes_has_one_winner(
    cluster: Any, monkeypatch: pytest.MonkeyPatch, redis_cluster: Any
) -> None:
    driver = driver_of()
    key = away_from(driver.engine.naming.epoch, lambda number: f"k{number}")

    def other() -> Any:
        cluster.flush()
        return cluster.add(key, "other", 60)

    done = meanwhile(monkeypatch, driver.engine.wire, other)
    mine = cluster.add(key, "mine", 60)
    assert [mine, *done].count(True) == 1
    assert cluster.get(key) in ("mine", "other")
    assert cluster.add(key, "third", 60) is False


def test_what_a_pull_takes_it_gives(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    driver = driver_of()
    key = away_from(driver.engine.naming.epoch, lambda number: f"k{number}")
    cluster.put(key, "old", 60)

    def other() -> Any:
        cluster.flush()
        return cluster.put(key, "new", 60)

    meanwhile(monkeypatch, driver.engine.wire, other)
    assert cluster.pull(key) == "new"


def test_a_count_that_cannot_be_judged_is_not_said_to_be_undone(
    cluster: Any, redis_cluster: Any
) -> None:
    """The number was changed, and the tag that says if it counts lies on a server that is gone."""
    driver = driver_of()
    naming, slots = driver.engine.naming, driver.engine.wire.slots
    record = away_from(naming.epoch, lambda number: tag_record(f"t{number}"))
    place = naming.key(driver.entries.name(record, None))
    key = away_from(place, lambda number: f"n{number}")
    cluster.tags(record.name).increment(key)
    (node,) = [one for one in redis_cluster.nodes if one.port == slots.of(place)[1]]
    node.kill()
    try:
        with pytest.raises(OutcomeUnknown):
            cluster.increment(key)
    finally:
        redis_cluster.heal()


def test_a_list_where_the_epoch_belongs_is_replaced(empty: Any, raw: Any) -> None:
    with alone(empty.url) as cache:
        cache.put("key", "old", 60)
        epoch = driver_of().engine.naming.epoch
        raw.delete(epoch)
        raw.rpush(epoch, "x")
        assert cache.get("key") is None
        assert cache.put("key", "new", 60) is True
        assert cache.get("key") == "new"
        assert raw.type(epoch) == b"string"


def test_a_list_under_a_key_gives_way_to_an_add(empty: Any) -> None:
    with alone(empty.url) as cache, client(empty) as raw:
        cache.put("key", 1)
        driver = driver_of()
        place = driver.engine.naming.key(driver.entries.name("key", None))
        raw.delete(place)
        raw.rpush(place, "x")
        assert cache.add("key", 2, 60) is True
        assert cache.get("key") == 2
