"""The store itself: triggers, indexes, columns, numbers, the library, the trace."""

from collections.abc import Iterator
import datetime as dt
import re
import sqlite3

import sqlalchemy as sa

from segctl.services.doctor.examination import Examination
from segctl.services.doctor.findings import Finding, of_store
from segctl.store import checks
from segctl.store.ddl import schema_statements
from segctl.store.tables import TraceMark
from segctl.store.triggers import verify_triggers

_marks: sa.Table = TraceMark.__table__  # type: ignore[attr-defined]

_INDEX = re.compile(r'CREATE (?:UNIQUE )?INDEX "?(\w+)"? ON "?(\w+)"?')
_ON_SQLITE = sa.text("SELECT name FROM sqlite_master WHERE type = 'index'")
_ON_POSTGRES = sa.text(
    "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid "
    "WHERE c.relnamespace = CAST(current_schema() AS regnamespace) AND i.indisvalid"
)

_BEFORE_ON_SQLITE = sa.text("SELECT EXISTS (SELECT 1 FROM trace WHERE id < :position)")
_BEFORE_ON_POSTGRES = sa.text(
    "SELECT EXISTS (SELECT 1 FROM trace WHERE xid < CAST(CAST(:position AS text) AS xid8))"
)

FIXED_IN = ((3, 44, 6), (3, 50, 7), (3, 51, 3))
"""The SQLite versions of three lines in which the bug of the write-ahead log is fixed."""


def look(seen: Examination) -> Iterator[Finding]:
    if seen.sqlite and damaged_library(sqlite3.sqlite_version_info):
        yield of_store("sqlite-version", f"SQLite {sqlite3.sqlite_version} has the bug")
    for name in verify_triggers(seen.session):
        yield of_store("trigger-missing", f"the trigger {name}", safe=True, subject=name)
    for name, statement in missing_indexes(seen).items():
        found = _INDEX.match(statement)
        assert found is not None
        yield of_store(
            "index-missing",
            f"the index {name} of {found[2]}",
            _concurrently(statement),
            safe=seen.sqlite,
            subject=name,
        )
    for problem in checks.columns(seen.session):
        yield of_store("column-missing", problem, "segctl store check")
    for problem in checks.sequences(seen.session):
        yield of_store("id-overtaken", problem, "segctl store check")
    yield from _growing(seen)


def damaged_library(version: tuple[int, ...]) -> bool:
    """Whether that version can damage a write-ahead log that several processes write."""
    for line in FIXED_IN:
        if version[:2] == line[:2]:
            return version < line
    return version < FIXED_IN[-1]


def missing_indexes(seen: Examination) -> dict[str, str]:
    """The statements of the schema's indexes that are not there, or not valid, by name."""
    found = set(seen.session.execute(_ON_SQLITE if seen.sqlite else _ON_POSTGRES).scalars())
    dialect = "sqlite" if seen.sqlite else "postgresql"
    missing = {}
    for statement in schema_statements(dialect, seen.words.catalog):
        index = _INDEX.match(statement)
        if index is not None and index[1] not in found:
            missing[index[1]] = statement
    return missing


def _concurrently(statement: str) -> str:
    return statement.replace("INDEX ", "INDEX CONCURRENTLY ", 1).replace("\n", " ")


def _growing(seen: Examination) -> Iterator[Finding]:
    """A day more than is kept is no matter: a daemon prunes now and then only."""
    keep = dt.timedelta(days=seen.workspace.trace_keep_days)
    position = seen.session.execute(
        sa.select(sa.func.max(_marks.c.position)).where(
            _marks.c.at <= seen.now - keep - dt.timedelta(days=1)
        )
    ).scalar()
    before = _BEFORE_ON_SQLITE if seen.sqlite else _BEFORE_ON_POSTGRES
    if position is not None and seen.session.execute(before, {"position": position}).scalar():
        yield of_store(
            "trace-grows",
            f"it holds writes of more than {keep.days + 1:,} days ago; {keep.days:,} are kept",
            "segctl store prune",
        )
