"""Signals while SQLite is at work."""

from collections.abc import Iterator
import os
import signal
import threading

import pytest
import sqlalchemy as sa
import sqlalchemy.exc as sax

from segctl.engine.interruption import interruptible
from segctl.store.opening import Store

ENDLESS = sa.text(
    "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
)


@pytest.fixture
def alarm() -> Iterator[list[int]]:
    """Send this process a SIGTERM in a moment; what its handler was called with."""
    called: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, frame: called.append(number))
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM))
    timer.start()
    yield called
    timer.cancel()
    signal.signal(signal.SIGTERM, before)


def test_a_signal_ends_the_statement_and_reaches_its_handler(sqlite_store: Store, alarm):
    with (
        pytest.raises(KeyboardInterrupt),
        sqlite_store.read() as session,
        interruptible(session),
    ):
        session.execute(ENDLESS)
    assert alarm == [signal.SIGTERM]


def test_a_signal_between_statements_is_not_lost(sqlite_store: Store, alarm):
    with (
        pytest.raises(KeyboardInterrupt),
        sqlite_store.read() as session,
        interruptible(session),
    ):
        threading.Event().wait(1)
    assert alarm == [signal.SIGTERM]


def test_an_error_of_the_statement_stays_that_error(sqlite_store: Store):
    with (
        pytest.raises(sax.OperationalError),
        sqlite_store.read() as session,
        interruptible(session),
    ):
        session.execute(sa.text("SELECT nothing FROM nowhere"))


def test_the_handlers_are_as_before_afterwards(sqlite_store: Store):
    before = signal.getsignal(signal.SIGINT)
    with sqlite_store.read() as session, interruptible(session):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_another_thread_is_left_alone(sqlite_store: Store):
    seen = []

    def work() -> None:
        with sqlite_store.read() as session, interruptible(session):
            seen.append(session.execute(sa.text("SELECT 1")).scalar())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [1]


def test_postgres_needs_no_help(postgres_store: Store):
    before = signal.getsignal(signal.SIGINT)
    with postgres_store.read() as session, interruptible(session):
        assert signal.getsignal(signal.SIGINT) is before
