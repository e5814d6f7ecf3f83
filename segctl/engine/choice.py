"""Full or incremental: what is exact first, then what costs less."""

import datetime as dt
import re
from statistics import median

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.engine.history import FULL, INCREMENTAL
from segctl.engine.plans import Full
from segctl.store.records import RecordTables
from segctl.store.tables import Recalculation, Segment, SegmentState, Workspace

FEW = 1_000
"""So many candidates are never too many."""
SHARE = 0.04
"""The part of all records that candidates may be, as long as nothing is known of the segment."""
SHARES = 0.01, 0.2
"""The least and the most that is learned: one run on a busy machine must not decide for good."""
LEARNED_FROM = 5
"""The latest runs of each mode that are looked at."""

_CANDIDATES = re.compile(r"([\d,]+) candidates?\b")

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]


def obstacle(segment: Segment, state: SegmentState | None) -> Full | None:
    """What of a segment's own state makes a full recalculation necessary."""
    if state is None or state.count is None:
        return Full("first fill")
    if state.definition_hash != segment.definition_hash:
        return Full("the condition has changed")
    return None


def due_in_full(state: SegmentState, workspace: Workspace, now: dt.datetime) -> Full | None:
    """The full recalculation that is made now and then, whatever has changed."""
    every = workspace.full_every_days
    if state.full_at is None:
        return Full("none was full so far")
    age = abs(now - state.full_at)  # a clock that was set back must not put it off
    if age < dt.timedelta(days=every):
        return None
    return Full(f"the last full one is {age.days:,} days old, of {every:g} at most", audited=True)


def told(candidates: int, population: int) -> str:
    """How a run row says how many candidates there were; `learned` reads it again."""
    word = "candidate" if candidates == 1 else "candidates"
    return f"{candidates:,} {word} of {population:,}"


def too_many(session: Session, segment: int, candidates: int, population: int) -> bool:
    """Whether evaluating all records costs less than evaluating so many candidates."""
    if candidates <= FEW:
        return False
    return candidates > population * share(session, segment, population)


def share(session: Session, segment: int, population: int) -> float:
    """The part of all records from which on a full recalculation costs less.

    Learned from what the latest runs of both modes took; those of few candidates say nothing.
    """
    full = [duration for duration, _ in _latest(session, segment, FULL)]
    each = [
        duration / number
        for duration, why in _latest(session, segment, INCREMENTAL)
        if (number := _number(why)) >= FEW
    ]
    if not full or not each or not population:
        return SHARE
    least, most = SHARES
    return min(max(median(full) / median(each) / population, least), most)


def population(session: Session, tables: RecordTables, type: ObjectType) -> int:
    """About how many records there are, without counting them."""
    if session.get_bind().dialect.name == "postgresql":
        known = sa.text("SELECT reltuples FROM pg_catalog.pg_class WHERE oid = to_regclass(:name)")
        found = session.execute(known, {"name": type.value}).scalar()
        if found is not None and found > 0:
            return int(found)
    record = tables.record(type)
    return session.execute(sa.select(sa.func.max(record.c.id))).scalar() or 0


def _latest(session: Session, segment: int, mode: str) -> list[tuple[float, str]]:
    """(duration, why) of runs that went well; a first fill writes more than others."""
    query = (
        sa.select(_runs.c.duration, _runs.c.why)
        .where(
            _runs.c.segment_id == segment,
            _runs.c.mode == mode,
            _runs.c.error.is_(None),
            _runs.c.duration.is_not(None),
            ~_runs.c.baseline,
        )
        .order_by(_runs.c.id.desc())
        .limit(LEARNED_FROM)
    )
    return list(session.execute(query))


def _number(why: str) -> int:
    found = _CANDIDATES.match(why)
    return int(found[1].replace(",", "")) if found else 0
