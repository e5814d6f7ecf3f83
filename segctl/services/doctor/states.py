"""How segments stand: counted or not, stale, late, failing, heavy, empty, of no use to anybody."""

from collections.abc import Iterator
import datetime as dt

import sqlalchemy as sa

from segctl.catalog import MANUAL
from segctl.services.doctor.examination import Examination, of_trace
from segctl.services.doctor.findings import Finding, of_segment
from segctl.services.intervals import interval_text
from segctl.services.segment_views import SegmentView
from segctl.store import trace
from segctl.store.functions import fold
from segctl.store.tables import Recalculation, SegmentState
from segctl.store.tables_daemon import SegmentSchedule
from segctl.store.tables_team import AssignmentRule, DefaultSegment, Pin

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]
_schedule: sa.Table = SegmentSchedule.__table__  # type: ignore[attr-defined]
_default: sa.Table = DefaultSegment.__table__  # type: ignore[attr-defined]
_pin: sa.Table = Pin.__table__  # type: ignore[attr-defined]
_rule: sa.Table = AssignmentRule.__table__  # type: ignore[attr-defined]

LATE = 2
"""A count older than so many intervals is late."""
RUNS = 5
"""The last runs whose typical duration is compared with the interval."""


def look(seen: Examination) -> Iterator[Finding]:
    schedules = {row.segment_id: row for row in seen.session.execute(sa.select(_schedule))}
    used = _in_use(seen)
    for segment in seen.segments.values():
        row = schedules.get(segment.id)
        held = row is not None and row.held_at is not None
        parked = row is not None and row.parked_at is not None
        if row is not None and parked:
            yield of_segment("parked", segment, str(row.error or segment.error), "retry")
        elif segment.error is not None and segment.id not in seen.problems:
            yield of_segment("failing", segment, segment.error, "recalc")
        if held:
            yield of_segment("held", segment, "its last runs were undone", "retry")
        if segment.count is None:
            yield of_segment("never-counted", segment, "it was never counted", "recalc")
        elif segment.stale:
            yield of_segment("stale", segment, "its definition was changed since", "recalc")
        elif not (parked or held):
            yield from _late(segment, seen.now)
        if segment.count == 0:
            yield of_segment("empty", segment, "it has no members")
        yield from _heavy(segment, seen)
        if segment.id not in used:
            yield of_segment("unused", segment, "nothing in the store refers to it")
    yield from _lost(seen)


def _late(segment: SegmentView, now: dt.datetime) -> Iterator[Finding]:
    if segment.interval == MANUAL or segment.last_counted_at is None:
        return
    allowed = dt.timedelta(minutes=LATE * segment.interval)
    age = now - segment.last_counted_at
    if age > allowed:
        hours = age.total_seconds() / 3600
        old = f"{hours:,.0f} h" if hours < 48 else f"{hours / 24:,.0f} days"
        yield of_segment(
            "late",
            segment,
            f"it was counted {old} ago, and its interval is {interval_text(segment.interval)}",
            "recalc",
        )


def _heavy(segment: SegmentView, seen: Examination) -> Iterator[Finding]:
    if segment.too_heavy:
        reasons = "; ".join(segment.heavy_reasons) or "it takes too long"
        yield of_segment("too-heavy", segment, reasons, "segments show")
    if segment.interval == MANUAL or segment.last_duration is None:
        return
    interval = segment.interval * 60
    if segment.last_duration <= interval:
        return
    last = (
        sa.select(_runs.c.duration)
        .where(
            _runs.c.segment_id == segment.id, _runs.c.error.is_(None), _runs.c.duration.is_not(None)
        )
        .order_by(_runs.c.id.desc())
        .limit(RUNS)
    )
    durations = sorted(seen.session.execute(last).scalars()) or [segment.last_duration]
    typical = durations[len(durations) // 2]
    if typical > interval:
        yield of_segment(
            "interval-short",
            segment,
            f"a recalculation takes {typical / 60:,.0f} min, and its interval is "
            f"{interval_text(segment.interval)}",
            "segments edit",
            after=" --interval …",
        )


def _in_use(seen: Examination) -> set[int]:
    """The segments that something in the store or the config names."""
    used = set(seen.read)
    for table in (_default, _pin, _rule):
        used |= set(seen.session.execute(sa.select(table.c.segment_id)).scalars())
    names = {fold(name.strip()) for hook in seen.hooks for name in hook.segments}
    used |= {
        each.id
        for each in seen.segments.values()
        if fold(each.name) in names or f"#{each.id}" in names
    }
    return used


def _lost(seen: Examination) -> Iterator[Finding]:
    query = sa.select(_state.c.segment_id, _state.c.watermark).where(
        _state.c.count.is_not(None), _state.c.watermark.is_not(None)
    )
    for id, watermark in seen.session.execute(query).all():
        why = trace.unreadable(seen.session, of_trace(watermark))
        if why is not None and id in seen.segments:
            yield of_segment("trace-lost", seen.segments[id], why, "recalc")
