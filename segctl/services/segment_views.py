"""Segments as listings show them. Imports no condition, so that a listing starts fast."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType, did_you_mean
from segctl.engine import lease
from segctl.engine.lease import Holder
from segctl.engine.state import is_stale
from segctl.errors import NotFound, UsageError
from segctl.store.functions import fold
from segctl.store.opening import Store
from segctl.store.tables import Segment, SegmentState

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]


class Status(StrEnum):
    """What there is to say of a segment's members, the most urgent first."""

    RUNNING = "running"
    """It is being recalculated."""
    FAILED = "failed"
    """The last recalculation failed; the members, if any, are older."""
    NEVER_COUNTED = "never counted"
    STALE = "stale"
    """The members are those of an earlier definition."""
    UP_TO_DATE = "up to date"


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A segment with what is known of its members.

    `count` is None until it was first counted. `interval` is in minutes, 0 for manual; durations
    are in seconds.
    """

    id: int
    name: str
    type: ObjectType
    description: str
    condition: str
    interval: int
    max_change: str | None
    count: int | None
    last_counted_at: dt.datetime | None
    last_duration: float | None
    modified_at: dt.datetime
    created_at: dt.datetime
    too_heavy: bool
    heavy_reasons: Sequence[str]
    stale: bool
    running: bool
    running_by: str | None
    error: str | None
    failures: int

    @property
    def status(self) -> Status:
        if self.running:
            return Status.RUNNING
        if self.error is not None:
            return Status.FAILED
        if self.count is None:
            return Status.NEVER_COUNTED
        return Status.STALE if self.stale else Status.UP_TO_DATE


def list_segments(store: Store, type: ObjectType | None = None) -> list[SegmentView]:
    """All segments, or those of a type: by type in the order of the types, then by name."""
    with store.read() as session:
        return views(session, None if type is None else _segment.c.object_type == type.value)


def find(store: Store, ref: str, type: ObjectType | None = None) -> SegmentView:
    """The segment of that name or id; NotFound, or UsageError if several types have one."""
    with store.read() as session:
        return view(session, find_row(session, ref, type).id)


def view(session: Session, id: int) -> SegmentView:
    return views(session, _segment.c.id == id)[0]


def views(session: Session, where: sa.ColumnElement[bool] | None) -> list[SegmentView]:
    query = sa.select(
        *(_segment.c[name] for name in _OWN),
        _segment.c.object_type,
        _segment.c.folded_name,
        _segment.c.definition_hash,
        *(_state.c[name] for name in _OF_STATE),
        _state.c.last_error,
        _state.c.definition_hash.label("counted_hash"),
    ).select_from(_segment.outerjoin(_state, _state.c.segment_id == _segment.c.id))
    if where is not None:
        query = query.where(where)
    running = lease.running(session)
    position = {type.value: n for n, type in enumerate(SEGMENT_TYPES)}
    rows = sorted(
        session.execute(query), key=lambda row: (position[row.object_type], row.folded_name)
    )
    return [_view(row, running.get(row.id)) for row in rows]


_OWN = (
    "id",
    "name",
    "description",
    "condition",
    "interval",
    "max_change",
    "modified_at",
    "created_at",
)
_OF_STATE = ("count", "last_counted_at", "last_duration", "too_heavy", "heavy_reasons", "failures")


def _view(row: Any, holder: Holder | None) -> SegmentView:
    return SegmentView(
        **{name: getattr(row, name) for name in _OWN},
        type=ObjectType(row.object_type),
        count=row._mapping["count"],  # `row.count` is the method of tuples
        last_counted_at=row.last_counted_at,
        last_duration=row.last_duration,
        too_heavy=bool(row.too_heavy),
        heavy_reasons=row.heavy_reasons or (),
        failures=row.failures or 0,
        stale=is_stale(row.definition_hash, row.counted_hash),
        running=holder is not None,
        running_by=str(holder) if holder else None,
        error=row.last_error,
    )


def find_row(session: Session, ref: str, type: ObjectType | None = None) -> Segment:
    """The row of the segment of that name, ignoring case, or of that id (`12` or `#12`)."""
    word = ref.strip()
    query = sa.select(Segment).order_by(_segment.c.id)
    if type is not None:
        query = query.where(_segment.c.object_type == type.value)
    named = list(session.execute(query.where(_segment.c.folded_name == fold(word))).scalars())
    if len(named) > 1:
        types = [row.object_type for row in named]
        raise UsageError(
            f'there are {len(named)} segments "{named[0].name}": of {", ".join(types)}',
            hint=f"--type {types[0]}",
        )
    if named:
        return named[0]
    number = word.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 19:
        by_id = session.execute(query.where(_segment.c.id == int(number))).scalar()
        if by_id is not None:
            return by_id
    of = f" of type {type}" if type else ""
    names = session.execute(query.with_only_columns(_segment.c.name)).scalars()
    raise NotFound(
        f'there is no segment "{word}"{of}',
        hint=did_you_mean(word, names) or "segctl segments list shows them all",
    )
