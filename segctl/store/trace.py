"""Reading and pruning the trace of writes.

A watermark says what of the trace a recalculation has seen. On Postgres that is its snapshot, so
that a transaction which commits late is not missed; on SQLite, where writers come one at a time,
the number of the last row. It belongs to one store on one server: after a dump and restore it
means nothing.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
from itertools import accumulate
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType, Relation
from segctl.store.records import record_tables
from segctl.store.tables import TraceMark, Workspace
from segctl.store.workspace import load_catalog, load_workspace

MARK_EVERY = dt.timedelta(hours=1)
PRUNE_AT_ONCE = 1_000_000
"""Rows of SQLite's trace that one transaction deletes, so that its lock is short."""

_SNAPSHOT = sa.text(
    "SELECT pg_current_snapshot()::text, oid::text, "
    "has_function_privilege('pg_catalog.pg_control_system()', 'execute') "
    "FROM pg_catalog.pg_database WHERE datname = current_database()"
)
_POSITIONS = sa.text(
    "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint, "
    "pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
)
_SEQUENCE = sa.text("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'trace'")


def watermark(session: Session) -> dict[str, Any]:
    """What this transaction sees of the trace, as JSON.

    On Postgres it is only of use from a REPEATABLE READ transaction: that of the evaluation.
    """
    store = load_workspace(session).store_id
    if not _postgres(session):
        return {"store": store, "sequence": session.execute(_SEQUENCE).scalar_one()}
    snapshot, database, allowed = session.execute(_SNAPSHOT).one()
    system = f"database {database}"
    if allowed:
        identifier = sa.text("SELECT system_identifier::text FROM pg_control_system()")
        system = f"{session.execute(identifier).scalar_one()} {database}"
    return {"store": store, "system": system, "snapshot": snapshot}


def unreadable(session: Session, seen: Mapping[str, Any] | None) -> str | None:
    """Why the changes since a watermark cannot be told, or None if they can."""
    return Readability(session).refuse(seen)


class Readability:
    """Whether watermarks can be read, as one transaction sees it; `here` is its own watermark."""

    def __init__(self, session: Session) -> None:
        marks = TraceMark.__table__  # type: ignore[attr-defined]
        pruned = sa.select(sa.func.max(marks.c.position)).where(marks.c.pruned)
        self.here = watermark(session)
        self._horizon: int | None = session.execute(pruned).scalar_one()

    def refuse(self, seen: Mapping[str, Any] | None) -> str | None:
        """Why the changes since a watermark cannot be told, or None if they can."""
        if not seen:
            return "nothing was seen yet"
        if seen.get("store") != self.here["store"]:
            return "the watermark is of another store"
        if seen.keys() != self.here.keys() or seen.get("system") != self.here.get("system"):
            return "the store has moved to another server"
        if self._horizon is not None and _position(seen) < self._horizon:
            return "the trace since then has been pruned"
        return None


def changed_since(
    session: Session, seen: Mapping[str, Any], type: ObjectType
) -> sa.Select[tuple[int]] | None:
    """The ids of records of a type that were written since a watermark, each once; some are gone.

    None if any record of the type may have changed. Ask `unreadable` first.
    """
    trace = _trace(session)
    mine = (trace.c.object_type == type.value) & _unseen(session, seen)
    whole = sa.select(sa.exists().where(mine & trace.c.record_id.is_(None)))
    if session.execute(whole).scalar():
        return None
    return sa.select(trace.c.record_id).where(mine).distinct()


def left_since(
    session: Session, seen: Mapping[str, Any], relation: Relation
) -> sa.Select[tuple[int]]:
    """The ids of records that one of the relation's source was related to before it was written.

    `relation` is to one, or deal.products. Together with those related now to the changed records,
    these are all whose related records changed.
    """
    trace = _trace(session)
    mine = (trace.c.object_type == relation.source.value) & (trace.c.relation == relation.name)
    unseen = mine & trace.c.old_id.is_not(None) & _unseen(session, seen)
    return sa.select(trace.c.old_id).where(unseen).distinct()


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a type: how many rows of the trace, and whether any record may be."""

    rows: int
    whole: bool


def written_since(session: Session, seen: Mapping[str, Any]) -> dict[ObjectType, Written]:
    """What was written since a watermark, of each type of which anything was."""
    trace = _trace(session)
    rows = session.execute(
        sa.select(trace.c.object_type, sa.func.count(), sa.func.count(trace.c.record_id))
        .where(_unseen(session, seen))
        .group_by(trace.c.object_type)
    )
    return {ObjectType(type): Written(number, number != named) for type, number, named in rows}


def unseen(session: Session, seen: Sequence[Mapping[str, Any]]) -> list[int]:
    """How many rows each of some watermarks has not seen; on SQLite at most so many.

    Watermarks of a store see more and more, so one that has seen as many has seen the same, and one
    that has seen fewer has seen nothing that another has not.
    """
    if not seen:
        return []
    if not _postgres(session):
        last = session.execute(_SEQUENCE).scalar_one()
        return [last - int(one["sequence"]) for one in seen]
    counted = sa.text(
        "SELECT xid::text::bigint, count(*) FROM trace "
        "WHERE xid >= CAST(CAST(:first AS text) AS xid8) GROUP BY xid ORDER BY xid"
    )
    rows = session.execute(counted, {"first": min(map(_position, seen))}).all()
    transactions = [row[0] for row in rows]
    total = list(accumulate((row[1] for row in rows), initial=0))
    number = dict(zip(transactions, (row[1] for row in rows), strict=True))
    found = []
    for one in seen:
        _, beyond, under_way = str(one["snapshot"]).split(":")
        late = sum(number.get(int(xid), 0) for xid in under_way.split(",") if xid)
        found.append(total[-1] - total[bisect_left(transactions, int(beyond))] + late)
    return found


def prune(session: Session, workspace: Workspace, now: dt.datetime) -> int:
    """Delete what is older or more than the workspace keeps; how many rows went.

    Whatever segments have seen: one with an older watermark goes full. Deletes in bites on SQLite,
    so call it again, in another transaction, until it returns 0.
    """
    marks = TraceMark.__table__  # type: ignore[attr-defined]
    here, beyond = _here(session)
    # Rows and marks from before a dump and restore carry numbers that this server has yet to reach.
    session.execute(sa.delete(marks).where(marks.c.position > beyond))
    newest = session.execute(sa.select(sa.func.max(marks.c.at))).scalar_one()
    if newest is None or newest <= now - MARK_EVERY:
        session.execute(sa.insert(marks).values(at=now, position=here, pruned=False))
    oldest_kept = now - dt.timedelta(days=workspace.trace_keep_days)
    by_age = sa.select(sa.func.max(marks.c.position)).where(marks.c.at <= oldest_kept)
    position = session.execute(by_age).scalar_one() or 0
    position = min(max(position, _by_size(session, workspace.trace_keep_rows)), here)
    return _delete_before(session, position, beyond, now)


def _delete_before(session: Session, position: int, beyond: int, now: dt.datetime) -> int:
    marks = TraceMark.__table__  # type: ignore[attr-defined]
    trace = _trace(session)
    if _postgres(session):
        xid = sa.text(
            "xid < CAST(CAST(:position AS text) AS xid8) "
            "OR xid >= CAST(CAST(:beyond AS text) AS xid8)"
        )
        where: Any = xid.bindparams(position=position, beyond=beyond)
    else:
        first = session.execute(sa.select(sa.func.min(trace.c.id))).scalar_one()
        position = min(position, (first or 0) + PRUNE_AT_ONCE)
        where = trace.c.id < position
    deleted = session.execute(sa.delete(trace).where(where)).rowcount  # type: ignore[attr-defined]
    if deleted:
        session.execute(sa.delete(marks).where(marks.c.position < position))
        session.execute(sa.insert(marks).values(at=now, position=position, pruned=True))
    return int(deleted)


def _here(session: Session) -> tuple[int, int]:
    """The position before which every later transaction sees all, and the first unknown one."""
    if _postgres(session):
        here, beyond = session.execute(_POSITIONS).one()
        return here, beyond
    next_ = session.execute(_SEQUENCE).scalar_one() + 1
    return next_, next_


def _by_size(session: Session, keep: int) -> int:
    """The position before which the trace is cut to its newest `keep` rows."""
    trace = _trace(session)
    newest = session.execute(sa.select(sa.func.max(trace.c.id))).scalar_one() or 0
    if not _postgres(session):
        return max(0, newest - keep + 1)
    query = sa.text(
        "SELECT xid::text::bigint + 1 FROM trace WHERE id <= :id ORDER BY id DESC LIMIT 1"
    )
    return session.execute(query, {"id": newest - keep}).scalar() or 0


def _position(seen: Mapping[str, Any]) -> int:
    """The first position that a watermark may not have seen."""
    if "sequence" in seen:
        return int(seen["sequence"]) + 1
    return int(seen["snapshot"].partition(":")[0])


def _unseen(session: Session, seen: Mapping[str, Any]) -> sa.ColumnElement[bool]:
    """Which rows of the trace a watermark has not seen."""
    if not _postgres(session):
        return _trace(session).c.id > sa.literal(seen["sequence"], sa.BigInteger)
    xid: sa.ColumnElement[Any] = sa.literal_column("trace.xid")
    snapshot = sa.cast(sa.literal(seen["snapshot"]), _type("pg_snapshot"))
    first = sa.cast(sa.literal(str(_position(seen))), _type("xid8"))
    return (xid >= first) & ~sa.func.pg_visible_in_snapshot(xid, snapshot)


def _type(name: str) -> sa.types.TypeEngine[Any]:
    class Named(sa.types.UserDefinedType[Any]):
        cache_ok = True

        def get_col_spec(self, **_: object) -> str:
            return name

    return Named()


def _trace(session: Session) -> sa.Table:
    return record_tables(load_catalog(session)).trace()


def _postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
