"""Opening, reading and writing a store, and what is said when that cannot be done."""

# ruff: noqa: PT012  the error comes from the end of the transaction, too

from collections.abc import Iterator
import datetime as dt
import os
from pathlib import Path
import pwd
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time

import psycopg
import pytest
import sqlalchemy as sa
import sqlalchemy.exc as sax
from sqlmodel import select

from segctl.catalog import ObjectType
from segctl.errors import AlreadyExists, Busy, StoreError, UsageError
from segctl.store import postgres
from segctl.store.filesystems import kind_of, parse_mounts
from segctl.store.opening import Store, create_store, open_store
from segctl.store.records import record_tables
from segctl.store.tables import Segment, Workspace
from segctl.store.workspace import load_catalog, load_workspace
from tests.conftest import NOW
from tests.store.foreign import program

COMPANY = "INSERT INTO company (name) VALUES ('a')"


def names(store: Store) -> list[str]:
    with store.read() as session:
        company = record_tables(load_catalog(session)).record(ObjectType.COMPANY)
        return list(session.execute(sa.select(company.c.name).order_by(company.c.id)).scalars())


def add(store: Store, name: str) -> None:
    with store.write() as session:
        company = record_tables(load_catalog(session)).record(ObjectType.COMPANY)
        session.execute(sa.insert(company).values(name=name))


# ---------------------------------------------------------------- transactions


def test_what_is_written_can_be_read(store: Store) -> None:
    add(store, "a")
    assert names(store) == ["a"]


def test_an_error_in_the_block_undoes_it(store: Store) -> None:
    with pytest.raises(RuntimeError), store.write() as session:
        session.execute(sa.text(COMPANY))
        raise RuntimeError
    assert names(store) == []


def test_an_interrupt_in_the_block_undoes_it(store: Store) -> None:
    with pytest.raises(KeyboardInterrupt), store.write() as session:
        session.execute(sa.text(COMPANY))
        raise KeyboardInterrupt
    assert names(store) == []


def test_rows_added_to_the_session_are_kept(store: Store) -> None:
    with store.write() as session:
        session.add(
            Segment(
                object_type="contact",
                name="A",
                folded_name="a",
                condition="everything",
                definition_hash="x",
                modified_at=NOW,
                created_at=NOW,
            )
        )
    with store.read() as session:
        segment = session.exec(select(Segment)).one()
    assert (segment.id, segment.name, segment.modified_at) == (1, "A", NOW)


def test_a_reader_sees_one_snapshot(store: Store) -> None:
    with store.read() as session:
        load_catalog(session)
        add(store, "later")
        company = record_tables(load_catalog(session)).record(ObjectType.COMPANY)
        assert session.execute(sa.select(company.c.name)).all() == []
    assert names(store) == ["later"]


def test_a_reader_does_not_keep_a_writer_waiting(store: Store) -> None:
    with store.read() as session:
        load_workspace(session)
        begun = time.monotonic()
        add(store, "a")
        assert time.monotonic() - begun < 2


def test_two_writers_wait_for_each_other(store: Store, store_url: str) -> None:
    def other() -> None:
        with open_store(store_url) as second, second.write() as session:
            session.execute(sa.text("UPDATE workspace SET min_interval = min_interval + 1"))

    threads = [threading.Thread(target=other) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as session:
        assert load_workspace(session).min_interval == 34


def test_a_lock_that_is_held_too_long_is_busy(store: Store, store_url: str) -> None:
    with open_store(store_url, busy_timeout=0.2) as hurried, store.write() as session:
        session.execute(sa.text("UPDATE workspace SET min_interval = 31"))
        with pytest.raises(Busy) as caught, hurried.write() as other:
            other.execute(sa.text("UPDATE workspace SET min_interval = 32"))
    assert caught.value.fields["reason"] == "locked"


def test_a_serialization_failure_is_busy(postgres_store: Store) -> None:
    update = sa.text("UPDATE workspace SET min_interval = min_interval + 1")
    with (
        pytest.raises(Busy) as caught,
        postgres_store.write(isolation="REPEATABLE READ") as session,
    ):
        load_workspace(session)
        with postgres_store.write() as other:
            other.execute(update)
        session.execute(update)
    assert caught.value.fields["reason"] == "serialization"


def test_a_write_in_a_reading_transaction_is_a_bug_on_postgres(postgres_store: Store) -> None:
    with pytest.raises(sax.DBAPIError), postgres_store.read() as session:
        session.execute(sa.text(COMPANY))


def test_a_statement_with_a_mistake_is_a_bug(store: Store) -> None:
    with pytest.raises(sax.DBAPIError), store.read() as session:
        session.execute(sa.text("SELECT nothing FROM company"))


def test_a_driver_error_shows_no_values(store: Store) -> None:
    with pytest.raises(sax.IntegrityError) as caught, store.write() as session:
        company = record_tables(load_catalog(session)).record(ObjectType.COMPANY)
        session.execute(sa.insert(company), [{"name": "secret", "size": 2**60}])
    assert "secret" not in str(caught.value).replace("Failing row", "").partition("DETAIL")[0]


def test_a_column_that_goes_away_under_a_reader_is_busy(postgres_store: Store) -> None:
    with (
        program(postgres_store) as foreign,
        pytest.raises(Busy) as caught,
        postgres_store.read() as session,
    ):
        load_catalog(session)
        foreign.run(
            "ALTER TABLE company DROP COLUMN city",
            "UPDATE workspace SET catalog_version = catalog_version + 1",
        )
        session.execute(sa.text("SELECT city FROM company"))
    assert caught.value.fields["reason"] == "catalog"


def test_sessions_are_in_utc(postgres_store: Store) -> None:
    with program(postgres_store) as foreign:
        foreign.run("ALTER ROLE CURRENT_USER IN DATABASE postgres SET timezone = 'Asia/Tokyo'")
    with postgres_store.read() as session:
        assert session.execute(sa.text("SHOW timezone")).scalar() == "UTC"


def test_instants_come_back_in_utc(store: Store) -> None:
    with store.read() as session:
        created = load_workspace(session).created_at
    assert created == NOW
    assert created.tzinfo is dt.UTC


def test_a_write_that_need_not_last_is_flushed_with_the_next(store: Store) -> None:
    query = {
        "sqlite": ("PRAGMA synchronous", 1, 2),
        "postgresql": ("SHOW synchronous_commit", "off", "on"),
    }
    setting, loose, firm = query[store.dialect]
    if store.dialect == "postgresql":
        with program(store) as foreign:
            name = foreign.rows("SELECT current_database()")[0][0]
            foreign.run(f"ALTER DATABASE {name} SET synchronous_commit = on")
    with store.write(durable=False) as session:
        assert session.execute(sa.text(setting)).scalar() == loose
        session.execute(sa.text(COMPANY))
    store.close()
    with store.write() as session:
        assert session.execute(sa.text(setting)).scalar() == firm
    assert names(store) == ["a"]


# ---------------------------------------------------------------- addresses


def test_a_plain_path_is_a_sqlite_store(sqlite_store: Store) -> None:
    path = str(sqlite_store.address)
    with open_store(path) as other:
        assert other.dialect == "sqlite"


def test_a_path_with_strange_characters_works(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%20é'\"].sqlite"
    create_store(str(path), now=NOW).close()
    with open_store(str(path)) as store:
        assert names(store) == []


def test_a_store_in_memory_works() -> None:
    with create_store("sqlite://", now=NOW) as store:
        add(store, "a")
        assert names(store) == ["a"]


def test_postgres_and_postgresql_are_the_same(postgres_store: Store) -> None:
    with open_store(postgres_store.url.replace("postgresql://", "postgres://")) as other:
        assert other.dialect == "postgresql"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "empty"),
        ("mysql://localhost/x", "mysql"),
        ("sqlite://host/path", "three slashes"),
        ("postgresql://localhost", "names no database"),
        ("postgresql://localhost:port/x", "not a URL"),
        ("postgresql://me:a@b@host/x", "its password holds a character"),
        ("postgresql://me:a#b@host/x", "its password holds a character"),
    ],
)
def test_an_address_that_makes_no_sense_is_refused(url: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_store(url)
    said = f"{caught.value.message} {caught.value.hint}"
    assert words in said
    assert "a@b" not in said


def test_another_schema_is_chosen_by_the_search_path(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA crm")
    url = postgres_url + "&options=-csearch_path%3Dcrm"
    with create_store(url, now=NOW) as store:
        add(store, "a")
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM crm.company").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM crm.trace").fetchone() == (1,)
    with pytest.raises(StoreError, match="is not a segctl store"):
        open_store(postgres_url)


# ---------------------------------------------------------------- secrets


def test_a_password_is_never_shown(postgres_store: Store) -> None:
    url = postgres_store.url.replace("segctl@", "segctl:s3cr%20t@")
    with open_store(url) as store:
        for shown in (str(store), repr(store), repr(store.engine), repr(store.address)):
            assert "s3cr" not in shown


def test_a_password_in_the_options_is_never_shown() -> None:
    with pytest.raises(StoreError) as caught:
        open_store("postgresql://me@127.0.0.1:1/x?password=s3cret&sslmode=disable")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("password", ["s3cret", "s3%63ret", "pa%40ss%2Fw"])
def test_a_refused_login_does_not_show_the_password(password: str) -> None:
    with pytest.raises(StoreError) as caught:
        open_store(f"postgresql://me:{password}@127.0.0.1:1/x")
    for secret in (password, "s3cret", "pa@ss/w"):
        assert secret not in str(caught.value)


# ---------------------------------------------------------------- what cannot be opened


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="there is no store") as caught:
        open_store(str(tmp_path / "none.sqlite"))
    assert caught.value.hint == "set one up with segctl init"
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_not_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is a folder"):
        open_store(str(tmp_path))


def test_garbage_is_not_a_store(tmp_path: Path) -> None:
    path = tmp_path / "garbage"
    path.write_bytes(os.urandom(9000))
    with pytest.raises(StoreError, match="is not a SQLite database"):
        open_store(str(path))


def test_another_database_is_not_a_store(tmp_path: Path, postgres_url: str) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (x)")
    connection.close()
    for url in (str(path), postgres_url):
        with pytest.raises(StoreError, match="is not a segctl store"):
            open_store(url)


def test_a_damaged_file_is_said_to_be_damaged(sqlite_store: Store) -> None:
    add(sqlite_store, "a")
    sqlite_store.close()
    path = Path(str(sqlite_store.address))
    data = bytearray(path.read_bytes())
    data[4096 : 4096 * 20] = b"\xff" * (4096 * 19)
    path.write_bytes(data)
    with pytest.raises(StoreError, match="damaged"), open_store(str(path)) as store:
        names(store)


def test_a_server_that_is_not_there_is_said_so_soon() -> None:
    begun = time.monotonic()
    with pytest.raises(StoreError, match="does not answer") as caught:
        open_store("postgresql://me@127.0.0.1:1/x")
    assert time.monotonic() - begun < 5
    assert caught.value.fields["reason"] == "no_answer"


def test_a_server_that_is_silent_is_given_up_on() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        begun = time.monotonic()
        with pytest.raises(StoreError, match="does not answer"):
            open_store(f"postgresql://me@127.0.0.1:{port}/x", connect_timeout=2)
        assert time.monotonic() - begun < 15


def test_a_host_that_does_not_exist_is_said_so() -> None:
    with pytest.raises(StoreError, match="does not answer"):
        open_store("postgresql://me@no-such-host.invalid/x")


def test_a_database_that_does_not_exist_is_said_so(postgres_store: Store) -> None:
    url = postgres_store.url.partition("?")
    with pytest.raises(StoreError, match="does not exist"):
        open_store(url[0].rpartition("/")[0] + "/no_such_database?" + url[2])


def test_a_server_that_goes_away_is_said_so(postgres_store: Store) -> None:
    with pytest.raises(StoreError), postgres_store.write() as session:
        own = session.execute(sa.text("SELECT pg_backend_pid()")).scalar_one()
        with program(postgres_store) as foreign:
            foreign.run(f"SELECT pg_terminate_backend({own})")
        session.execute(sa.text(COMPANY))
    # The next transaction takes another connection.
    add(postgres_store, "a")


def test_a_server_that_is_too_old_is_refused() -> None:
    with pytest.raises(StoreError, match=r"Postgres 14\.9, and segctl needs 15"):
        postgres._refuse_unfit("db", 14, "14.9", "UTF8", True)


def test_a_server_without_icu_is_refused(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("SET allow_system_table_mods = on")
        connection.execute("DELETE FROM pg_collation WHERE collname = 'und-x-icu'")
    with pytest.raises(StoreError, match="without ICU"):
        create_store(postgres_url, now=NOW)


def test_a_database_that_is_not_utf8_is_refused(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        row = connection.execute("SELECT current_database()").fetchone()
        assert row is not None
        name = f"{row[0]}_latin"
        connection.execute(
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
        )
        try:
            with pytest.raises(StoreError, match="encoded in LATIN1"):
                create_store(postgres_url.replace(row[0], name), now=NOW)
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


def test_a_network_file_system_is_refused(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segctl.store.sqlite.network_file_system", lambda path: "nfs4")
    with pytest.raises(StoreError, match=r"network file system \(nfs4\)"):
        open_store(sqlite_store.url)


def test_the_innermost_mount_decides() -> None:
    text = (
        "/dev/sda / ext4 rw 0 0\n"
        "server:/x /mnt/share nfs4 rw 0 0\n"
        "tmpfs /mnt/share/local\\040one tmpfs rw 0 0\n"
    )

    def kind(path: str) -> str | None:
        return kind_of(Path(path), parse_mounts(text))

    assert kind("/home/me/store") == "ext4"
    assert kind("/mnt/share/store") == "nfs4"
    assert kind("/mnt/shares/store") == "ext4"
    assert kind("/mnt/share/local one/store") == "tmpfs"


# ---------------------------------------------------------------- creating


def test_a_store_that_is_there_is_not_made_anew(store: Store, store_url: str) -> None:
    add(store, "a")
    with pytest.raises(AlreadyExists):
        create_store(store_url, now=NOW)
    assert names(store) == ["a"]


def test_a_database_of_others_is_left_alone(tmp_path: Path, postgres_url: str) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bills (x)")
    connection.close()
    with psycopg.connect(postgres_url) as other:
        other.execute("CREATE TABLE bills (x int)")
    for url in (str(path), postgres_url):
        with pytest.raises(StoreError, match="it holds bills"):
            create_store(url, now=NOW)
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT name FROM sqlite_master").fetchall()
    connection.close()
    assert found == [("bills",)]


def test_a_failed_creation_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr("segctl.store.creation.install_triggers", fail)
    with pytest.raises(RuntimeError):
        create_store(str(tmp_path / "new.sqlite"), now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such file or directory"):
        create_store(str(tmp_path / "none" / "new.sqlite"), now=NOW)


def test_two_creations_at_once_make_one_store(postgres_url: str) -> None:
    results: list[object] = []

    def create() -> None:
        try:
            create_store(postgres_url, now=NOW).close()
            results.append("made")
        except AlreadyExists:
            results.append("refused")

    threads = [threading.Thread(target=create) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, results)) == ["made", "refused"]


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    previous = os.umask(0)
    try:
        with create_store(str(tmp_path / "new.sqlite"), now=NOW) as store:
            add(store, "a")
            modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in tmp_path.iterdir()}
    finally:
        os.umask(previous)
    assert modes == {
        "new.sqlite": 0o600,
        "new.sqlite-wal": 0o600,
        "new.sqlite-shm": 0o600,
    }


def test_a_sqlite_store_is_set_up_for_many_processes(sqlite_store: Store) -> None:
    wanted = {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "recursive_triggers": 1,
        "synchronous": 2,
        "busy_timeout": 10_000,
        "mmap_size": 0,
        "temp_store": 1,
    }
    with sqlite_store.read() as session:
        for name, value in wanted.items():
            assert session.execute(sa.text(f"PRAGMA {name}")).scalar() == value, name


# ---------------------------------------------------------------- read-only and full


def _try(place: str) -> str:
    """Read the names in a store, and try to write to it."""
    said = []
    try:
        with open_store(place) as store:
            said.append(str(names(store)))
            add(store, "b")
    except StoreError as error:
        said.append(str(error))
    return "\n".join(said)


def as_nobody(store: Store) -> str:
    """The same as a user who may not write; root may everything, so another user takes over."""
    place = str(store.address)
    if os.geteuid() != 0:
        return _try(place)
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            nobody = pwd.getpwnam("nobody")
            os.setgroups([])
            os.setgid(nobody.pw_gid)
            os.setuid(nobody.pw_uid)
            os.write(writer, _try(place).encode())
        except BaseException as error:
            os.write(writer, repr(error).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


@pytest.fixture
def protected(sqlite_store: Store, tmp_path: Path) -> Iterator[Store]:
    """A store with one company that others may read and not write."""
    add(sqlite_store, "a")
    path = Path(str(sqlite_store.address))
    parents = [p for p in path.parents if p not in Path("/tmp").parents and p != Path("/tmp")]
    for parent in parents:
        if os.geteuid() == 0:
            parent.chmod(parent.stat().st_mode | 0o055)
    yield sqlite_store
    tmp_path.chmod(0o755)


def test_a_read_only_file_can_be_read(protected: Store) -> None:
    protected.close()  # folds the log in and takes it away
    path = Path(str(protected.address))
    path.chmod(0o444)
    path.parent.chmod(0o555)
    said = as_nobody(protected)
    assert "['a']" in said
    assert "is read-only here" in said


def test_a_read_only_file_can_be_read_while_its_owner_writes(protected: Store) -> None:
    path = Path(str(protected.address))
    for file in path.parent.glob("store.sqlite*"):
        file.chmod(0o444)
    path.parent.chmod(0o555)
    said = as_nobody(protected)
    assert "['a']" in said
    assert "is read-only here" in said


def test_a_log_that_cannot_be_read_is_not_passed_over(protected: Store) -> None:
    path = Path(str(protected.address))
    log = Path(f"{path}-wal")
    kept = log.read_bytes()
    protected.close()
    log.write_bytes(kept)  # as a crash leaves it
    for file in path.parent.glob("store.sqlite*"):
        file.chmod(0o444)
    path.parent.chmod(0o555)
    said = as_nobody(protected)
    assert "its newest changes are in store.sqlite-wal" in said
    assert "[]" not in said


def test_a_write_on_a_standby_is_said_to_be_read_only(postgres_store: Store) -> None:
    # What a standby says to the first write, whatever the transaction asks for.
    refused = sa.text("SET TRANSACTION READ ONLY")
    with pytest.raises(StoreError, match="is read-only"), postgres_store.write() as session:
        session.execute(refused)
        session.execute(sa.text(COMPANY))


def test_a_full_database_is_said_to_be_full(sqlite_store: Store) -> None:
    with pytest.raises(StoreError, match="disk is full"), sqlite_store.write() as session:
        pages = session.execute(sa.text("PRAGMA page_count")).scalar_one()
        session.execute(sa.text(f"PRAGMA max_page_count = {pages}"))
        company = record_tables(load_catalog(session)).record(ObjectType.COMPANY)
        session.execute(sa.insert(company), [{"description": "x" * 5000} for _ in range(500)])
    assert names(sqlite_store) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB, where that can be had."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs takes root")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_full_disk_loses_nothing(small_disk: Path) -> None:
    with create_store(str(small_disk / "store.sqlite"), now=NOW) as store:
        add(store, "a")
        with pytest.raises(StoreError, match="disk is full"), store.write() as session:
            company = record_tables(load_catalog(session)).record(ObjectType.COMPANY)
            for _ in range(100):
                session.execute(sa.insert(company), [{"description": "x" * 5000}] * 100)
        assert names(store) == ["a"]
    with open_store(str(small_disk / "store.sqlite")) as store:
        assert names(store) == ["a"]


def test_a_full_disk_makes_no_half_store(small_disk: Path) -> None:
    (small_disk / "ballast").write_bytes(b"x" * (3 * 1024 * 1024 - 40_960))
    with pytest.raises(StoreError, match=r"disk is full|cannot be read or written"):
        create_store(str(small_disk / "store.sqlite"), now=NOW)
    assert [f.name for f in small_disk.iterdir()] == ["ballast"]


# ---------------------------------------------------------------- cost


def test_opening_a_store_imports_no_alembic_and_no_re2(sqlite_store: Store) -> None:
    script = (
        "import sys\n"
        "from segctl.store.opening import open_store\n"
        "from segctl.store.workspace import load_catalog\n"
        "with open_store(sys.argv[1]) as store, store.read() as session: load_catalog(session)\n"
        "print([m for m in ('alembic', 're2', 'psycopg', 'rich', 'typer') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, sqlite_store.url],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


def test_the_workspace_row_is_what_the_table_says(store: Store) -> None:
    with store.read() as session:
        workspace = load_workspace(session)
    fresh = Workspace(store_id=workspace.store_id, created_at=NOW)
    assert workspace.model_dump() == fresh.model_dump()
