"""What a foreign program may not write: the stored form is held by the store itself."""

from collections.abc import Iterator
import sqlite3

import psycopg
import pytest

from segctl.store.opening import Store
from tests.store.foreign import Program, program

REFUSED = (sqlite3.IntegrityError, psycopg.IntegrityError, psycopg.DataError)


@pytest.fixture
def foreign(store: Store) -> Iterator[Program]:
    with program(store, "INSERT INTO contact (name) VALUES ('a')") as session:
        if store.dialect == "sqlite":
            session.run("PRAGMA foreign_keys = ON")
        yield session


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO contact (name) VALUES ('')",
        "INSERT INTO contact (external_id) VALUES ('')",
        "INSERT INTO contact (status) VALUES ('customer')",
        "INSERT INTO contact (status) VALUES ('User')",
        "INSERT INTO contact (score) VALUES (9007199254740993)",
        "INSERT INTO contact (score) VALUES (-9007199254740993)",
        "INSERT INTO contact (page_views) VALUES ('many')",
        "INSERT INTO contact (unsubscribed) VALUES ('2')",
        "INSERT INTO contact (company_id) VALUES (77)",
        "INSERT INTO contact (id) VALUES (1)",
        "INSERT INTO contact (created_at) VALUES ('infinity')",
        "INSERT INTO contact (created_at) VALUES ('2026-02-30T00:00:00.000000Z')",
        "INSERT INTO contact (created_at) VALUES ('2026-13-01T00:00:00.000000Z')",
        "INSERT INTO contact (created_at) VALUES ('2026-01-01T25:00:00.000000Z')",
        "INSERT INTO contact (created_at) VALUES ('')",
        "INSERT INTO contact_item (attribute, item, record_id) VALUES ('tags', '', 1)",
        "INSERT INTO contact_item (attribute, item, record_id) VALUES ('', 'x', 1)",
        "INSERT INTO contact_item (attribute, item, record_id) VALUES ('tags', 'x', 77)",
        "INSERT INTO deal_product (deal_id, product_id) VALUES (1, 1)",
        "INSERT INTO deal (value) VALUES (9e999)",
        "INSERT INTO deal (value) VALUES (-9e999)",
        "INSERT INTO deal (expected_close_date) VALUES ('2026-02-30')",
        "INSERT INTO deal (expected_close_date) VALUES ('infinity')",
        "INSERT INTO event (name, occurred_at) VALUES ('e', '2026-01-31T10:00:00.000000Z')",
        "INSERT INTO event (name, contact_id) VALUES ('e', 1)",
        "INSERT INTO event (occurred_at, contact_id) VALUES ('2026-01-31T10:00:00.000000Z', 1)",
    ],
)
def test_it_is_refused(foreign: Program, statement: str) -> None:
    with pytest.raises(REFUSED):
        foreign.run(statement)


@pytest.mark.parametrize("attributes", ["[]", "1", '"a"', "null", "{", ""])
def test_attributes_of_an_event_are_one_json_object(foreign: Program, attributes: str) -> None:
    with pytest.raises((*REFUSED, sqlite3.OperationalError)):
        foreign.run(
            "INSERT INTO event (name, occurred_at, contact_id, attributes) "
            f"VALUES ('e', '2026-01-31T10:00:00.000000Z', 1, '{attributes}')"
        )


@pytest.mark.parametrize("length", [500, 501])
def test_a_value_in_an_index_has_at_most_500_characters(foreign: Program, length: int) -> None:
    text = "ü" * length
    for statement in (
        f"INSERT INTO contact (external_id) VALUES ('{text}')",
        f"INSERT INTO contact_item (attribute, item, record_id) VALUES ('tags', '{text}', 1)",
        "INSERT INTO event (name, occurred_at, contact_id) "
        f"VALUES ('{text}', '2026-01-31T10:00:00.000000Z', 1)",
    ):
        if length > 500:
            with pytest.raises(REFUSED):
                foreign.run(statement)
        else:
            foreign.run(statement)


def test_an_external_id_is_unique(foreign: Program) -> None:
    foreign.run("INSERT INTO contact (external_id) VALUES ('A')")
    with pytest.raises(REFUSED):
        foreign.run("INSERT INTO contact (external_id) VALUES ('A')")
    foreign.run("INSERT INTO contact (external_id) VALUES (NULL), (NULL), ('a')")


@pytest.mark.parametrize(
    "instant",
    [
        "2026-01-31 10:00:00.000000Z",
        "2026-01-31T10:00:00Z",
        "2026-01-31T10:00:00.000Z",
        "2026-01-31T10:00:00.000000+00:00",
        "2026-01-31T24:00:00.000000Z",
        "2026-01-31T10:00:60.000000Z",
        "2026-01-31",
        "2026-1-31T10:00:00.000000Z",
        "0000-01-01T00:00:00.000000Z",
        "2026-01-31T10:00:00.00000aZ",
        "now",
    ],
)
def test_an_instant_has_one_form_in_sqlite(sqlite_store: Store, instant: str) -> None:
    with program(sqlite_store) as foreign, pytest.raises(sqlite3.IntegrityError):
        foreign.run(f"INSERT INTO contact (created_at) VALUES ('{instant}')")


@pytest.mark.parametrize(
    "instant",
    [
        "2026-01-31T10:00:00.000000Z",
        "2024-02-29T23:59:59.999999Z",
        "0001-01-01T00:00:00.000000Z",
        "9999-12-31T23:59:59.999999Z",
    ],
)
def test_every_instant_can_be_stored(store: Store, instant: str) -> None:
    with program(store) as foreign:
        foreign.run(f"INSERT INTO contact (created_at) VALUES ('{instant}')")


@pytest.mark.parametrize("day", ["2026-02-29", "2026-1-1", "2026-01-01T00", "0000-01-01", "today"])
def test_a_day_has_one_form_in_sqlite(sqlite_store: Store, day: str) -> None:
    with program(sqlite_store) as foreign, pytest.raises(sqlite3.IntegrityError):
        foreign.run(f"INSERT INTO deal (expected_close_date) VALUES ('{day}')")


@pytest.mark.parametrize("day", ["0001-01-01", "2024-02-29", "9999-12-31"])
def test_every_day_can_be_stored(store: Store, day: str) -> None:
    with program(store) as foreign:
        foreign.run(f"INSERT INTO deal (expected_close_date) VALUES ('{day}')")


@pytest.mark.parametrize("when", ["10000-01-01", "0001-01-01 BC", "-infinity"])
def test_postgres_keeps_the_years_that_python_knows(postgres_store: Store, when: str) -> None:
    with program(postgres_store) as foreign:
        with pytest.raises(psycopg.errors.CheckViolation):
            foreign.run(f"INSERT INTO deal (expected_close_date) VALUES ('{when}')")
        with pytest.raises(psycopg.errors.CheckViolation):
            foreign.run(f"INSERT INTO deal (won_at) VALUES ('{when}')")


def test_postgres_keeps_no_nan(postgres_store: Store) -> None:
    with program(postgres_store) as foreign, pytest.raises(psycopg.errors.CheckViolation):
        foreign.run("INSERT INTO deal (value) VALUES ('NaN')")


@pytest.mark.parametrize(
    "value", ["1.7976931348623157e308", "-1.7976931348623157e308", "0", "5e-324"]
)
def test_every_finite_number_can_be_stored(store: Store, value: str) -> None:
    with program(store) as foreign:
        foreign.run(f"INSERT INTO deal (value) VALUES ({value})")
        assert foreign.rows("SELECT value FROM deal") == [(float(value),)]


def test_a_sqlite_column_keeps_to_its_type(sqlite_store: Store) -> None:
    with program(sqlite_store) as foreign:
        for column, value in (("score", "1.5"), ("name", "x'00'"), ("created_at", "x'00'")):
            with pytest.raises(sqlite3.IntegrityError):
                foreign.run(f"INSERT INTO contact ({column}) VALUES ({value})")


def test_an_id_is_never_given_twice(store: Store) -> None:
    with program(store) as foreign:
        foreign.run("INSERT INTO contact (name) VALUES ('a'), ('b')")
        foreign.run("DELETE FROM contact", "INSERT INTO contact (name) VALUES ('c')")
        assert foreign.rows("SELECT id FROM contact") == [(3,)]


def test_text_is_ordered_by_code_point(store: Store) -> None:
    with program(store) as foreign:
        foreign.run("INSERT INTO contact (name) VALUES ('a'), ('B'), ('é'), ('z'), ('_')")
        rows = foreign.rows("SELECT name FROM contact ORDER BY name")
    assert [name for (name,) in rows] == ["B", "_", "a", "z", "é"]
