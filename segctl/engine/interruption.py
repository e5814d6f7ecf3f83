"""Ctrl-C and SIGTERM while SQLite is at work.

SQLite runs a whole statement before Python gets to its signal handlers. Here it looks up now and
then, and gives a statement up for a signal. psycopg does that by itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
import signal
import sqlite3
import threading
from types import FrameType

import sqlalchemy as sa
import sqlalchemy.exc as sax
from sqlalchemy.orm import Session

STEPS = 200_000
"""Instructions of SQLite's machine between two looks: a few milliseconds, free of cost."""


@contextmanager
def interruptible(session: Session) -> Iterator[None]:
    """Let a signal end the statement that runs; its own handler then decides what happens.

    Signals that nobody handles, and threads that get none, are left alone.
    """
    raw = _sqlite_connection(session)
    if raw is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        received.append(number)
        raw.interrupt()

    before = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(handler := signal.getsignal(number))
    }
    raw.set_progress_handler(lambda: 0, STEPS)
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    except (sax.DBAPIError, sqlite3.Error):
        if not received:
            raise
    finally:
        raw.set_progress_handler(None, 0)
        for number, handler in before.items():
            signal.signal(number, handler)
    if received:
        before[signal.Signals(received[0])](received[0], None)
        raise KeyboardInterrupt  # should the handler come back


def _sqlite_connection(session: Session) -> sqlite3.Connection | None:
    connection: sa.Connection = session.connection()
    raw = connection.connection.dbapi_connection
    return raw if isinstance(raw, sqlite3.Connection) else None
