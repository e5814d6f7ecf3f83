"""The feed of changes: who entered and who left, each once, in order, from any place on.

Changes of one segment come in the order of its runs. Runs of different segments come as they are
committed: a long one keeps no other waiting, and is not missed when it is done.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
import datetime as dt
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.engine import past
from segctl.errors import GuardStopped, UsageError
from segctl.services.cursors import Cursor
from segctl.services.segment_views import find_row
from segctl.store import run_order
from segctl.store.opening import Store
from segctl.store.records import RecordTables, record_tables
from segctl.store.run_order import Reached
from segctl.store.tables import MemberChange, Recalculation, Segment
from segctl.store.tables_history import ChangeHorizon
from segctl.store.workspace import load_catalog, load_workspace

PAGE = 10_000
"""Rows of a page, at most."""
RUNS = 1_000
"""Runs that one page looks at, at most."""

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]
_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_horizon: sa.Table = ChangeHorizon.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Change:
    """A record entered or left. `cursor` is the place behind it.

    `at` is when the run started, `baseline` whether it was the segment's first fill. `external_id`
    is today's, None if the record has none or is gone.
    """

    cursor: str
    segment_id: int
    segment: str
    type: ObjectType
    run: int
    mode: str
    at: dt.datetime
    baseline: bool
    entered: bool
    record_id: int
    external_id: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """Changes in order, and the place behind them. `more`: others may be there already."""

    changes: tuple[Change, ...]
    cursor: Cursor
    more: bool


def beginning(store: Store, segment: str | None = None, type: ObjectType | None = None) -> Cursor:
    """The place before everything."""
    with store.read() as session:
        return _at(session, segment, type, 0)


def end(store: Store, segment: str | None = None, type: ObjectType | None = None) -> Cursor:
    """The place behind everything that is there now."""
    reached = _reached(store)
    with store.read() as session:
        cursor = _at(session, segment, type, reached.newest)
        return replace(cursor, gaps=frozenset(_missing(session, reached)))


def since(
    store: Store, at: dt.datetime, segment: str | None = None, type: ObjectType | None = None
) -> Cursor:
    """The place before the first run that started at a time or later."""
    reached = _reached(store)
    with store.read() as session:
        first = sa.select(sa.func.min(_runs.c.id)).where(_runs.c.started_at >= at)
        found = session.execute(first).scalar()
        high = reached.newest if found is None else min(found - 1, reached.newest)
        gaps = {run for run in _missing(session, reached) if run <= high}
        return replace(_at(session, segment, type, high), gaps=frozenset(gaps))


def resume(
    store: Store, text: str, segment: str | None = None, type: ObjectType | None = None
) -> Cursor:
    """The place that a cursor names; UsageError if it is of another store or feed."""
    cursor = Cursor.parse(text)
    with store.read() as session:
        wanted = _at(session, segment, type, 0)
    if cursor.store != wanted.store:
        raise UsageError("the cursor is of another store", hint="--since beginning starts anew")
    if cursor.segment not in (0, wanted.segment):
        raise UsageError(
            "the cursor is of a feed of one segment, and would miss what the others did",
            hint="name the same --segment as before",
        )
    return replace(cursor, segment=wanted.segment)


def page(store: Store, cursor: Cursor, limit: int = PAGE) -> Page:
    """The changes behind a place.

    GuardStopped if some of them have been pruned: then nothing is left out silently.
    """
    reached = _reached(store)
    with store.read() as session:
        _refuse_pruned(session, cursor)
        return _Reading(session, cursor, reached, limit).page()


def _reached(store: Store) -> Reached:
    """In a transaction of its own: what it says holds for those that begin later."""
    with store.read() as session:
        return run_order.reached(session)


def _at(session: Session, segment: str | None, type: ObjectType | None, high: int) -> Cursor:
    id = 0 if segment is None else find_row(session, segment, type).id
    return Cursor(load_workspace(session).store_id.replace("-", "")[:8], id, high)


def _missing(session: Session, reached: Reached) -> set[int]:
    """The runs that may still be committed although later ones are there."""
    low, high = reached.settled, reached.newest
    if low >= high:
        return set()
    there = session.execute(sa.select(_runs.c.id).where(_runs.c.id > low, _runs.c.id <= high))
    return set(range(low + 1, high + 1)) - set(there.scalars())


def _refuse_pruned(session: Session, cursor: Cursor) -> None:
    latest = sa.select(_horizon.c.recalculation_id, _horizon.c.started_at)
    if cursor.segment:
        latest = latest.where(_horizon.c.segment_id == cursor.segment)
    row = session.execute(latest.order_by(_horizon.c.recalculation_id.desc()).limit(1)).first()
    if row is None:
        return
    if row[0] > cursor.high or any(gap <= row[0] for gap in cursor.gaps):
        raise GuardStopped(
            "this place in the feed is beyond retention: changes behind it have been pruned, up to "
            f"those of {row[1]:%Y-%m-%d %H:%M:%S} UTC",
            hint="start anew: take the place with segctl changes --print-cursor, then the members "
            "with segctl segments members",
            oldest=row[1].isoformat(),
        )


class _Reading:
    """One page being read, in one snapshot."""

    def __init__(self, session: Session, cursor: Cursor, reached: Reached, limit: int) -> None:
        self.session = session
        self.cursor = cursor
        self.reached = reached
        self.limit = limit
        self.missing = _missing(session, reached)
        self.tables: RecordTables = record_tables(load_catalog(session))
        self.changes: list[Change] = []

    def page(self) -> Page:
        pending = self._pending()
        whole = len(pending) < RUNS
        open_ = [run.id for run in pending]
        if not whole:
            last = max(open_)
            open_ += [gap for gap in self.cursor.gaps if gap > last]
        here = self.cursor
        for run in pending:
            room = self.limit - len(self.changes)
            half = here.run == run.id
            rows = self._rows(run, here.after if half else 0, room)
            # Where a consumer goes on in the middle of this run.
            middle = here if half else replace(here, run=run.id, after=0)
            self._add(run, rows, middle)
            if len(rows) == room:
                return Page(tuple(self.changes), replace(middle, after=rows[-1][0]), more=True)
            open_.remove(run.id)
            here = self._behind(run.id, here, open_)
        if whole:
            high = max(here.high, self.reached.newest)
            here = replace(here, high=high, gaps=frozenset(self.missing), run=0, after=0)
        return Page(tuple(self.changes), here, more=not whole)

    def _pending(self) -> Sequence[Any]:
        """The runs to deliver, the half-done one first, then by number."""
        cursor = self.cursor
        new = sa.and_(_runs.c.id > cursor.high, _runs.c.id <= self.reached.newest)
        changed = sa.func.coalesce(_runs.c.entered, 0) + sa.func.coalesce(_runs.c.left, 0) > 0
        query = (
            sa.select(
                _runs.c.id,
                _runs.c.segment_id,
                _runs.c.mode,
                _runs.c.started_at,
                _runs.c.baseline,
                _segment.c.name,
                _segment.c.object_type,
            )
            .join(_segment, _segment.c.id == _runs.c.segment_id)
            .where(sa.or_(new, _runs.c.id.in_(cursor.gaps)), _runs.c.error.is_(None), changed)
            .order_by(_runs.c.id != cursor.run, _runs.c.id)
            .limit(RUNS)
        )
        if cursor.segment:
            query = query.where(_runs.c.segment_id == cursor.segment)
        return self.session.execute(query).all()

    def _behind(self, done: int, here: Cursor, open_: Collection[int]) -> Cursor:
        """The place when a run is delivered and `open_` are not yet."""
        high = max(here.high, done)
        gaps = self.missing | set(open_)
        return replace(
            here, high=high, gaps=frozenset(gap for gap in gaps if gap <= high), run=0, after=0
        )

    def _rows(self, run: Any, after: int, room: int) -> Sequence[Any]:
        """(place, record_id, entered, external_id) of a run behind a place in it."""
        type = ObjectType(run.object_type)
        record = self.tables.record(type)
        if run.baseline:
            member = self.tables.member(type)
            new = past.filled_page(member, run.segment_id, run.id, after, room).subquery()
            entered = sa.true().label("entered")
            cut = sa.select(new.c.record_id.label("place"), new.c.record_id, entered).subquery()
        else:
            place = _changes.c.id.label("place")
            cut = (
                sa.select(place, _changes.c.record_id, _changes.c.entered)
                .where(
                    _changes.c.segment_id == run.segment_id,
                    _changes.c.recalculation_id == run.id,
                    _changes.c.id > after,
                )
                .order_by(_changes.c.id)
                .limit(room)
                .subquery()
            )
        query = (
            sa.select(cut, record.c.external_id)
            .select_from(cut.outerjoin(record, record.c.id == cut.c.record_id))
            .order_by(cut.c.place)
        )
        return self.session.execute(query).all()

    def _add(self, run: Any, rows: Sequence[Any], middle: Cursor) -> None:
        front = str(replace(middle, after=0)).removesuffix("0")
        common = (
            run.segment_id,
            run.name,
            ObjectType(run.object_type),
            run.id,
            run.mode,
            run.started_at,
            bool(run.baseline),
        )
        self.changes += (
            Change(f"{front}{place}", *common, bool(entered), record, external_id)
            for place, record, entered, external_id in rows
        )
