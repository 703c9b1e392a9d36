"""``cache_table``, and what is said where the table is missing or another's."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.cache import caches
from django.core.management import CommandError, call_command
from django.db import DatabaseError, OperationalError, connections
from django.test import override_settings

from django_cachekit.backends.sql import words
from django_cachekit.backends.tables import create_tables
from django_cachekit.errors import Misconfigured, StoreUnavailable

from .helping import Look, config, database, driver_of, only, queries

pytestmark = pytest.mark.usefixtures("never_due")

LOCMEM = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}


def run(*args: str, **options: Any) -> str:
    out = StringIO()
    call_command("cache_table", *args, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def table_names(look: Look) -> list[str]:
    return look.tables()


def test_it_makes_a_table_and_its_index_once(look: Look) -> None:
    with override_settings(CACHES={"default": config(), "memory": LOCMEM}):
        assert "default: table 'cache' made in database 'disk'" in run()
        caches["default"].set("a", 1)
        assert "default: table 'cache' is there already" in run()

        assert caches["default"].get("a") == 1
    with connections["look"].cursor() as cursor:
        found = connections["look"].introspection.get_constraints(cursor, "cache")
    order = ["expires", "space"] if look.vendor == "postgresql" else ["space", "expires"]
    assert found["cache_expires"]["columns"] == order
    assert any(c["primary_key"] and c["columns"] == ["space", "name"] for c in found.values())


@only["sqlite"]
def test_the_index_serves_those_who_prune(look: Look) -> None:
    with override_settings(CACHES={"default": config()}):
        run()
    plan = look("EXPLAIN QUERY PLAN DELETE FROM cache WHERE space = 'a' AND expires <= 5")
    assert "USING INDEX cache_expires" in plan[0][3]


def test_it_makes_the_tables_of_all_aliases_or_of_those_named(look: Look) -> None:
    settings = {"default": config("one"), "second": config("two"), "shared": config("two")}
    with override_settings(CACHES=settings):
        run("second")
        assert table_names(look) == ["two"]
        said = json.loads(run(format="json"))

    assert sorted(table_names(look)) == ["one", "two"]
    assert [(fact["alias"], fact["table"], fact["state"]) for fact in said] == [
        ("default", "one", "created"),
        ("second", "two", "exists"),
        ("shared", "two", "exists"),
    ]


def test_a_dry_run_prints_sql_that_makes_them(look: Look) -> None:
    with override_settings(CACHES={"default": config(), "shared": config()}):
        sql = run(dry_run=True)
        assert table_names(look) == []
        for statement in sql.split(";\n")[:2]:
            look(statement)
        caches["default"].set("a", 1)

        assert caches["default"].get("a") == 1
        assert sql.count("CREATE TABLE") == 1


def test_a_dry_run_as_json(look: Look) -> None:
    with override_settings(CACHES={"default": config()}):
        (fact,) = json.loads(run(dry_run=True, format="json"))

        run()
        (again,) = json.loads(run(dry_run=True, format="json"))

    assert (fact["state"], fact["database"]) == ("planned", "disk")
    assert (again["state"], again["statements"]) == ("exists", [])
    assert [statement.split()[1] for statement in fact["statements"]] == ["TABLE", "INDEX"]


def test_nothing_is_said_where_nothing_is_to_be_said(look: Look) -> None:
    with override_settings(CACHES={"default": config()}):
        assert run(verbosity=0) == ""
    with override_settings(CACHES={"default": LOCMEM}):
        assert "No alias in CACHES needs a table" in run()


@pytest.mark.parametrize("named", ["nowhere", "memory"])
def test_wrong_use_ends_with_2(look: Look, named: str) -> None:
    with (
        override_settings(CACHES={"default": config(), "memory": LOCMEM}),
        pytest.raises(CommandError) as caught,
    ):
        run(named)

    assert caught.value.returncode == 2
    assert table_names(look) == []


def test_one_failure_ends_with_1_and_does_not_stop_the_others(look: Look) -> None:
    broken = [
        config(""),
        {"BACKEND": "not.there.Cache"},
        config(database="nowhere"),
    ]
    settings = {**{f"broken{at}": entry for at, entry in enumerate(broken)}, "default": config()}
    with override_settings(CACHES=settings), pytest.raises(CommandError) as caught:
        run()

    assert caught.value.returncode == 1
    assert table_names(look) == ["cache"]


def test_a_database_that_cannot_be_opened_is_a_failure(look: Look) -> None:
    with (
        database("broken", look.path.parent / "no" / "folder" / "x.sqlite3"),
        override_settings(CACHES={"default": config(database="broken")}),
    ):
        made = create_tables()

    assert isinstance(made["default"], DatabaseError)


class Router:
    """Send the cache to the database ``disk``, and let its table be made only there."""

    def db_for_read(self, model: Any, **hints: Any) -> str | None:
        return "disk" if model._meta.app_label == "django_cache" else None

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return db == "disk" if app_label == "django_cache" else None


def test_routers_choose_the_database(look: Look) -> None:
    settings = {"default": config(database=None)}
    with override_settings(CACHES=settings, DATABASE_ROUTERS=[f"{__name__}.Router"]):
        assert "does not belong in database 'default'" in run(database="default")
        assert "made in database 'disk'" in run()
        caches["default"].set("a", 1)

        assert caches["default"].get("a") == 1
    assert look.count() == 1


@only["sqlite"]
def test_without_routers_it_is_the_default_database(look: Look, db: None) -> None:
    with override_settings(CACHES={"default": config(database=None)}):
        assert "made in database 'default'" in run()
        caches["default"].set("a", 1)

        assert caches["default"].get("a") == 1
    assert not look.path.exists()


def test_a_database_named_in_options_is_the_only_one(look: Look) -> None:
    with override_settings(CACHES={"default": config()}):
        assert "does not belong in database 'default'" in run(database="default")
        assert "made in database 'disk'" in run(database="disk")


def test_a_missing_table_is_told_with_the_remedy(look: Look) -> None:
    with override_settings(CACHES={"default": config()}):
        for verb in (caches["default"].get, caches["default"].incr, caches["default"].has_key):
            with pytest.raises(
                Misconfigured, match=r"no table 'cache' .* 'disk'; .* cache_table default"
            ):
                verb("a")
        with pytest.raises(Misconfigured, match=r"manage\.py cache_table default"):
            caches["default"].set("a", 1)
        run()
        caches["default"].set("a", 1)

        assert caches["default"].get("a") == 1


def test_a_table_of_djangos_own_is_told_from_ours(look: Look) -> None:
    look("CREATE TABLE cache (cache_key varchar(255), value text, expires timestamp)")
    with override_settings(CACHES={"default": config()}):
        for verb in (caches["default"].get, caches["default"].incr, caches["default"].touch):
            with pytest.raises(Misconfigured, match="has other columns"):
                verb("a")
        with pytest.raises(Misconfigured, match="has other columns"):
            caches["default"].set("a", 1)
        with pytest.raises(CommandError) as caught:
            run()

    assert caught.value.returncode == 1


def test_any_other_error_of_the_database_is_not_explained_away(look: Look) -> None:
    with override_settings(CACHES={"default": config()}):
        run()
        place = driver_of().table.place

        def fail() -> None:
            with pytest.raises(DatabaseError, match=r"no such function|does not exist"):
                place.run(
                    connections["disk"], lambda cursor, sql: cursor.execute("SELECT nofunc()")
                )

        assert len(queries(fail)) == 1


def test_a_database_that_cannot_even_be_asked_raises_its_first_error(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(connection: Any) -> None:
        raise OperationalError("the second error")

    with override_settings(CACHES={"default": config(RAISE=True)}):
        monkeypatch.setattr(driver_of().table.place, "_missing", ask)
        with pytest.raises(StoreUnavailable) as caught:
            caches["default"].get("a")

    assert "cache" in str(caught.value.__cause__)


def test_an_unknown_database_is_told(look: Look) -> None:
    with override_settings(CACHES={"default": config()}):
        assert "no database 'nowhere'" in str(create_tables(database="nowhere")["default"])


def test_two_that_make_it_at_once_are_both_right(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(CACHES={"default": config()}):
        run()
        place = driver_of().table.place
        answers: Any = iter([None, []])
        monkeypatch.setattr(place, "_missing", lambda connection: next(answers))

        assert place.create(None, False).state == "exists"


def test_making_it_where_that_is_forbidden_is_an_error(
    look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    with override_settings(CACHES={"default": config()}):
        run()
        monkeypatch.setattr(driver_of().table.place, "_missing", lambda connection: None)

        assert isinstance(create_tables()["default"], DatabaseError)


def test_a_database_without_upserts_is_refused(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections["disk"].features, "supports_update_conflicts", False)

    with pytest.raises(Misconfigured, match="PostgreSQL, MySQL, MariaDB and SQLite"):
        words.Sql(connections["disk"], "cache")


def test_making_tables_inside_a_transaction(look: Look, db: None) -> None:
    with override_settings(CACHES={"default": config(database=None)}):
        made = create_tables()

    assert made["default"].state == "created"  # type: ignore[union-attr]  # no error


OLD = "ALTER TABLE cache DROP COLUMN number"


def test_a_table_of_an_older_version_is_told_with_the_remedy(look: Look) -> None:
    with override_settings(CACHES={"default": config(), "shared": config()}):
        run()
        look(OLD)
        for verb in (caches["default"].get, caches["default"].incr, caches["default"].has_key):
            with pytest.raises(
                Misconfigured, match=r"older version, and lacks number; .* cache_table default"
            ):
                verb("a")
        with pytest.raises(Misconfigured, match=r"manage\.py cache_table default"):
            caches["default"].set("a", 1)


def test_an_older_table_is_completed_and_keeps_its_entries(look: Look) -> None:
    with override_settings(CACHES={"default": config(), "shared": config()}):
        run()
        caches["default"].set("a", 41)
        look(OLD)
        assert run(dry_run=True).startswith("ALTER TABLE")
        (fact, shared) = json.loads(run(format="json"))
        assert (fact["state"], shared["state"]) == ("altered", "exists")
        assert "is there already" in run()

        assert caches["default"].incr("a") == 42


def test_completing_a_table_is_told(look: Look) -> None:
    with override_settings(CACHES={"default": config()}):
        run()
        look(OLD)

        assert "table 'cache' in database 'disk' was of an older version; completed." in run()


@only["postgresql"]
def test_a_new_table_is_read_by_its_primary_key(look: Look) -> None:
    """Also before anybody has looked at what is in it."""
    with override_settings(CACHES={"default": config()}):
        run()
        caches["default"].set_many(dict.fromkeys(map(str, range(900)), 1))
        sql = driver_of().table.place.worded(connections["disk"])
        with connections["disk"].cursor() as cursor:
            cursor.execute(
                "EXPLAIN " + sql.read(2), [driver_of().table.space, "epoch", "b" * 64, 5]
            )
            plan = str(cursor.fetchall())

    assert "cache_pkey" in plan
    assert "cache_expires" not in plan


@only["servers"]
def test_a_name_that_the_database_would_cut_is_refused(look: Look) -> None:
    with override_settings(CACHES={"default": config("x" * 70)}):
        (made,) = create_tables().values()

    assert "at most 6" in str(made)
    assert look.tables() == []
