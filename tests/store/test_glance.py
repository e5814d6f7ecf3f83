"""Looking at a store without SQLAlchemy: the same answers, the same refusals."""

from pathlib import Path
import sqlite3
import subprocess
import sys

import pytest

from segctl.catalog import ObjectType
from segctl.engine import lease
from segctl.engine.owner import this_process
from segctl.errors import Busy, SegctlError, StoreError, StoreVersionError
from segctl.services import batches, recalculation, segments
from segctl.services.segment_views import list_segments
from segctl.store.glance import glance
from segctl.store.opening import Store, open_store
from tests.conftest import NOW
from tests.store.foreign import program


def looked_at(url: str, type: ObjectType | None = None):
    with glance(url, busy_timeout=1, connect_timeout=5) as seen:
        return list_segments(seen, type)


def define(store: Store, name: str, where: str, type: ObjectType = ObjectType.COMPANY) -> int:
    made = segments.create(store, type=type, name=name, where=where, now=NOW, actor="test")
    return made.id


def test_it_lists_what_a_session_lists(store: Store) -> None:
    counted = define(store, "Counted", "size > 1")
    broken = define(store, "Broken", 'name = "x"', ObjectType.CONTACT)
    define(store, "Édith \N{SNOWMAN}", "size > 2")
    held = define(store, "Held", "size > 3")
    recalculation.recalculate(store, batches.choose(store, ["Counted"]), now=NOW)
    with store.write() as session:
        lease.acquire(session, [held], token="me", owner=this_process())
    yes = "1" if store.dialect == "sqlite" else "true"
    with program(store) as foreign:
        foreign.run(
            f"UPDATE segment_state SET definition_hash = 'old' WHERE segment_id = {counted}",
            "INSERT INTO segment_state "
            "(segment_id, last_error, failures, too_heavy, heavy_reasons) "
            f"VALUES ({broken}, 'no', 2, {yes}, '[\"x\"]')",
        )
    found = looked_at(store.url)
    assert found == segments.list_segments(store)
    by_name = {view.name: view for view in found}
    assert by_name["Counted"].stale
    assert by_name["Counted"].count == 0
    assert by_name["Broken"].heavy_reasons == ["x"]
    assert by_name["Held"].running
    assert looked_at(store.url, ObjectType.CONTACT) == [by_name["Broken"]]


def test_a_listing_imports_no_sqlalchemy(sqlite_store: Store) -> None:
    define(sqlite_store, "A", "size > 1")
    program = (
        "import sys\nfrom segctl.cli.main import run\n"
        f"code = run(['--store', {sqlite_store.url!r}, 'segments', 'list'])\n"
        "assert code == 0, code\n"
        "assert not {'sqlalchemy', 'sqlmodel', 'pydantic', 'alembic'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "A" in done.stdout


def refusal(open, url: str) -> tuple[type[SegctlError], str, str | None]:
    with pytest.raises(SegctlError) as caught:
        open(url)
    return type(caught.value), caught.value.message, caught.value.hint


@pytest.mark.parametrize("content", [None, b"", b"something else" * 100])
def test_it_refuses_what_opening_refuses(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    for url in (str(path), str(tmp_path), "mysql://host/x", "sqlite://"):
        assert refusal(looked_at, url) == refusal(lambda url: open_store(url).close(), url)


def test_a_store_of_another_version_is_refused(store: Store) -> None:
    with program(store) as foreign:
        foreign.run("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(StoreVersionError):
        looked_at(store.url)


def test_a_server_that_is_not_there_is_named_without_its_password() -> None:
    with pytest.raises(StoreError) as caught:
        looked_at("postgresql://me:secret@127.0.0.1:1/x")
    assert "secret" not in str(caught.value)


def test_a_locked_store_is_busy(sqlite_store: Store) -> None:
    sqlite_store.close()
    other = sqlite3.connect(sqlite_store.url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN IMMEDIATE")
    other.execute("UPDATE workspace SET timezone = timezone")
    try:
        with pytest.raises(Busy), glance(sqlite_store.url, busy_timeout=0, connect_timeout=1):
            pass
    finally:
        other.close()


def read(store: Store, sql: str) -> list:
    with glance(store.url, busy_timeout=1, connect_timeout=5) as seen:
        return seen.rows(sql)


def test_a_bug_is_not_dressed_up(store: Store) -> None:
    with pytest.raises(Exception, match="nothing") as caught:
        read(store, "SELECT * FROM nothing")
    assert not isinstance(caught.value, SegctlError)


def test_it_writes_nothing(store: Store) -> None:
    define(store, "A", "size > 1")
    with pytest.raises(Exception, match=r"read-?only"):
        read(store, "DELETE FROM segment")
    assert [view.name for view in looked_at(store.url)] == ["A"]
