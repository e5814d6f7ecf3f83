"""Segments for which nothing can have changed: when they were counted moves, and nothing else."""

from collections.abc import Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.engine import commit
from segctl.engine.full import Done
from segctl.engine.history import SKIPPED, Counts, Start
from segctl.engine.plans import Skip
from segctl.store import run_order
from segctl.store.opening import Store
from segctl.store.tables import Recalculation, Segment, SegmentState
from segctl.store.tables_daemon import SegmentSchedule

WHY = "nothing has changed"

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]
_state: sa.Table = SegmentState.__table__  # type: ignore[attr-defined]
_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_schedule: sa.Table = SegmentSchedule.__table__  # type: ignore[attr-defined]

_COUNTED = (
    sa.update(_state)
    .where(_state.c.segment_id == sa.bindparam("id"))
    .values(
        last_counted_at=sa.bindparam("counted"),
        last_error=None,
        failures=0,
        evaluated_at=sa.bindparam("evaluated"),
        watermark=sa.bindparam("seen"),
    )
)


def write(
    store: Store, skips: Mapping[int, Skip], starts: Mapping[int, Start], token: str
) -> dict[int, Done]:
    """Skip all of them in one transaction, and give their leases back; what came of each.

    Those whose lease was lost or whose definition has changed meanwhile are left out. What a power
    cut takes back is skipped again, so the disk is not waited for.
    """
    if not skips:
        return {}
    with store.write(durable=False) as session:
        hashes = {id: skip.definition_hash for id, skip in skips.items()}
        kept = commit.guard_all(session, hashes, token)
        if not kept:
            return {}
        session.connection().execute(
            _COUNTED,
            [
                {
                    "id": id,
                    "counted": starts[id].started_at,
                    "evaluated": starts[id].now,
                    "seen": skips[id].seen.as_json(),
                }
                for id in kept
            ],
        )
        # Failures before it, and that it was put off, are of the past.
        session.execute(sa.delete(_schedule).where(_schedule.c.segment_id.in_(kept)))
        runs = _runs_of(session, skips, {id: starts[id] for id in kept})
        return {
            id: Done(run, Counts(skips[id].count, skips[id].count, 0, 0), False, 0.0)
            for id, run in runs.items()
        }


def _runs_of(
    session: Session, skips: Mapping[int, Skip], starts: Mapping[int, Start]
) -> dict[int, int]:
    """One more skip on the last row of each, if that is one, else a row of its own."""
    run_order.announce(session)
    now = next(iter(starts.values())).now  # frozen for the whole batch
    last = (
        sa.select(_runs.c.id)
        .where(_runs.c.segment_id == _segment.c.id)
        .order_by(_runs.c.id.desc())
        .limit(1)
        .correlate(_segment)
        .scalar_subquery()
    )
    lasts = sa.select(last).where(_segment.c.id.in_(list(starts)))
    again = (
        sa.update(_runs)
        .where(_runs.c.id.in_(lasts), _runs.c.mode == SKIPPED)
        .values(skips=_runs.c.skips + 1, now=now)
        .returning(_runs.c.segment_id, _runs.c.id)
    )
    found: dict[int, int] = dict(session.execute(again).all())
    new = [
        {
            "segment_id": id,
            "trigger": start.trigger,
            "mode": SKIPPED,
            "why": WHY,
            "baseline": False,
            "started_at": start.started_at,
            "duration": 0.0,
            "now": start.now,
            "count_before": skips[id].count,
            "count_after": skips[id].count,
            "entered": 0,
            "left": 0,
            "skips": 1,
            "definition_hash": skips[id].definition_hash,
            "owner": start.owner,
        }
        for id, start in starts.items()
        if id not in found
    ]
    if new:
        insert = sa.insert(_runs).returning(_runs.c.segment_id, _runs.c.id)
        found |= dict(session.execute(insert, new).all())
    return found
