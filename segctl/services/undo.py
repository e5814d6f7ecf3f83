"""Undoing runs: the members as they were before, in one transaction, and the segment held."""

from collections.abc import Sequence
from dataclasses import dataclass
import datetime as dt
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.config_hooks import Hook
from segctl.engine import history, lease, past
from segctl.engine.commit import lock_definition
from segctl.engine.history import Counts, Start
from segctl.engine.holders import running
from segctl.engine.owner import this_process
from segctl.engine.state import load_state
from segctl.errors import GuardStopped, NotFound
from segctl.services.hook_targets import hearing
from segctl.services.segment_views import SegmentView, view
from segctl.store import audit, outbox
from segctl.store.glance import glance_of
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.tables import MemberChange, Recalculation
from segctl.store.tables_daemon import SegmentSchedule
from segctl.store.workspace import load_catalog

_runs: sa.Table = Recalculation.__table__  # type: ignore[attr-defined]
_changes: sa.Table = MemberChange.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Undo:
    """What undoing a run does, or did.

    `undone` are the runs that had changed something, the latest first; none if there is nothing to
    undo. `gone` are records that had left in them and cannot come back, because they were deleted.
    `run` is the run row of the undoing itself, None before it is done. Counts are None where the
    segment was not counted.
    """

    segment: SegmentView
    undone: tuple[int, ...]
    before: int | None
    after: int | None
    entered: int
    left: int
    gone: int
    run: int | None = None


def look(store: Store, run: int) -> Undo:
    """What undoing that run and all later ones of its segment would do. Raises what `undo` does."""
    with store.read() as session:
        return _Undoing(session, run).look()


def undo(
    store: Store, run: int, *, now: dt.datetime, actor: str, hooks: Sequence[Hook] = ()
) -> Undo:
    """Undo a run and all later ones of its segment, and hold the segment until it is retried.

    NotFound if there is no such run, GuardStopped if its changes are not kept any more, Busy while
    the segment is recalculated. If nothing has changed since, nothing is done.
    """
    with store.write() as session:
        undoing = _Undoing(session, run)
        undoing.take_lease()
        return undoing.undo(now, actor, hooks)


class _Undoing:
    """An undo in one transaction."""

    def __init__(self, session: Session, run: int) -> None:
        row = session.get(Recalculation, run)
        if row is None:
            raise NotFound(f"there is no run {run}", hint="segctl segments history NAME lists them")
        self.session = session
        self.first = run
        self.segment = view(session, row.segment_id)
        self.type: ObjectType = self.segment.type
        self.tables = record_tables(load_catalog(session))
        self.member = self.tables.member(self.type)
        self.record = self.tables.record(self.type)
        self._refuse_pruned()
        self.token = lease.new_token()
        self.moved = past.first_changes(session, self.member, self.segment.id, run)

    def _refuse_pruned(self) -> None:
        horizon = past.horizon(self.session, self.segment.id)
        if horizon is None or self.first > horizon.run:
            return
        oldest = self.session.execute(
            self._later_runs(horizon.run + 1).order_by(None).order_by(_runs.c.id).limit(1)
        ).first()
        possible = (
            f"the oldest that can be undone is run {oldest.id} of "
            f"{oldest.started_at:%Y-%m-%d %H:%M:%S} UTC"
            if oldest
            else "there is no later one that has changed anything"
        )
        raise GuardStopped(
            f'run {self.first} of "{self.segment.name}" cannot be undone: the changes up to '
            f"{horizon.started_at:%Y-%m-%d %H:%M:%S} UTC have been pruned; {possible}",
            hint=f"segctl undo {oldest.id}" if oldest else None,
            oldest=oldest.started_at.isoformat() if oldest else None,
            oldest_run=oldest.id if oldest else None,
        )

    def _later_runs(self, first: int) -> sa.Select[Any]:
        """The runs from `first` on that have changed something, the latest first."""
        changed = sa.func.coalesce(_runs.c.entered, 0) + sa.func.coalesce(_runs.c.left, 0) > 0
        return (
            sa.select(_runs.c.id, _runs.c.started_at)
            .where(
                _runs.c.segment_id == self.segment.id,
                _runs.c.id >= first,
                _runs.c.error.is_(None),
                sa.or_(changed, _runs.c.baseline),
            )
            .order_by(_runs.c.id.desc())
        )

    def take_lease(self) -> None:
        """Keep recalculations away until this transaction ends; Busy if one is under way."""
        lock_definition(self.session, self.segment.id)
        mine = [self.segment.id]
        if not lease.acquire(self.session, mine, token=self.token, owner=this_process()):
            holder = running(glance_of(self.session)).get(self.segment.id)
            error = lease.busy(holder, self.segment.name)
            error.hint = (
                f'segctl cancel "{self.segment.name}" stops it, or try again when it is done'
            )
            raise error

    def look(self) -> Undo:
        """The counts of what the tables say now."""
        undone = tuple(row.id for row in self.session.execute(self._later_runs(self.first)))
        moved, member = self.moved, self.member
        here = sa.and_(
            member.c.segment_id == self.segment.id, member.c.record_id == moved.c.record_id
        )
        both = moved.outerjoin(member, here).outerjoin(
            self.record, self.record.c.id == moved.c.record_id
        )
        absent = ~moved.c.entered & member.c.record_id.is_(None)
        back = sa.case((absent & self.record.c.id.is_not(None), 1), else_=0)
        gone = sa.case((absent & self.record.c.id.is_(None), 1), else_=0)
        out = sa.case((moved.c.entered & member.c.record_id.is_not(None), 1), else_=0)
        counts = [sa.func.coalesce(sa.func.sum(one), 0) for one in (back, out, gone)]
        row = self.session.execute(sa.select(*counts).select_from(both)).one()
        entered, left, lost = (int(number) for number in row)
        before = self.segment.count
        after = None if self._was_uncounted() else (before or 0) + entered - left
        return Undo(self.segment, undone, before, after, entered, left, lost)

    def _last_before(self) -> Recalculation | None:
        """The run whose members come back; None if there is none, or it is not kept."""
        query = (
            sa.select(Recalculation)
            .where(
                _runs.c.segment_id == self.segment.id,
                _runs.c.id < self.first,
                _runs.c.error.is_(None),
            )
            .order_by(_runs.c.id.desc())
            .limit(1)
        )
        return self.session.execute(query).scalar()

    def _was_uncounted(self) -> bool:
        """Whether the segment had no members to go back to: its first fill is undone."""
        fills = past.baselines(self.session, self.segment.id, self.first)
        if not fills:
            return False
        last = self._last_before()
        return last is None or (last.mode == past.UNDO and last.count_after is None)

    def undo(self, now: dt.datetime, actor: str, hooks: Sequence[Hook]) -> Undo:
        began = time.perf_counter()
        plan = self.look()
        if not plan.undone:
            lease.give_up(self.session, self.token)
            return plan
        others = len(plan.undone) - 1
        why = f"undoes run {self.first}" + (f" and {others} later" if others > 0 else "")
        heard = hearing(hooks, self.segment)
        start = Start(
            self.segment.id, "undo", str(this_process()), now, now, past.UNDO, why, hooks=heard
        )
        state = load_state(self.session, self.segment.id)
        last = self._last_before()
        hashed = last.definition_hash if last else state.definition_hash or ""
        run = history.add_run(self.session, start, hashed, baseline=False)
        self._move(run)
        history.finish_run(
            self.session,
            run,
            # A run without members of its own has no count; never a false 0.
            Counts(plan.before, plan.after, plan.entered, plan.left),  # type: ignore[arg-type]
            time.perf_counter() - began,
        )
        if heard and plan.entered + plan.left:
            outbox.add(self.session, heard, segment=self.segment.id, run=run, now=now)
        self._restore_state(last, plan.after)
        self._hold(now)
        lease.give_up(self.session, self.token)
        audit.record(
            self.session,
            now=now,
            actor=actor,
            action="undo",
            subject_type="segment",
            subject=f"{self.type}/{self.segment.name}",
            before={"count": plan.before, "runs": sorted(plan.undone)},
            after={
                "count": plan.after,
                "run": run,
                "entered": plan.entered,
                "left": plan.left,
                "held": True,
            },
        )
        self.session.flush()
        return Undo(
            view(self.session, self.segment.id),
            plan.undone,
            plan.before,
            plan.after,
            plan.entered,
            plan.left,
            plan.gone,
            run,
        )

    def _move(self, run: int) -> None:
        """Log who comes back and who goes, then do it."""
        session, member, segment = self.session, self.member, self.segment.id
        moved = sa.table(
            "segctl_undo",
            sa.column("record_id", sa.BigInteger),
            sa.column("entered", sa.Boolean),
            sa.column("since", sa.BigInteger),
        )
        # What the members were is read from tables that change below, so it is kept apart first.
        self._keep_apart(moved)
        mine = member.c.segment_id == segment
        ids = sa.select(member.c.record_id).where(mine, member.c.record_id == moved.c.record_id)
        there = sa.exists(ids)
        exists = sa.exists().where(self.record.c.id == moved.c.record_id)
        number, it = sa.literal(segment, sa.BigInteger), sa.literal(run, sa.BigInteger)
        back = sa.select(moved.c.record_id).where(~moved.c.entered, ~there, exists)
        out = (
            sa.select(member.c.record_id, member.c.recalculation_id)
            .select_from(sa.join(moved, member, member.c.record_id == moved.c.record_id))
            .where(mine, moved.c.entered)
        )
        columns = ["segment_id", "record_id", "recalculation_id", "entered", "since_id"]
        new, old = back.subquery(), out.subquery()
        nobody = sa.null().cast(sa.BigInteger)
        for rows in (
            sa.select(number, old.c.record_id, it, sa.false(), old.c.recalculation_id).order_by(
                old.c.record_id
            ),
            sa.select(number, new.c.record_id, it, sa.true(), nobody).order_by(new.c.record_id),
        ):
            session.execute(sa.insert(_changes).from_select(columns, rows))
        logged = sa.select(_changes.c.record_id).where(
            _changes.c.segment_id == segment,
            _changes.c.recalculation_id == run,
            ~_changes.c.entered,
        )
        session.execute(sa.delete(member).where(mine, member.c.record_id.in_(logged)))
        # Whoever comes back is a member since the run that had let him in before.
        since = sa.func.coalesce(moved.c.since, it)
        again = (
            sa.select(number, moved.c.record_id, since)
            .where(~moved.c.entered, ~there, exists)
            .order_by(moved.c.record_id)
        )
        stayed = sa.select(since).where(moved.c.record_id == member.c.record_id, ~moved.c.entered)
        session.execute(
            sa.update(member)
            .where(
                mine,
                sa.exists().where(moved.c.record_id == member.c.record_id, ~moved.c.entered),
                # But only here it says who entered in a first fill.
                member.c.recalculation_id.not_in(past.baselines(session, segment, self.first)),
            )
            .values(recalculation_id=stayed.scalar_subquery())
        )
        names = ["segment_id", "record_id", "recalculation_id"]
        session.execute(sa.insert(member).from_select(names, again))
        session.execute(sa.text("DROP TABLE segctl_undo"))

    def _keep_apart(self, moved: sa.TableClause) -> None:
        moves = sa.select(self.moved.c.record_id, self.moved.c.entered, self.moved.c.since)
        self.session.execute(
            sa.text(
                "CREATE TEMPORARY TABLE segctl_undo "
                "(record_id BIGINT PRIMARY KEY, entered BOOLEAN NOT NULL, since BIGINT)"
            )
        )
        self.session.execute(sa.insert(moved).from_select(["record_id", "entered", "since"], moves))

    def _restore_state(self, last: Recalculation | None, after: int | None) -> None:
        """As the last run before left it; the next one is a full one."""
        state = load_state(self.session, self.segment.id)
        state.count = after
        state.watermark = None
        state.full_at = None
        state.last_error = None
        state.failures = 0
        counted = None if after is None else last
        state.last_counted_at = counted.started_at if counted else None
        state.evaluated_at = counted.now if counted else None
        state.definition_hash = counted.definition_hash if counted else None
        self.session.flush()

    def _hold(self, now: dt.datetime) -> None:
        row = self.session.get(SegmentSchedule, self.segment.id)
        if row is None:
            row = SegmentSchedule(segment_id=self.segment.id)
            self.session.add(row)
        row.held_at = now
        row.due_at = row.retry_at = row.parked_at = None
        row.error_class = row.error = None
        row.failures = 0
        self.session.flush()
