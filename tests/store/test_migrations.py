"""A store that was migrated equals a new one and loses nothing on the way."""

from collections.abc import Iterator
from contextlib import contextmanager
import hashlib
from pathlib import Path
import sqlite3

import pytest

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.errors import StoreVersionError
from segctl.services import attributes
from segctl.store import creation, triggers_postgres, triggers_sqlite
from segctl.store.ddl import schema_statements
from segctl.store.opening import Store, connect, open_store
from segctl.store.tables import Workspace
from segctl.store.triggers import install_triggers, verify_triggers
from segctl.store.version import SCHEMA_VERSION
from tests.conftest import NOW, Processes
from tests.store.foreign import program
from tests.store.schema import records, schema_of

LATER = Path(__file__).parent / "migrations"
SECTOR = Attribute(ObjectType.CONTACT, "sector", ValueType.CHOICE, ("a", "it's", "50%: x"), False)
WEIGHT = Attribute(ObjectType.CONTACT, "weight", ValueType.FLOAT, standard=False)

TRIGGERS = {
    "0001": "cad947e92f5c",
    "0002": "cad947e92f5c",
    "0003": "cad947e92f5c",
}
"""Schema version and the text of its triggers. A changed trigger needs a new version: without one
two versions of segctl would replace each other's triggers."""


@pytest.fixture
def empty_store(store: Store, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A database of the kind of `store` with nothing in it."""
    if store.dialect == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
    else:
        url = str(tmp_path / "empty.sqlite")
        Path(url).touch()
    with connect(url, busy_timeout=5, connect_timeout=5) as opened:
        yield opened


def test_the_schema_of_the_code_equals_the_migrated_one(store: Store, empty_store: Store) -> None:
    with store.read() as session:
        migrated = schema_of(session)
    with empty_store._transaction({}, writing=True) as session:
        for statement in schema_statements(store.dialect):
            session.connection().exec_driver_sql(statement)
        install_triggers(session)
        made = schema_of(session)
    assert made.keys() == migrated.keys()
    for part, lines in made.items():
        assert lines == migrated[part], part


def test_the_version_in_the_code_is_the_newest_migration() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(creation.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA_VERSION]


def test_changed_triggers_come_with_a_new_version() -> None:
    text = repr([t.statement for t in triggers_sqlite.triggers()])
    text += repr([(t.table, t.bodies) for t in triggers_postgres.tables("s")])
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == TRIGGERS[SCHEMA_VERSION]


# ---------------------------------------------------------------- a migration of a store in use


@pytest.fixture
def used(store: Store) -> Store:
    """A store with custom attributes, a foreign index and trigger, and rows."""
    for attribute in (SECTOR, WEIGHT):
        attributes.add(store, attribute, now=NOW, actor="test")
    with program(store) as foreign:
        foreign.run(
            "CREATE TABLE foreign_log (id integer)",
            "CREATE INDEX contact_foreign ON contact (weight)",
            "CREATE VIEW foreign_view AS SELECT id, sector FROM contact",
            "INSERT INTO company (name) VALUES ('a')",
            "INSERT INTO contact (name, company_id, sector, weight, gender) "
            "VALUES ('a', 1, 'it''s', 1.5, 'f'), ('b', NULL, '50%: x', NULL, NULL), "
            "('c', NULL, NULL, NULL, NULL)",
            "DELETE FROM contact WHERE id = 3",
            "INSERT INTO deal (contact_id) VALUES (1)",
            "INSERT INTO contact_item (attribute, item, record_id) VALUES ('tags', 'x', 1)",
            "INSERT INTO event (name, occurred_at, contact_id) "
            "VALUES ('e', '2026-01-31T10:00:00.000000Z', 1)",
        )
        if store.dialect == "sqlite":
            foreign.run(
                "CREATE TRIGGER foreign_trigger AFTER INSERT ON contact "
                "BEGIN INSERT INTO foreign_log VALUES (NEW.id); END"
            )
    return store


@contextmanager
def migrated(store: Store) -> Iterator[Store]:
    creation.upgrade(store, versions=[LATER])
    yield store


def test_rows_survive_a_later_migration(used: Store) -> None:
    with used.read() as session:
        before = {t: records(session, t) for t in ("contact", "deal", "contact_item", "event")}
    with migrated(used), program(used) as foreign:
        assert foreign.rows(
            "SELECT id, name, company_id, sector, weight, sex, nickname FROM contact ORDER BY id"
        ) == [
            (1, "a", 1, "it's", 1.5, "f", None),
            (2, "b", None, "50%: x", None, None, None),
        ]
        assert foreign.rows("SELECT id, contact_id FROM deal") == [(before["deal"][0]["id"], 1)]
        assert foreign.rows("SELECT item, record_id, weight FROM contact_item") == [("x", 1, None)]
        assert len(foreign.rows("SELECT id FROM event")) == len(before["event"])


def test_triggers_survive_a_later_migration(used: Store) -> None:
    with migrated(used):
        pass
    with used._transaction({}, writing=False) as session:
        assert verify_triggers(session) == []
    with program(used) as foreign:
        foreign.run("DELETE FROM trace", "UPDATE contact SET nickname = 'x' WHERE id = 1")
        assert foreign.rows("SELECT object_type, record_id FROM trace") == [("contact", 1)]


def test_every_record_counts_as_changed_after_a_migration(used: Store) -> None:
    with program(used) as foreign:
        foreign.run("DELETE FROM trace")
        with migrated(used):
            pass
        marked = foreign.rows("SELECT object_type FROM trace WHERE record_id IS NULL")
        assert {row[0] for row in marked} == {t.value for t in ObjectType}


def test_checks_and_keys_survive_a_later_migration(used: Store) -> None:
    error = sqlite3.IntegrityError if used.dialect == "sqlite" else Exception
    with migrated(used), program(used) as foreign:
        if used.dialect == "sqlite":
            foreign.run("PRAGMA foreign_keys = ON")
        for wrong in (
            "INSERT INTO contact (sector) VALUES ('z')",
            "INSERT INTO contact (weight) VALUES (9e999)",
            "INSERT INTO contact (name) VALUES ('')",
            "INSERT INTO contact (sex) VALUES ('')",
            "INSERT INTO contact (created_at) VALUES ('infinity')",
            "INSERT INTO contact (company_id) VALUES (77)",
            "INSERT INTO contact_item (attribute, item, record_id) VALUES ('tags', '', 1)",
            "INSERT INTO event (name, occurred_at, contact_id, attributes) "
            "VALUES ('e', '2026-01-31T10:00:00.000000Z', 1, '[]')",
        ):
            with pytest.raises(error):
                foreign.run(wrong)
        foreign.run("DELETE FROM company")
        assert foreign.rows("SELECT company_id FROM contact WHERE id = 1") == [(None,)]


def test_a_check_that_would_hold_nothing_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    careless = tmp_path / "careless"
    careless.mkdir()
    (careless / "9999_careless.py").write_text(
        "from segctl.store.migrations.batch import altered\n"
        f"revision = '9999'\ndown_revision = '{SCHEMA_VERSION}'\n"
        "def upgrade():\n"
        "    with altered('contact') as contact:\n"
        "        contact.alter_column('gender', new_column_name='sex')\n"
    )
    with pytest.raises(ValueError, match="contact_gender_check"):
        creation.upgrade(sqlite_store, versions=[careless])


def test_ids_are_not_given_twice_after_a_migration(used: Store) -> None:
    with migrated(used), program(used) as foreign:
        foreign.run("INSERT INTO contact (name) VALUES ('d')")
        # The contact 3 was deleted before the migration.
        assert foreign.rows("SELECT max(id) FROM contact") == [(4,)]


def test_what_other_programs_made_survives_a_migration(used: Store) -> None:
    with migrated(used), program(used) as foreign:
        assert len(foreign.rows("SELECT * FROM foreign_view")) == 2
        if used.dialect == "sqlite":
            foreign.run("INSERT INTO contact (name) VALUES ('d')")
            assert foreign.rows("SELECT id FROM foreign_log ORDER BY id")[-1] == (4,)
            index = "SELECT name FROM sqlite_master WHERE name = 'contact_foreign'"
            assert foreign.rows(index) == [("contact_foreign",)]


def test_a_strict_table_stays_strict(sqlite_store: Store) -> None:
    options = "SELECT name, strict, wr FROM pragma_table_list WHERE name = '{}'"
    with migrated(sqlite_store), program(sqlite_store) as foreign:
        assert foreign.rows(options.format("contact")) == [("contact", 1, 0)]
        assert foreign.rows(options.format("contact_item")) == [("contact_item", 1, 1)]


def test_custom_attributes_can_still_be_dropped_after_a_migration(used: Store) -> None:
    with migrated(used), program(used) as foreign:
        if used.dialect == "sqlite":
            foreign.run("DROP VIEW foreign_view", "DROP INDEX contact_foreign")
            foreign.run("ALTER TABLE contact DROP COLUMN sector")
            foreign.run("ALTER TABLE contact DROP COLUMN weight")


def test_a_migration_that_fails_changes_nothing(used: Store, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "9999_broken.py").write_text(
        "from alembic import op\n"
        f"revision = '9999'\ndown_revision = '{SCHEMA_VERSION}'\n"
        "def upgrade():\n"
        "    op.execute('CREATE TABLE half (id integer)')\n"
        "    raise ValueError('it broke')\n"
    )
    with used.read() as session:
        before = schema_of(session)
    with pytest.raises(ValueError, match="it broke"):
        creation.upgrade(used, versions=[broken])
    with used.read() as session:
        assert schema_of(session) == before


def test_a_migration_that_breaks_references_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "9999_broken.py").write_text(
        "from alembic import op\n"
        f"revision = '9999'\ndown_revision = '{SCHEMA_VERSION}'\n"
        "def upgrade():\n    op.execute('DELETE FROM company')\n"
    )
    with program(sqlite_store) as foreign:
        foreign.run(
            "INSERT INTO company (name) VALUES ('a')",
            "INSERT INTO contact (company_id) VALUES (1)",
        )
        with pytest.raises(Exception, match="1 rows of contact refer to no company"):
            creation.upgrade(sqlite_store, versions=[broken])
        assert foreign.rows("SELECT count(*) FROM company") == [(1,)]


# ---------------------------------------------------------------- another version


def test_an_open_store_stops_at_its_next_transaction(store: Store, store_url: str) -> None:
    with store.read():
        pass
    with open_store(store_url) as other:
        creation.upgrade(other, versions=[LATER])
    for transaction in (store.read, store.write):
        with pytest.raises(StoreVersionError) as caught, transaction():
            pytest.fail("the block must not run")
        assert caught.value.hint == "upgrade segctl on this machine"


def test_an_older_store_names_the_command_that_mends_it(store: Store, store_url: str) -> None:
    with program(store) as foreign:
        foreign.run("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(StoreVersionError) as caught:
        open_store(store_url)
    assert "segctl store upgrade" in str(caught.value.hint)


def test_another_process_stops_after_an_upgrade(
    store: Store, store_url: str, segctl_process: Processes
) -> None:
    segctl_process("attributes", "list", store=store_url).ok()
    creation.upgrade(store, versions=[LATER])
    stopped = segctl_process("attributes", "list", store=store_url)
    assert stopped.code == 1
    assert "schema 9999" in stopped.stderr
    assert "upgrade segctl" in stopped.stderr
    assert stopped.stdout == ""


def test_the_first_schema_is_upgraded_with_all_it_holds(empty_store: Store, store: Store) -> None:
    first = empty_store.dialect
    folder = Path(creation.__file__).parent / "migrations" / "versions"
    with empty_store._transaction({}, writing=True) as session:
        connection = session.connection()
        for statement in (folder / f"0001_first.{first}.sql").read_text().split(";\n\n"):
            if statement.strip():
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql(
            "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
        )
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('0001')")
        install_triggers(session)
        session.add(Workspace(store_id="x", created_at=NOW))
        connection.exec_driver_sql("INSERT INTO company (name) VALUES ('kept')")
    assert creation.upgrade(empty_store) == ("0001", SCHEMA_VERSION)
    with empty_store.read() as session, store.read() as new:
        assert schema_of(session) == schema_of(new)
        assert [row["name"] for row in records(session, "company")] == ["kept"]
