"""A wrong setting is a clear error that names the alias, the setting and the remedy."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from django.core.cache import caches
from pytest_django.fixtures import Settings

from django_cachekit.backends.file import EncryptedFileCache
from django_cachekit.errors import Misconfigured, StoreUnavailable, ValueTooLarge

from .stores import KEYS, driver_of, key, open_store, path_of, tree_of


def configured(settings: Settings, location: object, **options: Any) -> EncryptedFileCache:
    given = {**KEYS, **options}
    settings.CACHES = {
        "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "sealed": {
            "BACKEND": "django_cachekit.backends.file.EncryptedFileCache",
            "LOCATION": location,
            "OPTIONS": {name: value for name, value in given.items() if value is not None},
        },
    }
    cache = cast(EncryptedFileCache, caches["sealed"])
    driver_of(cache)
    return cache


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"ENCRYPTION_KEYS": None, "INDEX_KEY": None}, "cache_key_generate"),
        ({"INDEX_KEY": None}, "INDEX_KEY.*cache_key_generate"),
        ({"ENCRYPTION_KEYS": ["c2hvcnQ"]}, "ENCRYPTION_KEYS.*cache_key_generate"),
        ({"MAX_ENTRIES": 0}, "MAX_ENTRIES"),
        ({"MAX_ENTRIES": "many"}, "MAX_ENTRIES"),
        ({"MAX_BYTES": -1}, "MAX_BYTES"),
        ({"EPOCH_FILE": "relative"}, "EPOCH_FILE"),
    ],
)
def test_wrong_options(
    settings: Settings, location: Path, options: dict[str, Any], says: str
) -> None:
    with pytest.raises(Misconfigured, match=rf"(?s)sealed.*{says}"):
        configured(settings, str(location), **options)


@pytest.mark.parametrize("location", ["", None, "cache", "./cache"])
def test_the_location_is_an_absolute_path(settings: Settings, location: object) -> None:
    with pytest.raises(Misconfigured, match=r"sealed.*LOCATION.*absolute"):
        configured(settings, location)


def test_a_path_object_is_a_location(settings: Settings, location: Path) -> None:
    cache = configured(settings, location)
    cache.set("k", 1)
    assert cache.get("k") == 1


def test_a_link_is_no_location(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "cache").symlink_to(tmp_path / "real")
    for path in (f"{tmp_path}/cache", f"{tmp_path}/cache/"):
        with pytest.raises(Misconfigured, match=r"sealed.*symbolic link"):
            configured(settings, path)


def test_a_file_is_no_location(settings: Settings, location: Path) -> None:
    location.write_text("x")
    with pytest.raises(Misconfigured, match=r"sealed.*is no directory"):
        configured(settings, str(location))
    with pytest.raises(Misconfigured, match=r"sealed.*is no directory"):
        configured(settings, str(location), ALLOW_SHARED_DIRECTORY=True)


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_directory_open_to_others_is_refused(
    settings: Settings, location: Path, mode: int
) -> None:
    location.mkdir()
    location.chmod(mode)
    with pytest.raises(Misconfigured, match=r"sealed.*written to by others.*ALLOW_SHARED"):
        configured(settings, str(location))
    cache = configured(settings, str(location), ALLOW_SHARED_DIRECTORY=True)
    cache.set("k", 1)
    assert cache.get("k") == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give directories away")
def test_another_users_directory_is_refused(settings: Settings, location: Path) -> None:
    location.mkdir(mode=0o700)
    os.chown(location, 65534, 65534)
    with pytest.raises(Misconfigured, match=r"sealed.*belongs to another user"):
        configured(settings, str(location))


def test_a_shared_directory_opened_later_is_refused_in_use(
    opened: Callable[..., EncryptedFileCache], location: Path
) -> None:
    cache = opened()
    location.mkdir()
    location.chmod(0o777)
    with pytest.raises(StoreUnavailable, match="written to by others"):
        cache.add("k", 1)


def open_to_all(path: Path) -> None:
    path.mkdir()
    path.chmod(0o777)


def link_elsewhere(path: Path) -> None:
    path.with_name("elsewhere").mkdir(mode=0o700)
    path.symlink_to("elsewhere")


PLANTED: dict[str, Callable[[Path], object]] = {
    "open to all": open_to_all,
    "a link": link_elsewhere,
    "a file": Path.touch,
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_others_planted_in_a_shared_directory_is_not_used(
    opened: Callable[..., EncryptedFileCache], location: Path, planted: str
) -> None:
    location.mkdir()
    location.chmod(0o1777)
    cache = opened(ALLOW_SHARED_DIRECTORY=True)
    PLANTED[planted](location / "v1")
    with pytest.raises(StoreUnavailable, match="v1"):
        cache.add("k", 1)
    cache.set("k", 1)
    assert cache.get("k") is None


@pytest.mark.parametrize("option", ["ENCRYPTION_KEYS", "INDEX_KEY"])
def test_a_key_file_inside_the_location_is_refused(
    settings: Settings, location: Path, option: str
) -> None:
    location.mkdir(mode=0o700)
    path = location / "key"
    path.write_text(key(9))
    spelled = f"file:{location}/../{location.name}/key"
    given = {option: [spelled] if option == "ENCRYPTION_KEYS" else spelled}
    with pytest.raises(Misconfigured, match=r"sealed.*key file.*inside LOCATION"):
        configured(settings, str(location), **given)
    path.rename(location.parent / "key")
    elsewhere = {name: _moved(value, location) for name, value in given.items()}
    assert configured(settings, str(location), **elsewhere).get("k") is None


def _moved(value: Any, location: Path) -> Any:
    if isinstance(value, list):
        return [_moved(one, location) for one in value]
    return f"file:{location.parent}/key"


def test_an_epoch_file_inside_the_location_is_refused(settings: Settings, location: Path) -> None:
    with pytest.raises(Misconfigured, match=r"sealed.*EPOCH_FILE.*outside"):
        configured(settings, str(location), EPOCH_FILE=str(location / "epoch"))


def test_the_epoch_file_can_be_elsewhere(location: Path, tmp_path: Path) -> None:
    path = tmp_path / "var" / "epoch"
    path.parent.mkdir()
    cache = open_store(location, EPOCH_FILE=str(path))
    cache.set("k", 1)
    assert not path.exists()
    cache.clear()
    assert int(path.read_text()) > 1_600_000_000_000
    assert [found.name for found in tmp_path.iterdir() if "epoch" in found.name] == []


def test_an_epoch_file_that_cannot_be_written_is_named(location: Path, tmp_path: Path) -> None:
    cache = open_store(location, EPOCH_FILE=str(tmp_path / "nowhere" / "epoch"))
    cache.set("k", 1)
    with pytest.raises(StoreUnavailable, match="EPOCH_FILE"):
        cache.clear()
    assert cache.get("k") == 1


def test_bounds_by_default_and_as_django_reads_them(location: Path) -> None:
    def bound(**params: Any) -> int:
        options = {**KEYS, **params.pop("OPTIONS", {})}
        cache = EncryptedFileCache(str(location), {**params, "OPTIONS": options})
        return tree_of(cache)._bounds.entries

    assert bound() == 100_000
    assert bound(OPTIONS={"MAX_ENTRIES": 7}) == 7
    assert bound(OPTIONS={"MAX_ENTRIES": "7"}) == 7
    assert bound(max_entries=8, OPTIONS={"MAX_ENTRIES": 7}) == 8


def test_each_prefix_and_each_store_is_cleared_alone(location: Path) -> None:
    stores = [
        open_store(location),
        open_store(location, prefix="a"),
        open_store(location, prefix="b"),
        open_store(location, STORE_ID="other", prefix="a"),
        # These would be one if names were only strung together.
        open_store(location, STORE_ID="other:", prefix="a"),
        open_store(location, STORE_ID="other", prefix=":a"),
    ]
    for number, store in enumerate(stores):
        store.set("k", number)
    stores[1].clear()
    assert [store.get("k") for store in stores] == [0, None, 2, 3, 4, 5]
    stores[4].clear()
    assert [store.get("k") for store in stores] == [0, None, 2, 3, None, 5]


def test_two_aliases_of_one_store_id_share_it(location: Path) -> None:
    first, second = open_store(location), open_store(location, MAX_ENTRIES=10)
    first.set("k", 1)
    assert second.incr("k") == 2
    assert first.get("k") == 2


def test_other_versions_go_with_a_clear(cache: EncryptedFileCache) -> None:
    cache.set("k", 1, version=1)
    cache.set("k", 2, version=2)
    cache.clear()
    assert cache.get("k", version=2) is None


def test_a_value_over_the_bounds_is_refused_and_the_old_one_stays(location: Path) -> None:
    cache = open_store(location, MAX_BYTES=10_000)
    cache.set("k", "old")
    with pytest.raises(ValueTooLarge, match="10,000"):
        cache.set("k", "x" * 10_000)
    with pytest.raises(ValueTooLarge):
        cache.add("other", "x" * 10_000)
    assert cache.get("k") == "old"
    assert path_of(cache, "other").exists() is False
