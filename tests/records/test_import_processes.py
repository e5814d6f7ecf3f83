"""Imports as real processes: side by side, killed, and with little memory."""

from pathlib import Path
import signal
import threading
import time
from typing import Any

import pytest
import sqlalchemy as sa

from segctl.catalog import Catalog, ObjectType
from segctl.errors import Busy
from segctl.services.imports.options import OnMissing
from segctl.store.opening import Store, open_store
from segctl.store.records import record_tables
from segctl.store.triggers import verify_triggers
from tests.records.loading import imported, listed, outcome, written


def rows(first: int, count: int, name: str = "N") -> str:
    return "".join(f"u{n},{name} {n},{n % 100},a;t{n % 7}\n" for n in range(first, first + count))


HEAD = "external_id,name,score,tags\n"


def test_imports_side_by_side_lose_nothing(
    store: Store, tmp_path: Path, segctl_process: Any
) -> None:
    """Each either does all of its file or says that it is busy and can be run again."""
    files = [
        written(tmp_path, HEAD + rows(1000 * n, 2500, f"File {n}"), f"{n}.csv") for n in range(3)
    ]
    left = list(files)
    for _ in range(6):
        started = [
            segctl_process.start("records", "import", "contact", f, store=store) for f in left
        ]
        ended = [(process, *process.communicate(timeout=120)) for process in started]
        for process, _, err in ended:
            assert process.returncode in (0, 75), err
        left = [
            file
            for file, (process, *_) in zip(left, ended, strict=True)
            if process.returncode == 75
        ]
        if not left:
            break
    assert left == []
    found = listed(store, "external_id", "name", "tags")
    assert len(found) == len({id for id, *_ in found}) == 4500
    for id, name, tags in found:
        number = int(id[1:])
        assert name.rpartition(" ")[2] == str(number)
        assert tags == sorted(["a", f"t{number % 7}"])


def test_a_killed_import_leaves_nothing(store: Store, tmp_path: Path, segctl_process: Any) -> None:
    imported(store, written(tmp_path, "external_id\nbefore\n"))
    path = written(tmp_path, HEAD + rows(0, 600_000))
    process = segctl_process.start("records", "import", "contact", path, store=store)
    time.sleep(3)
    assert process.poll() is None, "the file is too small for this machine"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert listed(store, "external_id") == [("before",)]
    with store.read() as session:
        assert verify_triggers(session) == []
    assert outcome(imported(store, written(tmp_path, HEAD + rows(0, 10)))) == (10, 0, 0, 0, 0)


def test_another_writer_of_the_same_id_makes_an_import_busy(
    postgres_store: Store, tmp_path: Path
) -> None:
    """On SQLite there is one writer at a time; on Postgres the other one may come in between."""
    table = record_tables(Catalog()).record(ObjectType.CONTACT)
    failed: list[Exception] = []

    def run() -> None:
        with open_store(postgres_store.url) as other:
            try:
                imported(other, path)
            except Busy as error:
                failed.append(error)

    path = written(tmp_path, HEAD + "taken,T,1,\n")
    with postgres_store.write() as session:
        session.execute(sa.insert(table).values(external_id="taken"))
        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(1)
    thread.join(timeout=60)
    assert [error.fields["reason"] for error in failed] == ["race"]
    assert outcome(imported(postgres_store, path)) == (0, 1, 0, 0, 0)


def test_values_that_a_row_does_not_give_are_not_overwritten_with_old_ones(
    postgres_store: Store, tmp_path: Path
) -> None:
    """Between looking a record up and updating it, another program may have changed it."""
    imported(postgres_store, written(tmp_path, "external_id,name,email\nann,Ann,old\n"))
    table = record_tables(Catalog()).record(ObjectType.CONTACT)
    path = written(
        tmp_path,
        '{"external_id": "ann", "name": "Anna"}\n{"external_id": "b", "email": "b"}\n',
        "x.ndjson",
    )
    done: list[Any] = []

    def run() -> None:
        with open_store(postgres_store.url) as other:
            done.append(outcome(imported(other, path)))

    with postgres_store.write() as session:
        session.execute(sa.update(table).values(email="new"))
        thread = threading.Thread(target=run)
        thread.start()
        time.sleep(1)
    thread.join(timeout=60)
    assert done == [(1, 1, 0, 0, 0)]
    assert listed(postgres_store, "name", "email")[0] == ("Anna", "new")


@pytest.mark.parametrize("suffix", ["csv", "ndjson", "json"])
def test_memory_does_not_grow_with_the_file(
    sqlite_store: Store, tmp_path: Path, segctl_process: Any, suffix: str
) -> None:
    peaks = []
    for count in (20_000, 120_000):
        path = tmp_path / f"{count}.{suffix}"
        with path.open("w", encoding="utf-8") as file:
            if suffix == "csv":
                file.write(HEAD + rows(0, count))
            else:
                objects = (f'{{"external_id": "u{n}", "name": "N {n}"}}' for n in range(count))
                file.write("[" if suffix == "json" else "")
                file.writelines(
                    (
                        f"{',' if n and suffix == 'json' else ''}{one}\n"
                        for n, one in enumerate(objects)
                    )
                )
                file.write("]" if suffix == "json" else "")
        program = (
            "import resource, sys\n"
            "from segctl.cli.main import run\n"
            "code = run(sys.argv[1:])\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
            "sys.exit(code)\n"
        )
        segctl_process.words = (segctl_process.words[0], "-c", program)
        result = segctl_process("records", "import", "contact", path, store=sqlite_store).ok()
        peaks.append(int(result.stderr.splitlines()[-1]) / 1024)
    # SQLite's own page cache may fill up meanwhile, to 64 MiB.
    assert peaks[1] - peaks[0] < 80


def test_related_records_that_go_meanwhile_make_an_import_busy(
    postgres_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(postgres_store, written(tmp_path, "external_id\nacme\n"), ObjectType.COMPANY)
    table = record_tables(Catalog()).record(ObjectType.COMPANY)
    path = written(tmp_path, "external_id,company\nd,acme\n")
    from segctl.store.writing import RecordWriter

    find = RecordWriter.find

    def find_and_lose(self: RecordWriter, *words: Any) -> Any:
        found = find(self, *words)
        with open_store(postgres_store.url) as other, other.write() as session:
            session.execute(sa.delete(table))
        return found

    monkeypatch.setattr(RecordWriter, "find", find_and_lose)
    with pytest.raises(Busy):
        imported(postgres_store, path, ObjectType.DEAL)
    monkeypatch.undo()
    options = {"on_missing": OnMissing.NULL}
    assert outcome(imported(postgres_store, path, ObjectType.DEAL, **options)) == (1, 0, 0, 0, 0)


@pytest.mark.parametrize("gone", [["a"], ["a", "b"]])
def test_a_record_that_goes_between_looking_and_updating_is_made_anew(
    postgres_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: list[str]
) -> None:
    imported(postgres_store, written(tmp_path, "external_id,name\na,A\nb,B\n"))
    from segctl.store.writing import RecordWriter

    existing = RecordWriter.existing
    table = record_tables(Catalog()).record(ObjectType.CONTACT)

    def look_and_lose(self: RecordWriter, *words: Any) -> Any:
        found = existing(self, *words)
        with open_store(postgres_store.url) as other, other.write() as session:
            session.execute(sa.delete(table).where(table.c.external_id.in_(gone)))
        return found

    monkeypatch.setattr(RecordWriter, "existing", look_and_lose)
    path = written(tmp_path, "external_id,name\na,A2\nb,B2\n")
    assert outcome(imported(postgres_store, path)) == (len(gone), 2 - len(gone), 0, 0, 0)
    assert sorted(listed(postgres_store, "external_id", "name")) == [("a", "A2"), ("b", "B2")]
