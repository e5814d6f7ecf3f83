"""The store as a whole: init, check, upgrade, backup."""

from collections.abc import Callable
import os
from pathlib import Path
import sqlite3
import stat
import threading
import tomllib

import pytest
import sqlalchemy as sa
from sqlmodel import select

from segctl.catalog import Attribute, ObjectType, ValueType
from segctl.errors import AlreadyExists, FileError, GuardStopped, StoreError
from segctl.services import attributes, stores
from segctl.store import backup, version
from segctl.store.opening import Store, open_store
from segctl.store.tables import AuditEntry
from segctl.store.version import SCHEMA_VERSION
from tests.conftest import NOW, Processes, Result
from tests.store.foreign import program

Call = Callable[..., Result]


def problems(store: Store) -> dict[str, tuple[str, ...]]:
    return {c.name: c.problems for c in stores.check(store.url) if not c.ok}


# ---------------------------------------------------------------- init


def test_init_makes_a_store_and_a_config_that_names_it(
    segctl: Call, clean_environment: Path
) -> None:
    segctl("init").ok()
    assert tomllib.loads((clean_environment / "segctl.toml").read_text()) == {
        "store": "segctl.sqlite"
    }
    mode = stat.S_IMODE((clean_environment / "segctl.sqlite").stat().st_mode)
    assert mode == 0o600
    segctl("store", "check").ok()
    # It is found from a folder below, too.
    (clean_environment / "below").mkdir()
    os.chdir(clean_environment / "below")
    segctl("store", "check").ok()


def test_init_is_audited(segctl: Call) -> None:
    segctl("init", "--actor", "me").ok()
    with open_store("segctl.sqlite") as store, store.read() as session:
        entry = session.exec(select(AuditEntry)).one()
    assert (entry.actor, entry.action, entry.subject_type) == ("me", "create", "store")


def test_a_second_init_changes_nothing(segctl: Call, clean_environment: Path) -> None:
    segctl("init").ok()
    files = {f.name: f.read_bytes() for f in clean_environment.iterdir()}
    again = segctl("init")
    assert again.code == 1
    assert "is a segctl store already" in again.stderr
    assert {f.name: f.read_bytes() for f in clean_environment.iterdir()} == files


def test_init_does_not_overwrite_a_config(segctl: Call, clean_environment: Path) -> None:
    (clean_environment / "segctl.toml").write_text('store = "mine.sqlite"\n')
    refused = segctl("init", "--store", "other.sqlite")
    assert refused.code == 1
    assert "segctl.toml is there already" in refused.stderr
    assert not (clean_environment / "other.sqlite").exists()


def test_init_sets_up_the_store_that_a_config_names(segctl: Call, clean_environment: Path) -> None:
    (clean_environment / "segctl.toml").write_text('store = "mine.sqlite"\n')
    segctl("init").ok()
    assert (clean_environment / "mine.sqlite").exists()


def test_init_sets_up_the_store_that_the_environment_names(
    segctl: Call, clean_environment: Path
) -> None:
    segctl("init", env={"SEGCTL_STORE": "named.sqlite"}).ok()
    assert (clean_environment / "named.sqlite").exists()
    assert not (clean_environment / "segctl.toml").exists()


def test_init_on_postgres_names_the_server(segctl: Call, postgres_url: str) -> None:
    segctl("init", "--store", postgres_url).ok()
    assert tomllib.loads(Path("segctl.toml").read_text()) == {"store": postgres_url}
    segctl("store", "check").ok()


def test_a_password_goes_into_a_file_of_its_own(segctl: Call, postgres_url: str) -> None:
    url = postgres_url.replace("segctl@", "segctl:s3cret@")
    done = segctl("init", "--store", url).ok()
    assert "s3cret" not in done.stderr + done.stdout + Path("segctl.toml").read_text()
    assert tomllib.loads(Path("segctl.toml").read_text()) == {"store_file": "segctl.store"}
    assert Path("segctl.store").read_text().strip() == url
    assert stat.S_IMODE(Path("segctl.store").stat().st_mode) == 0o600
    assert "keep that file out of version control" in done.stderr
    segctl("store", "check").ok()


def test_a_failed_init_leaves_nothing(segctl: Call, clean_environment: Path) -> None:
    failed = segctl("init", "--store", "postgresql://me:s3cret@127.0.0.1:1/x")
    assert failed.code == 1
    assert "s3cret" not in failed.stderr
    assert list(clean_environment.iterdir()) == []


def test_a_config_elsewhere_gets_a_whole_path(segctl: Call, tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    file = tmp_path / "etc" / "segctl.toml"
    segctl("--config", file, "init", "--store", "here.sqlite").ok()
    assert tomllib.loads(file.read_text()) == {"store": str(Path("here.sqlite").absolute())}
    segctl("--config", file, "store", "check").ok()


# ---------------------------------------------------------------- check


def test_a_new_store_is_well(store: Store) -> None:
    assert problems(store) == {}
    assert stores.check(store.url)[0].name == "version"


def test_a_missing_trigger_is_a_problem(store: Store) -> None:
    on = " ON contact" if store.dialect == "postgresql" else ""
    with program(store, f"DROP TRIGGER segctl_trace_contact_insert{on}"):
        pass
    assert problems(store) == {
        "triggers": ("the trigger segctl_trace_contact_insert is missing, off or changed",)
    }


def test_a_broken_reference_is_a_problem(sqlite_store: Store) -> None:
    with program(sqlite_store, "INSERT INTO contact (company_id) VALUES (7)"):
        pass
    assert problems(sqlite_store) == {"references": ("1 rows of contact refer to no company",)}


def test_a_count_that_is_off_is_a_problem(store: Store) -> None:
    true = "true" if store.dialect == "postgresql" else "1"
    with program(
        store,
        "INSERT INTO segment (object_type, name, folded_name, description, condition, "
        "definition_hash, interval, modified_at, created_at) VALUES ('contact', 'A', 'a', '', "
        "'everything', 'x', 240, '2026-01-31T10:00:00.000000Z', '2026-01-31T10:00:00.000000Z')",
        "INSERT INTO segment_state (segment_id, count, failures, too_heavy, heavy_reasons) "
        f"VALUES (1, 5, 0, {true}, '[]')",
        "INSERT INTO contact_member VALUES (1, 1, 1)",
    ):
        pass
    assert problems(store) == {"counts": ('"A" (contact) says 5 members and has 1',)}


def test_an_undeclared_item_is_a_problem(store: Store) -> None:
    wanted = Attribute(ObjectType.CONTACT, "langs", ValueType.MULTICHOICE, ("en",), False)
    attributes.add(store, wanted, now=NOW, actor="me")
    with program(
        store,
        "INSERT INTO contact (name) VALUES ('a')",
        "INSERT INTO contact_item (attribute, item, record_id) "
        "VALUES ('langs', 'en', 1), ('langs', 'de', 1), ('lost', 'x', 1)",
    ):
        pass
    assert problems(store) == {
        "choices": ('contact.langs is "de" in 1 records, and that is not a choice of it',),
        "items": ('1 items of contact belong to no attribute: "lost"',),
    }


def test_a_column_of_no_attribute_is_a_problem(store: Store) -> None:
    with program(
        store,
        "ALTER TABLE deal ADD COLUMN theirs TEXT",
        "ALTER TABLE deal DROP COLUMN loss_reason",
    ):
        pass
    assert problems(store)["columns"] == (
        "deal.loss_reason has no column",
        "the column theirs of deal belongs to no attribute",
    )


def test_an_overtaken_id_is_a_problem(postgres_store: Store) -> None:
    with program(postgres_store, "INSERT INTO contact (id) VALUES (5)"):
        pass
    assert problems(postgres_store) == {"ids": ("the next id of contact is 1, and 5 is taken",)}


def test_damage_is_a_problem_and_not_a_crash(sqlite_store: Store) -> None:
    with program(sqlite_store) as foreign:
        foreign.run("BEGIN")
        for n in range(3000):
            foreign.run(f"INSERT INTO contact (name, email) VALUES ('name {n}', 'mail {n}')")
        foreign.run("COMMIT", "PRAGMA wal_checkpoint(TRUNCATE)")
    sqlite_store.close()
    path = Path(str(sqlite_store.address))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 3 * 4096] = b"\x5a" * (3 * 4096)
    path.write_bytes(data)
    assert "integrity" in problems(sqlite_store)


def test_a_check_that_says_no_exits_with_6(store: Store, segctl: Call) -> None:
    fine = segctl("store", "check", "-o", "json", store=store).ok()
    assert all(row["ok"] for row in fine.json)
    on = " ON contact" if store.dialect == "postgresql" else ""
    with program(store, f"DROP TRIGGER segctl_trace_contact_insert{on}"):
        pass
    bad = segctl("store", "check", "-o", "json", store=store)
    assert bad.code == 6
    assert [row["check"] for row in bad.json if not row["ok"]] == ["triggers"]


def test_checking_another_version_exits_with_6(store: Store, segctl: Call) -> None:
    with program(store, "UPDATE alembic_version SET version_num = '9999'"):
        pass
    newer = segctl("store", "check", store=store)
    assert newer.code == 6
    assert "schema 9999" in newer.stdout


# ---------------------------------------------------------------- upgrade


def test_a_store_that_is_up_to_date_is_left_alone(store: Store, segctl: Call) -> None:
    done = segctl("store", "upgrade", store=store).ok()
    assert "up to date" in done.stderr


@pytest.fixture
def older(store: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of today, seen by the segctl of tomorrow."""
    from segctl.store import creation

    later = Path(__file__).parent / "migrations"
    run = creation.run_migrations
    monkeypatch.setattr(creation, "run_migrations", lambda c, versions=(): run(c, [later]))
    for module in (version, stores):
        monkeypatch.setattr(module, "SCHEMA_VERSION", "9999")
    with program(store, "INSERT INTO company (name) VALUES ('a')"):
        pass
    return store


def test_an_upgrade_of_sqlite_backs_up_first(older: Store) -> None:
    if older.dialect != "sqlite":
        with pytest.raises(GuardStopped) as caught:
            stores.upgrade(older.url, now=NOW, actor="me", yes=False)
        assert "pg_dump --format=custom" in str(caught.value.hint)
        with program(older) as foreign:
            assert foreign.rows("SELECT version_num FROM alembic_version") == [(SCHEMA_VERSION,)]
        return
    done = stores.upgrade(older.url, now=NOW, actor="me", yes=False)
    assert (done.before, done.after) == (SCHEMA_VERSION, "9999")
    assert done.backup is not None
    assert done.backup.path.name == f"store.sqlite.schema-{SCHEMA_VERSION}-20260315T120000Z"
    copy = sqlite3.connect(done.backup.path)
    assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == (SCHEMA_VERSION,)
    assert copy.execute("SELECT name FROM company").fetchall() == [("a",)]
    copy.close()


def test_an_upgrade_is_done_and_audited(older: Store) -> None:
    stores.upgrade(older.url, now=NOW, actor="me", yes=True)
    with older.read() as session:
        entry = session.exec(select(AuditEntry)).one()
        assert session.execute(sa.text("SELECT name FROM company")).all() == [("a",)]
    assert (entry.action, entry.before, entry.after) == (
        "upgrade",
        {"schema": SCHEMA_VERSION},
        {"schema": "9999"},
    )


def test_a_newer_store_is_not_upgraded(store: Store, segctl: Call) -> None:
    with program(store, "UPDATE alembic_version SET version_num = '9999'"):
        pass
    refused = segctl("store", "upgrade", "--yes", store=store)
    assert refused.code == 1
    assert "upgrade segctl on this machine" in refused.stderr


# ---------------------------------------------------------------- prune


def test_pruning_keeps_what_the_workspace_keeps(sqlite_store: Store, segctl: Call) -> None:
    with program(sqlite_store) as foreign:
        foreign.run(*(f"INSERT INTO company (size) VALUES ({n})" for n in range(9)))
        segctl("workspace", "set", "trace_keep_rows", "2", store=sqlite_store).ok()
        done = segctl("store", "prune", store=sqlite_store).ok()
        assert done.stderr == ("pruned 7 rows of the write trace, 0 member changes and 0 runs\n")
        assert foreign.rows("SELECT count(*) FROM trace") == [(2,)]


# ---------------------------------------------------------------- backup


def test_a_backup_holds_the_store(sqlite_store: Store, tmp_path: Path, segctl: Call) -> None:
    with program(sqlite_store, "INSERT INTO company (name) VALUES ('a'), ('b')"):
        target = tmp_path / "copy.sqlite"
        done = segctl("store", "backup", target, store=sqlite_store).ok()
    assert "verified" in done.stderr
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with open_store(str(target)) as copy, copy.read() as session:
        assert session.execute(sa.text("SELECT name FROM company")).all() == [("a",), ("b",)]
    assert sorted(f.name for f in tmp_path.glob("*copy*")) == ["copy.sqlite"]


def test_a_backup_does_not_overwrite(sqlite_store: Store, tmp_path: Path, segctl: Call) -> None:
    target = tmp_path / "copy.sqlite"
    target.write_text("precious")
    refused = segctl("store", "backup", target, store=sqlite_store)
    assert refused.code == 1
    assert target.read_text() == "precious"
    segctl("store", "backup", target, "--force", store=sqlite_store).ok()
    open_store(str(target)).close()


def test_a_file_that_came_meanwhile_is_not_overwritten(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "copy.sqlite"
    monkeypatch.setattr(backup, "_flush", lambda part: target.write_text("precious"))
    with pytest.raises(AlreadyExists):
        stores.back_up(sqlite_store.url, target)
    assert target.read_text() == "precious"


def test_a_store_is_not_backed_up_onto_itself(sqlite_store: Store) -> None:
    with pytest.raises(FileError, match="is the store itself"):
        stores.back_up(sqlite_store.url, Path(str(sqlite_store.address)), force=True)


def test_a_backup_into_no_folder_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file or directory"):
        stores.back_up(sqlite_store.url, tmp_path / "none" / "copy.sqlite")


def test_a_backup_that_is_not_whole_is_thrown_away(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with program(sqlite_store, "INSERT INTO company (name) VALUES ('a')"):
        pass
    pages = backup._copy_pages

    def lossy(original: sqlite3.Connection, part: Path) -> None:
        pages(original, part)
        copy = sqlite3.connect(part)
        copy.execute("DELETE FROM company")
        copy.commit()
        copy.close()

    monkeypatch.setattr(backup, "_copy_pages", lossy)
    with pytest.raises(StoreError, match="rows of company"):
        stores.back_up(sqlite_store.url, tmp_path / "copy.sqlite")
    assert not list(tmp_path.glob("*copy.sqlite*"))


def test_a_backup_is_one_moment_while_others_write(sqlite_store: Store, tmp_path: Path) -> None:
    stop = threading.Event()

    def writing() -> None:
        with program(sqlite_store) as foreign:
            while not stop.is_set():
                foreign.run(
                    "BEGIN",
                    "INSERT INTO company (name) VALUES ('a')",
                    "INSERT INTO product (name) VALUES ('a')",
                    "COMMIT",
                )

    thread = threading.Thread(target=writing)
    thread.start()
    try:
        for n in range(5):
            made = stores.back_up(sqlite_store.url, tmp_path / f"copy{n}.sqlite")
            assert isinstance(made, backup.Backup)
            copy = sqlite3.connect(made.path)
            companies = copy.execute("SELECT count(*) FROM company").fetchone()
            assert copy.execute("SELECT count(*) FROM product").fetchone() == companies
            copy.close()
    finally:
        stop.set()
        thread.join()


def test_a_backup_of_postgres_is_a_command_without_the_password(
    postgres_store: Store, segctl: Call
) -> None:
    url = postgres_store.url.replace("segctl@", "segctl:s3cret@")
    done = segctl("store", "backup", "my copy", store=url).ok()
    assert done.stdout.startswith("PGPASSWORD=… pg_dump --format=custom --file='my copy' ")
    assert "s3cret" not in done.stdout + done.stderr


# ---------------------------------------------------------------- a role that only reads


def test_read_commands_work_with_a_role_that_only_reads(
    postgres_store: Store, segctl_process: Processes
) -> None:
    with program(postgres_store) as owner:
        role = f"reader_{owner.rows('SELECT pg_backend_pid()')[0][0]}"
        owner.run(
            f"CREATE ROLE {role} LOGIN",
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
        )
        try:
            url = postgres_store.url.replace("segctl@", f"{role}@")
            for words in (
                ("attributes", "list"),
                ("workspace", "show"),
                ("store", "check"),
                ("segments", "list"),
            ):
                segctl_process(*words, store=url).ok()
            refused = segctl_process(
                "attributes", "add", "deal", "x", "--kind", "string", store=url
            )
            assert refused.code == 1
            assert "the role of this connection may not do that" in refused.stderr
        finally:
            owner.run(f"DROP OWNED BY {role}", f"DROP ROLE {role}")
