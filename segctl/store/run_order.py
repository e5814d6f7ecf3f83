"""In which order runs become visible, so that a reader of history misses none.

On SQLite writers come one at a time, so a run with a smaller number is there before one with a
larger. On Postgres numbers are given out when a run starts and seen when it commits. So whoever
starts a run first says which number he will certainly get beyond, by an advisory lock that ends
with his transaction. A reader then knows of each number that is missing whether it can still come.
"""

from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

# The lock's first number is the oid of the table: other stores of the database have their own.
_TABLE = "CAST(CAST(CAST('recalculation' AS regclass) AS oid) AS integer)"
_ANNOUNCE = sa.text(
    f"SELECT pg_advisory_xact_lock_shared({_TABLE}, "
    "CAST(least(coalesce(max(id), 0), 2147483647) AS integer)) FROM recalculation"
)
_NEWEST = sa.text("SELECT coalesce(max(id), 0) FROM recalculation")
_UNDER_WAY = sa.text(
    "SELECT min(CAST(objid AS bigint)) FROM pg_catalog.pg_locks "
    "WHERE locktype = 'advisory' AND objsubid = 2 "
    "AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) "
    "AND classid = CAST(CAST('recalculation' AS regclass) AS oid)"
)


@dataclass(frozen=True, slots=True)
class Reached:
    """How far the runs have come.

    A run up to `newest` that a transaction which begins after this does not see was rolled back
    or pruned, unless it is beyond `settled`: then it may still come.
    """

    newest: int
    settled: int


def announce(session: Session) -> None:
    """To be called before the number of a run is taken, in the same transaction."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(_ANNOUNCE)


def reached(session: Session) -> Reached:
    """To be asked in a transaction of its own, before the one that reads the runs."""
    newest = int(session.execute(_NEWEST).scalar_one())
    if session.get_bind().dialect.name != "postgresql":
        return Reached(newest, newest)
    # In this order: a lock on a number below `newest` was taken before `newest` was committed, so
    # it is either seen here or its transaction has ended by now.
    oldest = session.execute(_UNDER_WAY).scalar()
    return Reached(newest, newest if oldest is None else min(newest, int(oldest)))
