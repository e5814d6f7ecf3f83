"""Records and segments for the tests of segments, in few words."""

from collections.abc import Callable, Iterable
import datetime as dt
from pathlib import Path
import time
from typing import Any

import sqlalchemy as sa

from segctl.catalog import ObjectType
from segctl.services import batches, recalculation, segments
from segctl.services.outcomes import Outcome
from segctl.services.segments import SegmentView
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog
from tests.conftest import NOW

ACTOR = "tester"


def add(store: Store, type: str, rows: Iterable[dict[str, Any]]) -> list[int]:
    """Insert records; their ids."""
    with store.write() as session:
        table = record_tables(load_catalog(session)).record(ObjectType(type))
        return [
            session.execute(sa.insert(table).values(**row).returning(table.c.id)).scalar_one()
            for row in rows
        ]


def sql(store: Store, statement: str, **values: Any) -> Any:
    """Run one statement; its rows, if it has some."""
    with store.write() as session:
        result = session.execute(sa.text(statement), values)
        return result.all() if result.returns_rows else None  # type: ignore[attr-defined]


def companies(store: Store, sizes: Iterable[int]) -> list[int]:
    return add(store, "company", ({"name": f"Company {n}", "size": n} for n in sizes))


def segment(store: Store, name: str, where: str, type: str = "company", **more: Any) -> SegmentView:
    return segments.create(
        store, type=ObjectType(type), name=name, where=where, now=NOW, actor=ACTOR, **more
    )


def edit(store: Store, name: str, **more: Any) -> SegmentView:
    return segments.edit(store, name, now=NOW, actor=ACTOR, **more)


def recalc(store: Store, *names: str, now: dt.datetime = NOW, **more: Any) -> dict[str, Outcome]:
    """Recalculate the segments of these names, or all; the outcomes by name, in their order."""
    batch = batches.choose(store, names)
    return {o.name: o for o in recalculation.recalculate(store, batch, now=now, **more)}


def stored(store: Store, name: str) -> list[int]:
    """The record ids of the stored members, as any program would read them."""
    view = segments.find(store, name)
    rows = sql(
        store,
        f"SELECT record_id FROM {view.type}_member WHERE segment_id = :id ORDER BY record_id",
        id=view.id,
    )
    return [row[0] for row in rows]


def runs(store: Store, name: str) -> list[Any]:
    """The run rows of a segment, the oldest first."""
    id = segments.find(store, name).id
    return list(sql(store, "SELECT * FROM recalculation WHERE segment_id = :id ORDER BY id", id=id))


def changes(store: Store, name: str) -> list[tuple[int, int, bool]]:
    """(run, record, entered) of all member changes of a segment."""
    id = segments.find(store, name).id
    rows = sql(
        store,
        "SELECT recalculation_id, record_id, entered FROM member_change "
        "WHERE segment_id = :id ORDER BY id",
        id=id,
    )
    return [(run, record, bool(entered)) for run, record, entered in rows]


def leases(store: Store) -> list[int]:
    """The segments that somebody holds a lease of."""
    return [row[0] for row in sql(store, "SELECT segment_id FROM lease ORDER BY segment_id")]


def until(what: Callable[[], Any], seconds: float = 30) -> Any:
    """Wait for something to become true; what it was."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
    return found


ROOT = Path(__file__).parent.parent.parent
