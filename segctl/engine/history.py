"""The run rows of segments, and who entered and left in them."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.store import run_order
from segctl.store.tables import MemberChange, Recalculation, Workspace
from segctl.store.tables_history import ChangeHorizon

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]
_horizon: sa.Table = ChangeHorizon.__table__  # type: ignore[attr-defined]

FULL = "full"
"""The mode of a run that evaluated every record."""
INCREMENTAL = "incremental"
"""The mode of a run that evaluated the records whose truth can have changed."""
SKIPPED = "skipped"
"""The mode of runs that evaluated nothing, because nothing can have changed."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is known of a run when it starts.

    `now` is the clock of the evaluation, `started_at` the wall clock. `why` says why this mode.
    `max_change` beats the guards of the segment and the workspace. `traced` is whether writes are
    traced, so that what this run has seen can be told from what came later. `hooks` are the names
    of those that are to hear who entered and left. `audited`: an incremental run would have done,
    so what else a full one finds is drift.
    """

    segment_id: int
    trigger: str
    owner: str
    now: dt.datetime
    started_at: dt.datetime
    mode: str = FULL
    why: str = ""
    max_change: str | None = None
    traced: bool = True
    hooks: tuple[str, ...] = ()
    audited: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """What a run did. `before` is None if the segment was never counted before.

    `strays` are those of the changes that no incremental run would have found, so earlier ones got
    them wrong; None where that was not looked at.
    """

    before: int | None
    after: int
    entered: int
    left: int
    strays: int | None = None


def add_run(session: Session, start: Start, definition_hash: str, *, baseline: bool) -> int:
    """A row for a run that is under way; its id. `finish_run` tells the outcome."""
    run_order.announce(session)
    statement = (
        sa.insert(_runs)
        .values(**_given(start), definition_hash=definition_hash, baseline=baseline, why=start.why)
        .returning(_runs.c.id)
    )
    return int(session.execute(statement).scalar_one())


def finish_run(session: Session, run: int, counts: Counts, duration: float) -> None:
    mended = f"; mended {counts.strays:,} that earlier runs had got wrong" if counts.strays else ""
    session.execute(
        sa.update(_runs)
        .where(_runs.c.id == run)
        .values(
            count_before=counts.before,
            count_after=counts.after,
            entered=counts.entered,
            left=counts.left,
            duration=duration,
            why=_runs.c.why + mended,
        )
    )


def add_finished(
    session: Session, runs: Sequence[tuple[Start, str, Counts, float]]
) -> dict[int, int]:
    """Rows for runs that end with this transaction: start, definition hash, counts, duration.

    Segment: its run.
    """
    run_order.announce(session)
    rows = [
        {
            **_given(start),
            "definition_hash": definition_hash,
            "baseline": False,
            "why": start.why,
            "count_before": counts.before,
            "count_after": counts.after,
            "entered": counts.entered,
            "left": counts.left,
            "duration": duration,
        }
        for start, definition_hash, counts, duration in runs
    ]
    statement = sa.insert(_runs).returning(_runs.c.segment_id, _runs.c.id)
    return dict(session.execute(statement, rows).all())


def add_durations(session: Session, runs: Sequence[int], seconds: float) -> None:
    """Each of the runs took so much longer."""
    statement = sa.update(_runs).where(_runs.c.id.in_(runs))
    session.execute(statement.values(duration=_runs.c.duration + seconds))


def add_failure(
    session: Session,
    start: Start,
    definition_hash: str,
    error: str,
    *,
    count: int | None,
    duration: float,
) -> int:
    """A row for a run that failed; the members stay as they were."""
    statement = (
        sa.insert(_runs)
        .values(
            **_given(start),
            definition_hash=definition_hash,
            baseline=False,
            why=start.why,
            count_before=count,
            count_after=count,
            duration=duration,
            error=error,
        )
        .returning(_runs.c.id)
    )
    return int(session.execute(statement).scalar_one())


def _given(start: Start) -> dict[str, object]:
    return {
        "segment_id": start.segment_id,
        "trigger": start.trigger,
        "owner": start.owner,
        "now": start.now,
        "started_at": start.started_at,
        "mode": start.mode,
        "skips": 0,
    }


def last_runs(
    session: Session, segment: int, limit: int | None, *, since: dt.datetime | None = None
) -> list[Recalculation]:
    """The latest runs of a segment, the newest first; those that started at `since` or later."""
    statement = (
        sa.select(Recalculation)
        .where(_runs.c.segment_id == segment)
        .order_by(_runs.c.id.desc())
        .limit(limit)
    )
    if since is not None:
        statement = statement.where(_runs.c.started_at >= since)
    return list(session.execute(statement).scalars())


def forget(session: Session, segment: int) -> None:
    """Delete the history of a segment that is being deleted."""
    session.execute(sa.delete(_changes).where(_changes.c.segment_id == segment))
    session.execute(sa.delete(_runs).where(_runs.c.segment_id == segment))


# ---------------------------------------------------------------- pruning


def prune_changes(session: Session, workspace: Workspace, now: dt.datetime) -> int:
    """Delete the member changes that are older or more than the workspace keeps; how many went.

    A run keeps all its changes or none, so that what is left can be replayed.
    """
    first = _first_kept_run(session, now - dt.timedelta(days=workspace.change_keep_days))
    newest = session.execute(sa.select(sa.func.max(_changes.c.id))).scalar_one()
    if newest is not None:
        cut = (
            sa.select(_changes.c.recalculation_id)
            .where(_changes.c.id <= newest - workspace.change_keep_rows)
            .order_by(_changes.c.id.desc())
            .limit(1)
        )
        by_size = session.execute(cut).scalar()
        first = max(first, 0 if by_size is None else by_size + 1)
    _move_horizon(session, first)
    statement = sa.delete(_changes).where(_changes.c.recalculation_id < first)
    # Naming the segments lets the index (segment, run) find the rows.
    some = sa.select(_runs.c.segment_id).distinct().scalar_subquery()
    done = session.execute(statement.where(_changes.c.segment_id.in_(some)))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _move_horizon(session: Session, first: int) -> None:
    """Remember for each segment the latest run whose changes go, and when that was."""
    latest = (
        sa.select(_changes.c.segment_id, sa.func.max(_changes.c.recalculation_id).label("run"))
        .where(_changes.c.recalculation_id < first)
        .group_by(_changes.c.segment_id)
        .subquery("latest")
    )
    rows = sa.select(latest.c.segment_id, latest.c.run, _runs.c.started_at).join(
        _runs, _runs.c.id == latest.c.run
    )
    going = latest.c.segment_id
    session.execute(sa.delete(_horizon).where(_horizon.c.segment_id.in_(sa.select(going))))
    names = ["segment_id", "recalculation_id", "started_at"]
    session.execute(sa.insert(_horizon).from_select(names, rows))


def prune_runs(session: Session, workspace: Workspace, now: dt.datetime) -> int:
    """Delete run rows that are older than the workspace keeps; how many went.

    The latest run of a segment stays, its first fills, and every run whose changes are kept.
    """
    first = _first_kept_run(session, now - dt.timedelta(days=workspace.run_keep_days))
    other = _runs.alias("later")
    later = sa.exists().where(other.c.segment_id == _runs.c.segment_id, other.c.id > _runs.c.id)
    named = sa.exists().where(
        _changes.c.segment_id == _runs.c.segment_id, _changes.c.recalculation_id == _runs.c.id
    )
    # Where a first fill was undone the segment was not counted, and only that run says so.
    uncounted = _runs.c.error.is_(None) & _runs.c.count_after.is_(None)
    statement = sa.delete(_runs).where(
        _runs.c.id < first, later, ~named, ~_runs.c.baseline, ~uncounted
    )
    return int(session.execute(statement).rowcount)  # type: ignore[attr-defined]


def _first_kept_run(session: Session, oldest: dt.datetime) -> int:
    """The first run that started at `oldest` or later; one more than any if there is none."""
    kept = sa.select(sa.func.min(_runs.c.id)).where(_runs.c.started_at >= oldest)
    newest = sa.select(sa.func.coalesce(sa.func.max(_runs.c.id), 0) + 1)
    first = session.execute(
        sa.select(sa.func.coalesce(kept.scalar_subquery(), newest.scalar_subquery()))
    )
    return int(first.scalar_one())
