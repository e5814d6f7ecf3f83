"""Every write is traced, whatever program makes it."""

from collections.abc import Iterator
import datetime as dt
import shutil
import subprocess
import time

import psycopg
import pytest
import sqlalchemy as sa

from segctl.catalog import RELATIONS, ObjectType
from segctl.store import trace
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.triggers import drop_triggers, install_triggers, verify_triggers
from segctl.store.workspace import load_catalog, load_workspace
from tests.conftest import NOW
from tests.store.foreign import Program, last_trace, program, traced

AT = "'2026-01-31T10:00:00.000000Z'"
DEAL = RELATIONS[ObjectType.DEAL]


@pytest.fixture
def foreign(store: Store) -> Iterator[Program]:
    """A foreign session on a store with two contacts, two companies, two products, one deal."""
    with program(store) as session:
        session.run(
            "INSERT INTO company (name) VALUES ('a'), ('b')",
            "INSERT INTO contact (name, external_id) VALUES ('a', 'A'), ('b', 'B')",
            "INSERT INTO product (name) VALUES ('a'), ('b')",
            "INSERT INTO deal (name, contact_id, company_id) VALUES ('a', 1, 1)",
        )
        yield session


def after(foreign: Program, *statements: str) -> list[tuple[object, ...]]:
    """What the statements trace."""
    start = last_trace(foreign)
    foreign.run(*statements)
    return list(traced(foreign, start))


def test_an_inserted_record_is_traced(foreign: Program) -> None:
    assert after(foreign, "INSERT INTO company (name) VALUES ('c')") == [
        ("company", 3, None, None, None)
    ]


def test_a_changed_record_is_traced(foreign: Program) -> None:
    assert after(foreign, "UPDATE contact SET name = 'x' WHERE id = 2") == [
        ("contact", 2, None, None, None)
    ]


def test_a_statement_that_changes_nothing_traces_nothing(foreign: Program) -> None:
    assert after(foreign, "UPDATE contact SET name = 'x' WHERE id = 99") == []


def test_a_moved_child_traces_its_old_and_new_parent(foreign: Program) -> None:
    assert after(foreign, "UPDATE deal SET contact_id = 2 WHERE id = 1") == [
        ("deal", 1, None, None, None),
        ("deal", 1, "contact", 1, 2),
    ]


def test_a_child_that_loses_its_parent_traces_it(foreign: Program) -> None:
    assert ("deal", 1, "company", 1, None) in after(foreign, "UPDATE deal SET company_id = NULL")


def test_a_deleted_child_traces_its_parents(foreign: Program) -> None:
    assert after(foreign, "DELETE FROM deal") == [
        ("deal", 1, None, None, None),
        ("deal", 1, "company", 1, None),
        ("deal", 1, "contact", 1, None),
    ]


def test_a_record_that_gets_another_id_traces_both(foreign: Program) -> None:
    assert after(foreign, "UPDATE deal SET id = 70 WHERE id = 1") == [
        ("deal", 1, None, None, None),
        ("deal", 1, "company", 1, None),
        ("deal", 1, "contact", 1, None),
        ("deal", 70, None, None, None),
    ]


def test_the_action_of_a_foreign_key_is_traced(foreign: Program) -> None:
    if foreign.store.dialect == "sqlite":
        foreign.run("PRAGMA foreign_keys = ON")
    assert after(foreign, "DELETE FROM company WHERE id = 1") == [
        ("company", 1, None, None, None),
        ("deal", 1, None, None, None),
        ("deal", 1, "company", 1, None),
    ]


def test_deleting_a_contact_traces_its_events_and_items(foreign: Program) -> None:
    foreign.run(
        f"INSERT INTO event (name, occurred_at, contact_id, product_id) VALUES ('e', {AT}, 2, 1)",
        "INSERT INTO contact_item (attribute, item, record_id) VALUES ('tags', 'vip', 2)",
    )
    if foreign.store.dialect == "sqlite":
        foreign.run("PRAGMA foreign_keys = ON")
    assert after(foreign, "DELETE FROM contact WHERE id = 2") == [
        ("contact", 2, None, None, None),
        ("event", 1, None, None, None),
        ("event", 1, "contact", 2, None),
        ("event", 1, "product", 1, None),
    ]


def test_items_trace_their_record(foreign: Program) -> None:
    insert = "INSERT INTO contact_item (attribute, item, record_id) VALUES ('tags', 'vip', 1)"
    assert after(foreign, insert) == [("contact", 1, None, None, None)]
    assert after(foreign, "UPDATE contact_item SET record_id = 2") == [
        ("contact", 1, None, None, None),
        ("contact", 2, None, None, None),
    ]
    assert after(foreign, "DELETE FROM contact_item") == [("contact", 2, None, None, None)]


def test_links_trace_both_ends(foreign: Program) -> None:
    assert after(foreign, "INSERT INTO deal_product (deal_id, product_id) VALUES (1, 1)") == [
        ("deal", 1, "products", None, 1)
    ]
    assert after(foreign, "UPDATE deal_product SET product_id = 2") == [
        ("deal", 1, "products", None, 2),
        ("deal", 1, "products", 1, None),
    ]
    assert after(foreign, "DELETE FROM deal_product") == [("deal", 1, "products", 2, None)]


def test_an_upsert_is_traced(foreign: Program) -> None:
    upsert = (
        "INSERT INTO contact (external_id, name) VALUES ('A', 'x') "
        "ON CONFLICT (external_id) DO UPDATE SET name = excluded.name"
    )
    assert ("contact", 1, None, None, None) in after(foreign, upsert)


def test_what_is_rolled_back_leaves_no_trace(foreign: Program) -> None:
    assert after(foreign, "BEGIN", "UPDATE contact SET name = 'x'", "ROLLBACK") == []


@pytest.mark.parametrize("recursive", ["OFF", "ON"])
def test_what_replace_displaces_is_traced(sqlite_store: Store, recursive: str) -> None:
    with program(sqlite_store, f"PRAGMA recursive_triggers = {recursive}") as foreign:
        foreign.run(
            "INSERT INTO contact (external_id) VALUES ('A'), ('B')",
            "INSERT INTO deal (external_id, contact_id) VALUES ('D', 1)",
        )
        # A new id takes the place of the old one, by the external id.
        assert after(foreign, "REPLACE INTO deal (external_id, contact_id) VALUES ('D', 2)") == [
            ("deal", 1, None, None, None),
            ("deal", 1, "contact", 1, None),
            ("deal", 2, None, None, None),
        ]
        # One row can displace two: by its id and by its external id.
        assert after(foreign, "REPLACE INTO contact (id, external_id) VALUES (1, 'B')") == [
            ("contact", 1, None, None, None),
            ("contact", 2, None, None, None),
        ]


def test_what_update_or_replace_displaces_is_traced(sqlite_store: Store) -> None:
    with program(sqlite_store) as foreign:
        foreign.run(
            "INSERT INTO contact (name) VALUES ('a')",
            "INSERT INTO deal (external_id, contact_id) VALUES ('D', 1), ('E', NULL)",
        )
        update = "UPDATE OR REPLACE deal SET external_id = 'D' WHERE external_id = 'E'"
        assert after(foreign, update) == [
            ("deal", 1, None, None, None),
            ("deal", 1, "contact", 1, None),
            ("deal", 2, None, None, None),
        ]


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="there is no sqlite3 program here")
def test_the_sqlite3_program_is_traced(sqlite_store: Store) -> None:
    assert shutil.which("sqlite3")
    place = str(sqlite_store.address)
    subprocess.run(["sqlite3", place, "INSERT INTO contact (name) VALUES ('a')"], check=True)
    with program(sqlite_store) as foreign:
        assert traced(foreign) == [("contact", 1, None, None, None)]


def test_copy_is_traced(postgres_store: Store) -> None:
    with program(postgres_store) as foreign:
        with foreign.connection.cursor().copy("COPY company (name) FROM STDIN") as copy:
            copy.write_row(("a",))
            copy.write_row(("b",))
        assert traced(foreign) == [
            ("company", 1, None, None, None),
            ("company", 2, None, None, None),
        ]


def test_merge_is_traced(postgres_store: Store) -> None:
    with program(postgres_store, "INSERT INTO company (name) VALUES ('a'), ('b')") as foreign:
        merge = (
            "MERGE INTO company c USING (VALUES ('a', 5), ('z', 6)) AS s(name, size) "
            "ON c.name = s.name WHEN MATCHED THEN UPDATE SET size = s.size "
            "WHEN NOT MATCHED THEN INSERT (name) VALUES (s.name)"
        )
        assert after(foreign, merge) == [
            ("company", 1, None, None, None),
            ("company", 3, None, None, None),
        ]


def test_truncate_marks_the_whole_type(postgres_store: Store) -> None:
    with program(postgres_store) as foreign:
        foreign.run("TRUNCATE company CASCADE")
        marked = {row[0] for row in traced(foreign) if row[1] is None}
        assert marked == {"company", "contact", "deal", "event", "product", "task", "ticket"}


def test_writes_are_traced_while_other_triggers_are_off(postgres_store: Store) -> None:
    # What replication and pg_restore --disable-triggers do.
    with program(postgres_store, "SET session_replication_role = replica") as foreign:
        assert after(foreign, "INSERT INTO company (name) VALUES ('a')") == [
            ("company", 1, None, None, None)
        ]


def test_a_role_without_a_right_on_the_trace_is_traced(postgres_store: Store) -> None:
    with program(postgres_store) as owner:
        role = f"writer_{owner.rows('SELECT pg_backend_pid()')[0][0]}"
        owner.run(f"CREATE ROLE {role}", f"GRANT SELECT, INSERT ON company TO {role}")
        try:
            with program(postgres_store, f"SET ROLE {role}") as foreign:
                foreign.run("INSERT INTO company (name) VALUES ('a')")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    foreign.rows("SELECT * FROM trace")
            assert traced(owner) == [("company", 1, None, None, None)]
        finally:
            owner.run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")


def test_a_search_path_of_the_writer_does_not_divert_the_trace(postgres_store: Store) -> None:
    with program(
        postgres_store,
        "CREATE TEMP TABLE trace (object_type text, record_id bigint)",
        "CREATE SCHEMA trap",
        "CREATE TABLE trap.trace (object_type text, record_id bigint)",
        "SET search_path = trap, public",
    ) as foreign:
        foreign.run("INSERT INTO public.company (name) VALUES ('a')")
        assert foreign.rows("SELECT object_type, record_id FROM public.trace") == [("company", 1)]


# ---------------------------------------------------------------- triggers


def test_a_new_store_has_all_triggers(store: Store) -> None:
    with store.read() as session:
        assert verify_triggers(session) == []


def test_a_missing_trigger_is_named_and_put_back(store: Store) -> None:
    name = "segctl_trace_contact_update"
    on = " ON contact" if store.dialect == "postgresql" else ""
    with program(store, f"DROP TRIGGER {name}{on}"):
        pass
    with store.write() as session:
        assert verify_triggers(session) == [name]
        assert install_triggers(session) == [name]
        assert verify_triggers(session) == []


def test_putting_a_trigger_back_marks_its_type(store: Store) -> None:
    on = " ON contact_item" if store.dialect == "postgresql" else ""
    with program(store, f"DROP TRIGGER segctl_trace_contact_item_insert{on}") as foreign:
        with store.write() as session:
            install_triggers(session)
        assert traced(foreign) == [("contact", None, None, None, None)]


def test_a_trigger_that_does_something_else_is_replaced(sqlite_store: Store) -> None:
    with program(
        sqlite_store,
        "DROP TRIGGER segctl_trace_deal_insert",
        "CREATE TRIGGER segctl_trace_deal_insert AFTER INSERT ON deal BEGIN SELECT 1; END",
    ):
        pass
    with sqlite_store.write() as session:
        assert install_triggers(session) == ["segctl_trace_deal_insert"]


@pytest.mark.parametrize("state", ["DISABLE TRIGGER", "ENABLE TRIGGER", "ENABLE REPLICA TRIGGER"])
def test_a_trigger_that_does_not_always_fire_is_named(postgres_store: Store, state: str) -> None:
    with program(postgres_store, f"ALTER TABLE deal {state} segctl_trace_deal_insert"):
        pass
    with postgres_store.write() as session:
        assert install_triggers(session) == ["segctl_trace_deal_insert"]
        assert verify_triggers(session) == []


def test_a_changed_trigger_function_is_named(postgres_store: Store) -> None:
    with program(postgres_store, "ALTER FUNCTION segctl_trace_deal() SECURITY INVOKER"):
        pass
    with postgres_store.write() as session:
        assert install_triggers(session) == ["segctl_trace_deal()"]


# ---------------------------------------------------------------- reading


def changed(store: Store, seen: dict[str, object], type: ObjectType) -> list[int] | None:
    with store.read() as session:
        assert trace.unreadable(session, seen) is None
        query = trace.changed_since(session, seen, type)
        return None if query is None else sorted(session.execute(query).scalars())


def seen_by(store: Store) -> dict[str, object]:
    with store.read() as session:
        return trace.watermark(session)


def test_changes_since_a_watermark_are_those_after_it(foreign: Program) -> None:
    store = foreign.store
    foreign.run("UPDATE contact SET name = 'x' WHERE id = 1")
    seen = seen_by(store)
    assert changed(store, seen, ObjectType.CONTACT) == []
    foreign.run("UPDATE contact SET name = 'y' WHERE id = 2", "DELETE FROM contact WHERE id = 2")
    assert changed(store, seen, ObjectType.CONTACT) == [2]
    assert changed(store, seen, ObjectType.COMPANY) == []


def test_the_parents_that_a_child_left_are_read(foreign: Program) -> None:
    store = foreign.store
    seen = seen_by(store)
    foreign.run("UPDATE deal SET contact_id = 2", "DELETE FROM deal")
    with store.read() as session:
        left = trace.left_since(session, seen, DEAL["contact"])
        assert sorted(session.execute(left).scalars()) == [1, 2]


def test_a_marked_type_has_no_list_of_changes(foreign: Program) -> None:
    seen = seen_by(foreign.store)
    foreign.run("INSERT INTO trace (object_type) VALUES ('deal')")
    assert changed(foreign.store, seen, ObjectType.DEAL) is None
    assert changed(foreign.store, seen, ObjectType.CONTACT) == []


def test_a_transaction_that_commits_late_is_not_missed(postgres_store: Store) -> None:
    with program(postgres_store) as slow, program(postgres_store) as quick:
        slow.run("BEGIN", "INSERT INTO contact (name) VALUES ('slow')")
        quick.run("INSERT INTO contact (name) VALUES ('quick')")
        seen = seen_by(postgres_store)
        slow.run("COMMIT")
        # The sequence says 1 came before 2; only the snapshot knows that 1 was not seen.
        assert changed(postgres_store, seen, ObjectType.CONTACT) == [1]


def test_a_watermark_of_another_store_cannot_be_read(store: Store) -> None:
    seen = {**seen_by(store), "store": "another"}
    with store.read() as session:
        assert trace.unreadable(session, seen) == "the watermark is of another store"


def test_a_watermark_of_another_server_cannot_be_read(postgres_store: Store) -> None:
    seen = {**seen_by(postgres_store), "system": "another"}
    with postgres_store.read() as session:
        reason = trace.unreadable(session, seen)
        assert reason == "the store has moved to another server"


def test_no_watermark_cannot_be_read(store: Store) -> None:
    with store.read() as session:
        assert trace.unreadable(session, None) == "nothing was seen yet"


# ---------------------------------------------------------------- pruning


_SETTLED = (
    "SELECT pg_snapshot_xmin(pg_current_snapshot()) > all (SELECT xid FROM trace "
    "WHERE xid < pg_snapshot_xmax(pg_current_snapshot()))"
)


def settle(store: Store) -> None:
    """Wait for the transactions of other tests: Postgres counts those of all databases."""
    if store.dialect == "sqlite":
        return
    with program(store) as foreign:
        end = time.monotonic() + 60
        while not foreign.rows(_SETTLED)[0][0]:
            assert time.monotonic() < end, "another transaction does not end"
            time.sleep(0.02)


def prune(store: Store, now: dt.datetime, *, wait: bool = True, **settings: float) -> int:
    """Set what the workspace keeps and prune until there is nothing left to do."""
    if wait:
        settle(store)
    total = 0
    with store.write() as session:
        workspace = load_workspace(session)
        for name, value in settings.items():
            setattr(workspace, name, value)
        session.add(workspace)
    while True:
        with store.write() as session:
            deleted = trace.prune(session, load_workspace(session), now)
        total += deleted
        if not deleted:
            return total


def left(store: Store) -> int:
    with store.read() as session:
        table = record_tables(load_catalog(session)).trace()
        return int(session.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_old_rows_are_pruned_and_young_ones_kept(foreign: Program) -> None:
    store = foreign.store
    assert prune(store, NOW) == 0
    foreign.run("UPDATE contact SET name = 'x'")
    later = NOW + dt.timedelta(days=8)
    assert prune(store, later) == 7  # what the fixture wrote before the mark
    assert left(store) == 2


def test_a_watermark_from_before_the_pruned_is_too_old(foreign: Program) -> None:
    store = foreign.store
    old = seen_by(store)
    foreign.run("UPDATE contact SET name = 'x'")
    prune(store, NOW)
    young = seen_by(store)
    prune(store, NOW + dt.timedelta(days=8))
    with store.read() as session:
        assert trace.unreadable(session, old) == "the trace since then has been pruned"
        assert trace.unreadable(session, young) is None
    foreign.run("UPDATE contact SET name = 'y' WHERE id = 1")
    assert changed(store, young, ObjectType.CONTACT) == [1]


def test_a_trace_that_grows_too_large_is_cut(foreign: Program) -> None:
    store = foreign.store
    foreign.run(*(f"UPDATE company SET size = {n} WHERE id = 1" for n in range(20)))
    prune(store, NOW, trace_keep_rows=5)
    assert left(store) == 5


def test_rows_of_an_open_transaction_survive_pruning(postgres_store: Store) -> None:
    with program(postgres_store) as slow, program(postgres_store) as quick:
        slow.run("BEGIN", "INSERT INTO contact (name) VALUES ('slow')")
        quick.run("INSERT INTO contact (name) VALUES ('quick')")
        prune(postgres_store, NOW, wait=False, trace_keep_rows=0)
        seen = seen_by(postgres_store)
        prune(postgres_store, NOW, wait=False, trace_keep_rows=0)
        slow.run("COMMIT")
        assert changed(postgres_store, seen, ObjectType.CONTACT) == [1]


def test_rows_from_before_a_restore_are_pruned(postgres_store: Store) -> None:
    far = "9000000000"
    with program(postgres_store) as foreign:
        foreign.run(
            f"INSERT INTO trace (object_type, record_id, xid) VALUES ('deal', 1, '{far}')",
            f"INSERT INTO trace_mark (at, position, pruned) VALUES (now(), {far}, true)",
        )
        settle(postgres_store)
        prune(postgres_store, NOW)
        assert left(postgres_store) == 0
        assert changed(postgres_store, seen_by(postgres_store), ObjectType.DEAL) == []


def test_pruning_goes_in_bites_on_sqlite(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trace, "PRUNE_AT_ONCE", 3)
    with program(sqlite_store) as foreign:
        foreign.run(*(f"INSERT INTO company (size) VALUES ({n})" for n in range(8)))
    with sqlite_store.write() as session:
        workspace = load_workspace(session)
        workspace.trace_keep_rows = 1
        assert [trace.prune(session, workspace, NOW) for _ in range(4)] == [3, 3, 1, 0]


def test_a_trace_id_is_never_given_twice(sqlite_store: Store) -> None:
    with program(sqlite_store, "INSERT INTO company (name) VALUES ('a')") as foreign:
        before = last_trace(foreign)
        foreign.run("DELETE FROM trace", "INSERT INTO company (name) VALUES ('b')")
        assert last_trace(foreign) == before + 1


def test_suspended_triggers_come_back(sqlite_store: Store) -> None:
    with sqlite_store.write() as session:
        drop_triggers(session)
        assert len(verify_triggers(session)) > 50
        install_triggers(session)
        assert verify_triggers(session) == []
