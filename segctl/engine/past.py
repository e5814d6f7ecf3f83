"""Members of the past, rebuilt backwards from the present and the member changes since.

A first fill logs no changes. Who entered in it is known all the same: the members that it let in,
and those who left since and had been let in by it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.store.tables import MemberChange, Recalculation
from segctl.store.tables_history import ChangeHorizon

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]
_horizon: sa.Table = ChangeHorizon.__table__  # type: ignore[attr-defined]

UNDO = "undo"
"""The mode of a run that put the members back to what they were before others."""


@dataclass(frozen=True, slots=True)
class Horizon:
    """The latest run of a segment whose changes are gone, and when it started."""

    run: int
    started_at: dt.datetime


def horizon(session: Session, segment: int) -> Horizon | None:
    """How far back the changes of a segment go; None if all are kept."""
    row = session.execute(
        sa.select(_horizon.c.recalculation_id, _horizon.c.started_at).where(
            _horizon.c.segment_id == segment
        )
    ).first()
    return None if row is None else Horizon(row[0], row[1])


def baselines(session: Session, segment: int, first: int) -> list[int]:
    """The first fills of a segment among its runs from `first` on."""
    query = sa.select(_runs.c.id).where(
        _runs.c.segment_id == segment, _runs.c.id >= first, _runs.c.baseline
    )
    return list(session.execute(query).scalars())


def filled(member: sa.Table, segment: int, runs: Sequence[int]) -> sa.Select[tuple[int, int]]:
    """(record_id, recalculation_id): who entered in these first fills, as far as it is known.

    A record that was erased is not among them; one that left several times may be there twice.
    """
    here = sa.select(member.c.record_id, member.c.recalculation_id).where(
        member.c.segment_id == segment, member.c.recalculation_id.in_(runs)
    )
    gone = sa.select(_changes.c.record_id, _changes.c.since_id).where(
        _changes.c.segment_id == segment, _changes.c.since_id.in_(runs), ~_changes.c.entered
    )
    both = sa.union_all(here, gone).subquery()
    return sa.select(both.c.record_id, both.c.recalculation_id)


def filled_page(
    member: sa.Table, segment: int, run: int, after: int, limit: int
) -> sa.Select[tuple[int]]:
    """The first record ids beyond `after` of those that `filled` gives for a run, each once."""
    here = sa.select(member.c.record_id).where(
        member.c.segment_id == segment,
        member.c.recalculation_id == run,
        member.c.record_id > after,
    )
    # Distinct before the limit: a record that an undo let in again has left more than once.
    gone = (
        sa.select(_changes.c.record_id)
        .where(
            _changes.c.segment_id == segment,
            _changes.c.since_id == run,
            ~_changes.c.entered,
            _changes.c.record_id > after,
        )
        .distinct()
    )
    parts = [
        part.order_by(part.selected_columns[0]).limit(limit).subquery() for part in (here, gone)
    ]
    both = sa.union(*(sa.select(part.c.record_id) for part in parts)).subquery()
    return sa.select(both.c.record_id).order_by(both.c.record_id).limit(limit)


def first_changes(session: Session, member: sa.Table, segment: int, first: int) -> sa.CTE:
    """(record_id, entered, since): the earliest change of each record in runs from `first` on."""
    rows: sa.Select[tuple[int, int, bool, int]] | sa.CompoundSelect[tuple[int, int, bool, int]]
    rows = sa.select(
        _changes.c.record_id,
        _changes.c.recalculation_id.label("run"),
        _changes.c.entered,
        _changes.c.since_id.label("since"),
    ).where(_changes.c.segment_id == segment, _changes.c.recalculation_id >= first)
    fills = baselines(session, segment, first)
    if fills:
        new = filled(member, segment, fills).subquery()
        nobody = sa.null().cast(sa.BigInteger)
        rows = sa.union_all(
            rows, sa.select(new.c.record_id, new.c.recalculation_id, sa.true(), nobody)
        )
    every = rows.subquery()
    place = sa.func.row_number().over(partition_by=every.c.record_id, order_by=every.c.run)
    ranked = sa.select(every, place.label("place")).subquery()
    return (
        sa.select(ranked.c.record_id, ranked.c.entered, ranked.c.since)
        .where(ranked.c.place == 1)
        .cte("first_changes")
        .prefix_with("MATERIALIZED")
    )


def members_before(
    session: Session, member: sa.Table, segment: int, first: int
) -> sa.Select[tuple[int]]:
    """The ids of the members before the run `first`; records that were deleted since included."""
    moved = first_changes(session, member, segment, first)
    unmoved: sa.ColumnElement[bool]
    if session.get_bind().dialect.name == "sqlite":
        # Its planner knows no anti-join, and would look through all changes for every member.
        unmoved = member.c.record_id.not_in(sa.select(moved.c.record_id))
    else:
        unmoved = ~sa.exists().where(moved.c.record_id == member.c.record_id)
    stayed = sa.select(member.c.record_id).where(member.c.segment_id == segment, unmoved)
    left = sa.select(moved.c.record_id).where(~moved.c.entered)
    both = sa.union_all(stayed, left).subquery("past")
    return sa.select(both.c.record_id).order_by(both.c.record_id)
