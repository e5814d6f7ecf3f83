"""Programs that write into a store without segctl: plain sqlite3 and psycopg sessions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
import sqlite3
from typing import Any

import psycopg

from segctl.store.address import PostgresAddress
from segctl.store.opening import Store


class Program:
    """A foreign program's session: its own settings, no functions of segctl."""

    def __init__(self, store: Store, connection: Any) -> None:
        self.store = store
        self.connection = connection

    def run(self, *statements: str) -> None:
        """Run statements, each in a transaction of its own."""
        for statement in statements:
            self.connection.execute(statement)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.connection.execute(query).fetchall()]


@contextmanager
def program(store: Store, *settings: str) -> Iterator[Program]:
    """Open a foreign session on the store; `settings` are statements to begin with."""
    connection: Any
    if isinstance(store.address, PostgresAddress):
        connection = psycopg.connect(store.address.url, autocommit=True)
    else:
        assert store.address.path is not None
        connection = sqlite3.connect(store.address.path, isolation_level=None)
    try:
        opened = Program(store, connection)
        opened.run(*settings)
        yield opened
    finally:
        connection.close()


Row = tuple[Any, ...]


def traced(program: Program, start: int = 0) -> Sequence[Row]:
    """The trace rows after an id: (type, record, relation, old, new), each once, sorted."""
    query = (
        "SELECT DISTINCT object_type, record_id, relation, old_id, new_id FROM trace "
        f"WHERE id > {start}"
    )
    return sorted(program.rows(query), key=lambda row: [str(part or "") for part in row])


def last_trace(program: Program) -> int:
    return int(program.rows("SELECT coalesce(max(id), 0) FROM trace")[0][0])
