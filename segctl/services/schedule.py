"""What is due: a function of the store and of `now`, and of nothing else.

A segment is due when its interval has passed since it was last counted, at once if it was never
counted or its condition has changed since, and never by itself if its interval is manual. Nothing
is planned ahead: a restart, an edit by another process, a suspended machine need no catching up,
and what was missed is done once.
"""

from collections.abc import Set
from dataclasses import dataclass
import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import MANUAL, ObjectType
from segctl.engine.holders import running
from segctl.errors import NotFound
from segctl.services.failures import Failing
from segctl.services.segment_references import load_references
from segctl.store.glance import glance_of
from segctl.store.opening import Store
from segctl.store.tables import Segment, SegmentState
from segctl.store.tables_daemon import SegmentSchedule
from segctl.store.workspace import load_catalog

SPREAD = 0.1
"""Segments of one interval are spread over this part of it after its end, …"""
LONGEST_SPREAD = dt.timedelta(minutes=15)
"""… but over no more than this."""
SKEW = dt.timedelta(minutes=5)
"""Clocks that differ by less are right; a count from further ahead means that one was set back."""

_GOLDEN = 0.6180339887498949

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]
_schedule: sa.Table = SegmentSchedule.__table__  # type: ignore[attr-defined]


class Reason(StrEnum):
    """Why a segment is due when it is."""

    NEW = "never counted"
    STALE = "the condition has changed"
    INTERVAL = "interval"
    RETRY = "retry"
    """It failed, and is tried again."""


class State(StrEnum):
    """How a segment stands with the scheduler."""

    MANUAL = "manual"
    STOPPED = "stopped"
    """Its condition cannot be read; it waits until that is edited."""
    PARKED = "parked"
    """It failed too often, and waits for a person."""
    HELD = "held"
    """Its last runs were undone, and nothing may redo them before a person says so."""
    RETRYING = "retrying"
    """It failed, and is tried again."""
    DUE = "due"
    WAITING = "waiting"
    """Its interval is not over."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A segment as the scheduler sees it.

    `due_at` is None where nothing will happen by itself: the interval is manual, or the segment is
    held, parked or stopped, as `held_at` and `failing` say. `interval` is in minutes.
    """

    id: int
    name: str
    type: ObjectType
    interval: int
    count: int | None
    last_counted_at: dt.datetime | None
    stale: bool
    too_heavy: bool
    last_duration: float | None
    error: str | None
    due_at: dt.datetime | None
    reason: Reason | None
    failing: Failing | None
    held_at: dt.datetime | None
    created_at: dt.datetime
    modified_at: dt.datetime

    @property
    def manual(self) -> bool:
        return bool(self.interval == MANUAL)

    def is_due(self, now: dt.datetime) -> bool:
        return self.due_at is not None and self.due_at <= now

    def state(self, now: dt.datetime) -> State:
        if self.manual:
            return State.MANUAL
        if self.held_at is not None:
            return State.HELD
        if self.failing is not None:
            if self.failing.halted:
                return State.PARKED if self.failing.parked else State.STOPPED
            return State.RETRYING
        return State.DUE if self.is_due(now) else State.WAITING

    def lag(self, now: dt.datetime) -> dt.timedelta | None:
        """How late its members are: None for manual, zero before the interval is over.

        What is parked or stopped is late like everything else that is not counted.
        """
        if self.manual:
            return None
        since = self.last_counted_at or self.created_at
        if self.due_at is not None and self.reason is Reason.INTERVAL:
            return max(now - self.due_at, dt.timedelta())
        whole = dt.timedelta(minutes=self.interval) if self.last_counted_at else dt.timedelta()
        return max(now - since - whole, dt.timedelta())


def spread(segment: int, interval: int) -> dt.timedelta:
    """How long after the end of its interval a segment is due; the same one every time.

    The fractions of successive ids lie far apart, so that segments which were made and counted
    together do not stay together.
    """
    room = min(dt.timedelta(minutes=interval) * SPREAD, LONGEST_SPREAD)
    return room * fraction(segment)


def fraction(segment: int) -> float:
    """A number from 0 up to 1 that belongs to the segment."""
    return (segment * _GOLDEN) % 1.0


def load_schedule(
    session: Session,
    type: ObjectType | None = None,
    now: dt.datetime | None = None,
    segments: Set[int] | None = None,
) -> list[Scheduled]:
    """All segments by id, those of a type, or some; with `now` only those that may be due."""
    catalog = load_catalog(session).version
    query = _query()
    if type is not None:
        query = query.where(_segment.c.object_type == type.value)
    if segments is not None:
        query = query.where(_segment.c.id.in_(segments))
    if now is not None:
        query = query.where(_may_be_due(session, now))
    return [_scheduled(row, catalog, now) for row in session.execute(query)]


def list_schedule(store: Store, type: ObjectType | None = None) -> list[Scheduled]:
    """All segments, or those of a type, by id."""
    with store.read() as session:
        return load_schedule(session, type)


def show(store: Store, segment: int) -> Scheduled:
    """One segment; NotFound if it was deleted."""
    with store.read() as session:
        catalog = load_catalog(session).version
        row = session.execute(_query().where(_segment.c.id == segment)).first()
    if row is None:
        raise NotFound(f"segment {segment} was deleted")
    return _scheduled(row, catalog, None)


def due(session: Session, now: dt.datetime, type: ObjectType | None = None) -> list[Scheduled]:
    """The segments to recalculate now, the one that waits longest first.

    Those that some process recalculates are left out, and what reads them: it waits for them.
    """
    found = [s for s in load_schedule(session, type, now) if s.is_due(now)]
    if not found:
        return []
    busy = set(running(glance_of(session)))
    if busy:
        references = load_references(session)
        found = [s for s in found if s.id not in busy and not references.get(s.id, set()) & busy]
    found.sort(key=lambda s: (s.due_at, s.id))
    return found


def any_heavy(session: Session, now: dt.datetime, type: ObjectType | None = None) -> bool:
    """Whether a segment that is too heavy may be due; cheap, because there are few of them."""
    query = _query().where(_state.c.too_heavy.is_(True), _may_be_due(session, now))
    if type is not None:
        query = query.where(_segment.c.object_type == type.value)
    catalog = load_catalog(session).version
    return any(_scheduled(row, catalog, now).is_due(now) for row in session.execute(query))


def still_due(session: Session, segments: Set[int], asked: Set[int], now: dt.datetime) -> set[int]:
    """Those of the segments that nobody has counted since they were chosen.

    One that was not `asked` for came along because another reads it, and is wanted as long as it
    is stale.
    """
    catalog = load_catalog(session).version
    rows = session.execute(_query().where(_segment.c.id.in_(segments)))
    return {
        s.id
        for s in (_scheduled(row, catalog, now) for row in rows)
        if s.is_due(now) or (s.id not in asked and (s.count is None or s.stale))
    }


# ---------------------------------------------------------------- rows


def _query() -> sa.Select[Any]:
    return (
        sa.select(
            _segment.c.id,
            _segment.c.name,
            _segment.c.object_type,
            _segment.c.interval,
            _segment.c.definition_hash,
            _segment.c.created_at,
            _segment.c.modified_at,
            _state.c.count,
            _state.c.last_counted_at,
            _state.c.last_duration,
            _state.c.last_error,
            _state.c.too_heavy,
            _state.c.definition_hash.label("counted_hash"),
            _schedule.c.due_at,
            _schedule.c.retry_at,
            _schedule.c.parked_at,
            _schedule.c.held_at,
            _schedule.c.failures,
            _schedule.c.error_class,
            _schedule.c.error.label("failed_with"),
            _schedule.c.definition_hash.label("failed_hash"),
            _schedule.c.catalog_version.label("failed_catalog"),
        )
        .outerjoin(_state, _state.c.segment_id == _segment.c.id)
        .outerjoin(_schedule, _schedule.c.segment_id == _segment.c.id)
        .order_by(_segment.c.id)
    )


def _may_be_due(session: Session, now: dt.datetime) -> sa.ColumnElement[bool]:
    """Too many rather than too few; so that a look at many segments reads few rows.

    There are few intervals, and each says from when on a count is too old.
    """
    intervals = session.execute(
        sa.select(_segment.c.interval).where(_segment.c.interval != MANUAL).distinct()
    ).scalars()
    old = [
        sa.and_(
            _segment.c.interval == interval,
            _state.c.last_counted_at <= now - dt.timedelta(minutes=interval),
        )
        for interval in sorted(intervals)
    ]
    return sa.and_(
        _segment.c.interval != MANUAL,
        sa.or_(
            _state.c.count.is_(None),
            _state.c.last_counted_at.is_(None),
            _state.c.definition_hash != _segment.c.definition_hash,
            _schedule.c.segment_id.is_not(None),
            *old,
        ),
    )


def _scheduled(row: Any, catalog: int, now: dt.datetime | None) -> Scheduled:
    failing = Failing.of(row, catalog)
    due_at, reason = _due_at(row, failing, now)
    return Scheduled(
        id=row.id,
        name=row.name,
        type=ObjectType(row.object_type),
        interval=row.interval,
        count=row.count,
        last_counted_at=row.last_counted_at,
        stale=_is_stale(row),
        too_heavy=bool(row.too_heavy),
        last_duration=row.last_duration,
        error=row.last_error or (failing.error if failing else None),
        due_at=due_at,
        reason=reason,
        failing=failing,
        held_at=row.held_at,
        created_at=row.created_at,
        modified_at=row.modified_at,
    )


def _is_stale(row: Any) -> bool:
    return row.counted_hash is not None and row.counted_hash != row.definition_hash


def _due_at(
    row: Any, failing: Failing | None, now: dt.datetime | None
) -> tuple[dt.datetime | None, Reason | None]:
    if row.interval == MANUAL or row.held_at is not None:
        return None, None
    interval = dt.timedelta(minutes=row.interval)
    if failing is not None:
        if failing.halted:
            return None, None
        retry_at = failing.retry_at or row.created_at
        if now is not None and retry_at > now + max(failing.longest_wait, interval) + SKEW:
            retry_at = now  # nobody waits so long: the clock was set back since
        return retry_at, Reason.RETRY
    if row.due_at is not None:
        return row.due_at, Reason.INTERVAL
    if row.count is None or row.last_counted_at is None:
        return row.created_at if now is None else min(row.created_at, now), Reason.NEW
    if _is_stale(row):
        return row.modified_at if now is None else min(row.modified_at, now), Reason.STALE
    return row.last_counted_at + interval + spread(row.id, row.interval), Reason.INTERVAL
