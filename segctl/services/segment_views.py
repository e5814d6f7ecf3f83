"""Segments as listings show them.

Imports neither conditions nor, before a segment is looked for, SQLAlchemy: a listing starts fast.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from segctl.catalog import SEGMENT_TYPES, ObjectType, did_you_mean
from segctl.engine.holders import Holder, running
from segctl.errors import NotFound, UsageError
from segctl.store.functions import fold
from segctl.store.glance import Glance, glance_of, instant, instant_or_none, value

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from segctl.store.opening import Store
    from segctl.store.tables import Segment


class Status(StrEnum):
    """What there is to say of a segment's members, the most urgent first."""

    RUNNING = "running"
    """It is being recalculated."""
    HELD = "held"
    """Its last runs were undone; it waits for `segctl retry`."""
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
    held: bool = False

    @property
    def status(self) -> Status:
        if self.running:
            return Status.RUNNING
        if self.held:
            return Status.HELD
        if self.error is not None:
            return Status.FAILED
        if self.count is None:
            return Status.NEVER_COUNTED
        return Status.STALE if self.stale else Status.UP_TO_DATE


def list_segments(glance: Glance, type: ObjectType | None = None) -> list[SegmentView]:
    """All segments, or those of a type: by type in the order of the types, then by name."""
    if type is None:
        return _views(glance, "", ())
    return _views(glance, "WHERE s.object_type = ?", (type.value,))


def find(store: "Store", ref: str, type: ObjectType | None = None) -> SegmentView:
    """The segment of that name or id; NotFound, or UsageError if several types have one."""
    with store.read() as session:
        return view(session, find_row(session, ref, type).id)


def view(session: "Session", id: int) -> SegmentView:
    return _views(glance_of(session), "WHERE s.id = ?", (id,))[0]


def views(session: "Session", type: ObjectType | None = None) -> list[SegmentView]:
    """What `list_segments` gives, as a transaction sees it."""
    return list_segments(glance_of(session), type)


_QUERY = """
SELECT s.id, s.name, s.object_type, s.description, s.condition, s."interval", s.max_change,
       t."count", t.last_counted_at, t.last_duration, s.modified_at, s.created_at,
       t.too_heavy, t.heavy_reasons, t.definition_hash <> s.definition_hash,
       t.last_error, t.failures, h.held_at IS NOT NULL, s.folded_name
FROM segment s LEFT JOIN segment_state t ON t.segment_id = s.id
LEFT JOIN segment_schedule h ON h.segment_id = s.id
"""


def _views(glance: Glance, where: str, values: tuple[Any, ...]) -> list[SegmentView]:
    busy = running(glance)
    position = {type.value: n for n, type in enumerate(SEGMENT_TYPES)}
    rows = sorted(glance.rows(_QUERY + where, values), key=lambda row: (position[row[2]], row[-1]))
    return [_view(row, busy.get(row[0])) for row in rows]


def _view(row: Any, holder: Holder | None) -> SegmentView:
    return SegmentView(
        id=row[0],
        name=row[1],
        type=ObjectType(row[2]),
        description=row[3],
        condition=row[4],
        interval=row[5],
        max_change=row[6],
        count=row[7],
        last_counted_at=instant_or_none(row[8]),
        last_duration=row[9],
        modified_at=instant(row[10]),
        created_at=instant(row[11]),
        too_heavy=bool(row[12]),
        heavy_reasons=value(row[13]) or (),
        # Unknown, so not stale, until the members were first counted.
        stale=bool(row[14]),
        running=holder is not None,
        running_by=str(holder) if holder else None,
        error=row[15],
        failures=row[16] or 0,
        held=bool(row[17]),
    )


def find_row(session: "Session", ref: str, type: ObjectType | None = None) -> "Segment":
    """The row of the segment of that name, ignoring case, or of that id (`12` or `#12`)."""
    import sqlalchemy as sa
    from sqlmodel import col

    from segctl.store.tables import Segment

    word = ref.strip()
    query = sa.select(Segment).order_by(col(Segment.id))
    if type is not None:
        query = query.where(col(Segment.object_type) == type.value)
    named = list(session.execute(query.where(col(Segment.folded_name) == fold(word))).scalars())
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
        by_id = session.execute(query.where(col(Segment.id) == int(number))).scalar()
        if by_id is not None:
            return by_id
    of = f" of type {type}" if type else ""
    names = session.execute(query.with_only_columns(col(Segment.name))).scalars()
    raise NotFound(
        f'there is no segment "{word}"{of}',
        hint=did_you_mean(word, names) or "segctl segments list shows them all",
    )
