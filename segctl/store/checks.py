"""Looking a store over: each function names what is wrong, and nothing when all is well."""

from collections.abc import Callable, Iterator

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlmodel import SQLModel

from segctl.catalog import SEGMENT_TYPES, ObjectType, ValueType
from segctl.store import tables as _tables  # noqa: F401  fills SQLModel.metadata
from segctl.store import tables_daemon as _tables_daemon  # noqa: F401
from segctl.store import tables_history as _tables_history  # noqa: F401
from segctl.store import tables_team as _tables_team  # noqa: F401
from segctl.store.records import RECORD_TYPES, record_tables
from segctl.store.triggers import verify_triggers
from segctl.store.workspace import load_catalog

_MOST = 10
"""Problems of one kind that are worth a line."""

_SEQUENCES = sa.text(
    "SELECT t.relname, CAST(CAST(q.seqrelid AS regclass) AS text) FROM pg_sequence q "
    "JOIN pg_depend d ON d.objid = q.seqrelid AND d.deptype = 'i' "
    "JOIN pg_class t ON t.oid = d.refobjid "
    "JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid AND a.attname = 'id' "
    "WHERE t.relnamespace = CAST(current_schema() AS regnamespace) "
    "AND has_sequence_privilege(q.seqrelid, 'SELECT') ORDER BY 1"
)


def integrity(session: Session) -> Iterator[str]:
    """Pages, indexes and CHECKs of a SQLite file."""
    if session.get_bind().dialect.name == "sqlite":
        for (line,) in session.execute(sa.text(f"PRAGMA integrity_check({_MOST})")):
            if line != "ok":
                yield line


def references(session: Session) -> Iterator[str]:
    """Rows that refer to a record that is gone: SQLite lets programs write without foreign keys."""
    if session.get_bind().dialect.name == "sqlite":
        query = sa.text(
            'SELECT "table", parent, count(*) FROM pragma_foreign_key_check '
            "GROUP BY 1, 2 ORDER BY 1, 2"
        )
        for table, parent, count in session.execute(query):
            yield f"{count:,} rows of {table} refer to no {parent}"


def triggers(session: Session) -> Iterator[str]:
    """Triggers of the write trace."""
    for name in verify_triggers(session):
        yield f"the trigger {name} is missing, off or changed"


def columns(session: Session) -> Iterator[str]:
    """Custom attributes and the columns that should keep them."""
    tables = record_tables(load_catalog(session))
    inspector = sa.inspect(session.connection())
    for type in RECORD_TYPES:
        there = {column["name"] for column in inspector.get_columns(type.value)}
        wanted = set(tables.record(type).columns.keys())
        for name in sorted(wanted - there):
            yield f"{type}.{name} has no column"
        for name in sorted(there - wanted):
            yield f"the column {name} of {type} belongs to no attribute"


def choices(session: Session) -> Iterator[str]:
    """Undeclared items of multichoice attributes, which only a foreign program can write."""
    catalog = load_catalog(session)
    tables = record_tables(catalog)
    for attribute in catalog.custom:
        if attribute.kind is not ValueType.MULTICHOICE or attribute.type is ObjectType.EVENT:
            continue
        item = tables.item(attribute.type)
        undeclared = (item.c.attribute == attribute.name) & item.c.item.not_in(attribute.choices)
        query = sa.select(item.c.item, sa.func.count()).where(undeclared).group_by(item.c.item)
        for value, count in session.execute(query.limit(_MOST)):
            yield f'{attribute} is "{value}" in {count:,} records, and that is not a choice of it'


def items(session: Session) -> Iterator[str]:
    """Items of attributes that the type does not have."""
    catalog = load_catalog(session)
    tables = record_tables(catalog)
    for type in SEGMENT_TYPES:
        item = tables.item(type)
        names = [a.name for a in catalog.attributes[type].values() if a.kind.many]
        query = sa.select(item.c.attribute, sa.func.count()).group_by(item.c.attribute)
        for name, count in session.execute(
            query.where(item.c.attribute.not_in(names)).limit(_MOST)
        ):
            yield f'{count:,} items of {type} belong to no attribute: "{name}"'


def counts(session: Session) -> Iterator[str]:
    """Members of each segment against the count that was stored with them."""
    tables = record_tables(load_catalog(session))
    segment, state = (SQLModel.metadata.tables[name] for name in ("segment", "segment_state"))
    for type in SEGMENT_TYPES:
        member = tables.member(type)
        found = (
            sa.select(sa.func.count()).where(member.c.segment_id == segment.c.id).scalar_subquery()
        )
        query = (
            sa.select(segment.c.name, state.c.count, found)
            .join(state, state.c.segment_id == segment.c.id)
            .where(segment.c.object_type == type.value)
        )
        for name, count, there in session.execute(query):
            if (count or 0) != there:
                yield f'"{name}" ({type}) says {count or 0:,} members and has {there:,}'


def sequences(session: Session) -> Iterator[str]:
    """Identities of Postgres that explicit ids have overtaken: the next insert would fail."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for table, sequence in session.execute(_SEQUENCES).all():
        newest = sa.select(sa.func.max(sa.column("id", sa.BigInteger))).select_from(sa.table(table))
        last = sa.text("SELECT pg_sequence_last_value(CAST(:name AS regclass))")
        top = session.execute(newest).scalar_one() or 0
        reached = session.execute(last, {"name": sequence}).scalar_one() or 0
        if top > reached:
            yield f"the next id of {table} is {reached + 1}, and {top} is taken"


CHECKS: tuple[tuple[str, Callable[[Session], Iterator[str]]], ...] = (
    ("integrity", integrity),
    ("references", references),
    ("triggers", triggers),
    ("columns", columns),
    ("choices", choices),
    ("items", items),
    ("counts", counts),
    ("ids", sequences),
)
"""What `segctl store check` looks at, in its order."""
