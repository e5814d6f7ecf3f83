"""What segctl is measured against: the SQL that one would write by hand, one segment at a time.

    python -m bench.baseline URL NOW SEGMENTS

For each segment, in one transaction, DELETE its members and INSERT … SELECT them anew, into the
same table with the same columns. Prints one `name count seconds` a line. Connection settings are
those that segctl uses.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
import datetime as dt
import re
import sqlite3
import sys
import time

from bench.segments import Clock, segments

Execute = Callable[[str], int]
"""Runs one statement; the number of rows that it changed."""


@contextmanager
def sqlite(path: str) -> Iterator[Execute]:
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = full", "foreign_keys = on", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    yield lambda statement: connection.execute(statement).rowcount
    connection.close()


@contextmanager
def postgres(url: str) -> Iterator[Execute]:
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        yield lambda statement: connection.execute(statement.encode()).rowcount


def main(url: str, now: dt.datetime, number: int) -> None:
    clock = Clock(now, postgres=url.startswith("postgresql"))
    # Segments are created in order in an empty store, so that the number in a name is the id.
    homes: dict[int, str] = {}

    def members(found: re.Match[str]) -> str:
        n = int(found[1])
        return f"SELECT record_id FROM {homes[n]} WHERE segment_id = {n}"

    with postgres(url) if clock.postgres else sqlite(url) as execute:
        for n, segment in enumerate(segments(number, clock), start=1):
            started = time.perf_counter()
            table = homes[n] = f"{segment.type}_member"
            condition = re.sub(r"\{member:Segment (\d+)\}", members, segment.sql)
            execute("BEGIN")
            execute(f"DELETE FROM {table} WHERE segment_id = {n}")
            count = execute(
                f"INSERT INTO {table} (segment_id, record_id, recalculation_id)"
                f" SELECT {n}, id, 0 FROM {segment.type} WHERE {condition}"
            )
            execute("COMMIT")
            sys.stdout.write(f"{n} {count} {time.perf_counter() - started:.3f}\n")


if __name__ == "__main__":
    main(sys.argv[1], dt.datetime.fromisoformat(sys.argv[2]), int(sys.argv[3]))
