"""Copying a SQLite store while it is in use, and checking that the copy is whole."""

from contextlib import suppress
from dataclasses import dataclass
import os
from pathlib import Path
import sqlite3
from tempfile import mkstemp

from segctl.errors import AlreadyExists, FileError, SegctlError, StoreError
from segctl.store import sqlite
from segctl.store.driver_errors import raise_translated

_PAGES = 4096
"""Pages copied at once; between two bites a Ctrl-C gets through."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A verified copy: its size in bytes, and how many rows it has in all."""

    path: Path
    bytes: int
    rows: int


def back_up(source: Path, target: Path, *, force: bool = False) -> Backup:
    """Copy the store to `target`, which appears only when it is whole and verified.

    AlreadyExists unless `force` lets it replace a file. Writers go on; what they write after the
    start is not in the copy.
    """
    target = target.expanduser().absolute()
    if target.is_dir():
        raise FileError(f"{target} is a folder", hint="name a file in it")
    if target.exists() and target.samefile(source):
        raise FileError(f"{target} is the store itself", hint="name another file")
    if target.exists() and not force:
        raise _exists(target)
    try:
        # mkstemp makes it for its owner only.
        handle, name = mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise FileError(f"{target} cannot be written: {_reason(error)}") from error
    os.close(handle)
    part = Path(name)
    try:
        rows = _copy(source, part)
        _flush(part)
        _put(part, target, force=force)
        return Backup(target, target.stat().st_size, rows)
    finally:
        part.unlink(missing_ok=True)


def _copy(source: Path, part: Path) -> int:
    counts: dict[str, int] = {}
    try:
        original = sqlite.connect(source, busy_timeout=10)
        try:
            # One snapshot for the counts and for the copy.
            original.execute("BEGIN")
            counts = _counts(original)
            _copy_pages(original, part)
            original.execute("ROLLBACK")
        finally:
            original.close()
    except sqlite3.Error as error:
        raise_translated(error, str(source))
    problem = _verify(part, counts)
    if problem:
        raise StoreError(
            f"the copy of {source} is not whole and was thrown away: {problem}",
            hint="look the store over with segctl store check",
        )
    return sum(counts.values())


def _copy_pages(original: sqlite3.Connection, part: Path) -> None:
    copy = sqlite3.connect(part)
    try:
        original.backup(copy, pages=_PAGES)
    except sqlite3.Error as error:
        raise_translated(error, str(part))
    finally:
        copy.close()


def _verify(part: Path, counts: dict[str, int]) -> str | None:
    """What is wrong with the copy, or None. Leaves no files beside it."""
    try:
        copy = sqlite3.connect(part.as_uri() + "?mode=ro&immutable=1", uri=True)
        try:
            answer = str(copy.execute("PRAGMA integrity_check(1)").fetchone()[0])
            if answer != "ok":
                return answer
            there = _counts(copy)
        finally:
            copy.close()
    except sqlite3.Error as error:
        return str(error)
    wrong = [table for table, count in counts.items() if there.get(table) != count]
    return f"rows of {', '.join(wrong)} are missing" if wrong else None


def _counts(connection: sqlite3.Connection) -> dict[str, int]:
    names = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name: connection.execute(
            'SELECT count(*) FROM "{}"'.format(name.replace('"', '""'))
        ).fetchone()[0]
        for (name,) in names
    }


def _flush(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _put(part: Path, target: Path, *, force: bool) -> None:
    """Give the finished file its name, at once."""
    try:
        if force:
            part.replace(target)
        else:
            _link(part, target)
        with suppress(OSError):  # some systems do not open folders
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise FileError(f"{target} cannot be written: {_reason(error)}") from error


def _link(part: Path, target: Path) -> None:
    """Rename without replacing a file that came into being meanwhile."""
    try:
        target.hardlink_to(part)
    except FileExistsError as error:
        raise _exists(target) from error
    except OSError:  # a file system without links
        if target.exists():
            raise _exists(target) from None
        part.replace(target)


def _exists(target: Path) -> SegctlError:
    return AlreadyExists(
        f"{target} is there already", hint="name another file; --force replaces it"
    )


def _reason(error: OSError) -> str:
    reason = error.strerror or str(error)
    return reason[0].lower() + reason[1:]
