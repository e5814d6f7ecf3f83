"""Recalculations that failed: of which kind, when to try again, when to stop trying.

A failure of the store is nobody's fault and is tried again as long as it takes. A condition that
cannot be read will not get better by trying. Anything else may, but not for ever.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import datetime as dt
from enum import StrEnum
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.engine.commit import DefinitionChanged
from segctl.engine.lease import LeaseLost
from segctl.errors import (
    Busy,
    Cancelled,
    ConditionError,
    GuardStopped,
    Held,
    NotFound,
    SegctlError,
    StoreError,
)
from segctl.services.outcomes import Outcome
from segctl.services.segment_views import SegmentView, find_row, view
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.tables import Segment, SegmentState
from segctl.store.tables_daemon import SegmentSchedule
from segctl.store.workspace import load_catalog

FIRST_WAIT = dt.timedelta(seconds=30)
"""How long after its first failure a segment is tried again; each time twice as long, …"""
LONGEST_WAIT = dt.timedelta(minutes=15)
"""… up to this."""
PARKED_AFTER = 10
"""Failures in a row after which nobody tries again by himself."""

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]
_schedule: sa.Table = SegmentSchedule.__table__  # type: ignore[attr-defined]


class ErrorClass(StrEnum):
    """What kind of failure it was."""

    DEFINITION = "definition"
    """The condition cannot be read any more. It is not tried again before it is edited."""
    STORE = "store"
    """The store was busy or away."""
    REFERENCE = "reference"
    """What it reads was never counted."""
    GUARD = "guard"
    """It would change more than its guard allows; tried again when its interval is over."""
    CANCELLED = "cancelled"
    """Somebody stopped it; tried again when its interval is over."""
    ERROR = "error"
    """Anything else: the store refuses to evaluate the condition, or gives up half-way."""


_PATIENT = (ErrorClass.STORE, ErrorClass.REFERENCE)
"""What is not the segment's own fault never parks it."""


def classify(error: SegctlError) -> ErrorClass | None:
    """The class of a failure; None if somebody else was at it and nothing has failed."""
    match error:
        case LeaseLost() | DefinitionChanged() | NotFound() | Held():
            return None
        case Cancelled():
            return ErrorClass.CANCELLED
        case ConditionError():
            return ErrorClass.DEFINITION
        case GuardStopped():
            return ErrorClass.GUARD
        case Busy():
            return None if error.fields.get("reason") == "lease" else ErrorClass.STORE
        case StoreError():
            cancelled = error.fields.get("reason") == "cancelled"
            return ErrorClass.ERROR if cancelled else ErrorClass.STORE
    return ErrorClass.REFERENCE if "reference" in error.fields else ErrorClass.ERROR


def wait_after(failures: int, longest: dt.timedelta = LONGEST_WAIT) -> dt.timedelta:
    """How long to wait after so many failures in a row."""
    return min(FIRST_WAIT * float(2 ** min(failures - 1, 20)), longest)


@dataclass(frozen=True, slots=True)
class Failing:
    """A segment whose last recalculations failed. `retry_at` is None if it is not tried again."""

    error_class: ErrorClass
    error: str
    failures: int
    retry_at: dt.datetime | None
    parked_at: dt.datetime | None

    @property
    def stopped(self) -> bool:
        """Whether its condition cannot be read."""
        return self.error_class is ErrorClass.DEFINITION

    @property
    def parked(self) -> bool:
        return self.parked_at is not None

    @property
    def halted(self) -> bool:
        """Whether it waits for a person."""
        return self.stopped or self.parked

    @property
    def longest_wait(self) -> dt.timedelta:
        return LONGEST_WAIT

    @classmethod
    def of(cls, row: Any, catalog: int) -> Self | None:
        """What a row of the schedule still says; None if it says nothing.

        Another definition than the one that failed deserves a try of its own, and a condition that
        could not be read another one with other attributes.
        """
        if row.error_class is None or row.failed_hash != row.definition_hash:
            return None
        kind = ErrorClass(row.error_class)
        if kind is ErrorClass.DEFINITION and row.failed_catalog != catalog:
            return None
        return cls(kind, row.failed_with or "", row.failures, row.retry_at, row.parked_at)


@dataclass(frozen=True, slots=True)
class Setback:
    """What a failure led to."""

    outcome: Outcome
    failing: Failing


def note_failures(store: Store, outcomes: Iterable[Outcome], now: dt.datetime) -> list[Setback]:
    """Write down what failed and when it is tried again; what came of each.

    Successes need nothing: the recalculation itself has forgotten what was before.
    """
    failed = [
        (outcome, kind)
        for outcome in outcomes
        if outcome.error is not None and (kind := classify(outcome.error)) is not None
    ]
    if not failed:
        return []
    with store.write() as session:
        catalog = load_catalog(session).version
        return [
            setback
            for outcome, kind in failed
            if (setback := _note(session, outcome, kind, now, catalog)) is not None
        ]


def _note(
    session: Session, outcome: Outcome, kind: ErrorClass, now: dt.datetime, catalog: int
) -> Setback | None:
    segment = session.get(Segment, outcome.segment_id)
    if segment is None:
        return None
    row = session.get(SegmentSchedule, segment.id)
    if row is None:
        row = SegmentSchedule(segment_id=segment.id)
        session.add(row)
    # A row of failures that were the store's says nothing of the segment, and the other way round.
    before = row.error_class is not None and row.definition_hash == segment.definition_hash
    same = before and (row.error_class in _PATIENT) == (kind in _PATIENT)
    failures = row.failures + 1 if same else 1
    parked = kind not in _PATIENT and failures >= PARKED_AFTER
    if kind is ErrorClass.DEFINITION or parked:
        retry_at = None
    elif kind in (ErrorClass.GUARD, ErrorClass.CANCELLED):
        retry_at = now + dt.timedelta(minutes=segment.interval)
    else:
        retry_at = now + wait_after(failures)
    row.attempted_at = now
    row.due_at = None
    row.retry_at = retry_at
    row.parked_at = now if parked else None
    row.failures = failures
    row.error_class = kind.value
    row.error = outcome.error.message if outcome.error else None
    row.definition_hash = segment.definition_hash
    row.catalog_version = catalog
    session.flush()
    failing = Failing(kind, row.error or "", failures, retry_at, row.parked_at)
    return Setback(outcome, failing)


def retry(
    store: Store,
    refs: Sequence[str] | None = None,
    *,
    type: ObjectType | None = None,
    now: dt.datetime,
    actor: str,
) -> list[SegmentView]:
    """Have failed and held segments tried again at once: those named, or all; which ones.

    NotFound and UsageError if a name says nothing or too much. One that has not failed is left
    alone.
    """
    with store.write() as session:
        query = (
            sa.select(_segment.c.id)
            .outerjoin(_state, _state.c.segment_id == _segment.c.id)
            .outerjoin(_schedule, _schedule.c.segment_id == _segment.c.id)
            .where(
                sa.or_(
                    _schedule.c.error_class.is_not(None),
                    _schedule.c.held_at.is_not(None),
                    _state.c.last_error.is_not(None),
                )
            )
            .order_by(_segment.c.id)
        )
        if refs:
            wanted = {find_row(session, ref, type).id for ref in refs}
            query = query.where(_segment.c.id.in_(wanted))
        elif type is not None:
            query = query.where(_segment.c.object_type == type.value)
        return [
            _try_again(session, id, now, actor) for id in list(session.execute(query).scalars())
        ]


def _try_again(session: Session, id: int, now: dt.datetime, actor: str) -> SegmentView:
    row = session.get(SegmentSchedule, id)
    if row is None:
        row = SegmentSchedule(segment_id=id)
        session.add(row)
    segment = view(session, id)
    audit.record(
        session,
        now=now,
        actor=actor,
        action="retry",
        subject_type="segment",
        subject=f"{segment.type}/{segment.name}",
        before={
            "error": row.error or segment.error,
            "failures": row.failures or segment.failures,
            "parked": row.parked_at is not None,
            "held": row.held_at is not None,
        },
    )
    row.due_at = now
    row.retry_at = row.parked_at = row.held_at = None
    row.error_class = row.error = None
    row.failures = 0
    session.flush()
    return segment
