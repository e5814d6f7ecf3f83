"""Stopping a recalculation from another process, without a write that waits for its locks.

The request is a file beside a SQLite store, and a row of a small table on Postgres, under the token
of the lease: it is for one holder and for no later one. Who recalculates looks for requests from a
second thread and ends the statement that works on such a segment. The others of a batch go on.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
import threading
import time
from types import TracebackType
from typing import Self

import sqlalchemy as sa

from segctl.errors import Cancelled, FileError, SegctlError
from segctl.store.address import SqliteAddress
from segctl.store.opening import Store, open_store
from segctl.store.tables_history import CancelRequest

FILE_POLL = 0.2
"""Seconds between two looks for a file."""
TABLE_POLL = 0.5
"""Seconds between two looks at the table; a batch that takes less makes no second connection."""
AGAIN = 0.5
"""Seconds after which a statement is ended again if it was none when it was ended before."""

_request: sa.Table = CancelRequest.__table__  # type: ignore[attr-defined]


class Cancelling:
    """Looks for requests while a batch runs, for which it is a context manager."""

    def __init__(self, store: Store, token: str) -> None:
        self._store = store
        self._token = token
        self._requested: dict[int, str] = {}
        self._current: int | None = None
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        if _folder(self._store, self._token) is not None or self._store.dialect != "sqlite":
            self._thread = threading.Thread(target=self._look, name="cancel", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join(1)
        folder = _folder(self._store, self._token)
        if folder is not None and folder.exists():
            _take_files(folder)
            with suppress(OSError):
                folder.rmdir()

    def requested_by(self, segment: int) -> str | None:
        """Who wants the segment's recalculation stopped; None if nobody does."""
        return self._requested.get(segment)

    def check(self, segment: int) -> None:
        """Raise Cancelled if somebody wants it stopped."""
        by = self.requested_by(segment)
        if by is not None:
            raise Cancelled(f"cancelled by {by}", reason="cancelled")

    @contextmanager
    def over(self, segment: int) -> Iterator[None]:
        """The work on one segment: a request ends its statement, and the block raises Cancelled."""
        self.check(segment)
        self._work_on(segment)
        try:
            yield
        except Exception:
            self._work_on(None)
            self.check(segment)
            raise
        finally:
            self._work_on(None)

    def _work_on(self, segment: int | None) -> None:
        # Under the lock, so that no statement is ended that belongs to something else.
        with self._lock:
            self._current = segment

    def _look(self) -> None:
        own: Store | None = None
        folder = _folder(self._store, self._token)
        ended = 0.0
        while not self._done.wait(TABLE_POLL if folder is None else FILE_POLL):
            if folder is not None:
                self._requested |= _take_files(folder)
            else:
                with suppress(SegctlError):
                    own = own or open_store(self._store.url)
                    self._requested |= _take_rows(own, self._token)
            with self._lock:
                wanted = self._current in self._requested
                if wanted and time.monotonic() - ended >= AGAIN:
                    self._store.interrupt()
                    ended = time.monotonic()
        if own is not None:
            own.close()


# ---------------------------------------------------------------- requests


def request(store: Store, token: str, segment: int, by: str) -> None:
    """Ask the holder of a lease to stop working on a segment."""
    folder = _folder(store, token)
    if folder is None:
        with store.write(durable=False) as session:
            row = {"token": token, "segment_id": segment, "requested_by": by}
            session.execute(sa.insert(_request), row)
        return
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        part = folder / f".{segment}"
        part.write_text(by, "utf-8", "surrogatepass")
        part.replace(folder / str(segment))
    except OSError as error:
        raise FileError(f"{folder} cannot be written: {error.strerror or error}") from error


def is_pending(store: Store, token: str, segment: int) -> bool:
    """Whether the holder has not read the request yet."""
    folder = _folder(store, token)
    if folder is not None:
        return (folder / str(segment)).exists()
    with store.read() as session:
        mine = (_request.c.token == token) & (_request.c.segment_id == segment)
        return bool(session.execute(sa.select(sa.exists().where(mine))).scalar())


def withdraw(store: Store, token: str, segment: int) -> None:
    """Take back a request that nobody has read."""
    folder = _folder(store, token)
    if folder is not None:
        with suppress(OSError):
            (folder / str(segment)).unlink(missing_ok=True)
            folder.rmdir()
        return
    with store.write(durable=False) as session:
        mine = (_request.c.token == token) & (_request.c.segment_id == segment)
        session.execute(sa.delete(_request).where(mine))


def _folder(store: Store, token: str) -> Path | None:
    """Where requests for a holder stand; None where they are no files."""
    address = store.address
    if not isinstance(address, SqliteAddress) or address.path is None:
        return None
    return address.path.with_name(f"{address.path.name}-cancel-{token}")


def _take_files(folder: Path) -> dict[int, str]:
    """Segment: who asks. The files are gone then."""
    found = {}
    try:
        files = [file for file in folder.iterdir() if file.name.isdigit()]
    except OSError:
        return {}
    for file in files:
        with suppress(OSError):
            found[int(file.name)] = file.read_text("utf-8", "replace")
            file.unlink()
    return found


def _take_rows(store: Store, token: str) -> dict[int, str]:
    """Segment: who asks. The rows are gone then."""
    mine = _request.c.token == token
    with store.read() as session:
        if not session.execute(sa.select(sa.exists().where(mine))).scalar():
            return {}
    with store.write(durable=False) as session:
        taken = sa.delete(_request).where(mine)
        rows = session.execute(taken.returning(_request.c.segment_id, _request.c.requested_by))
        return {row[0]: row[1] for row in rows}
