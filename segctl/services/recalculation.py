"""Recalculate one segment, several, or all; each succeeds or fails for itself."""

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
import datetime as dt
import time

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.config_hooks import Hook
from segctl.engine import commit, history, lease, skip, state, together
from segctl.engine.apply import apply
from segctl.engine.cancelling import Cancelling
from segctl.engine.full import Done, recalculate_full
from segctl.engine.history import Start
from segctl.engine.holders import holders
from segctl.engine.incremental import prepare
from segctl.engine.modes import Mode
from segctl.engine.owner import Owner, this_process
from segctl.engine.plans import Change, Full, Plan, Skip
from segctl.errors import Busy, Cancelled, SegctlError, StoreError, StoreVersionError
from segctl.services.batches import Batch, choose, uncounted
from segctl.services.holding import held_among, refusal
from segctl.services.hook_targets import hearing
from segctl.services.outcomes import Outcome, Result, failure, refused, success
from segctl.services.segment_views import SegmentView
from segctl.services.segment_views import view as view_of
from segctl.services.watching import Stopped, Watch
from segctl.store.glance import glance_of
from segctl.store.opening import Store
from segctl.store.tables import Segment
from segctl.store.triggers import install_triggers, verify_triggers

_segment: sa.Table = Segment.__table__  # type: ignore[attr-defined]

INTERVAL = "interval"
"""The trigger of a run that nobody asked for: the segment's interval was over."""
POLL = 0.2
"""Seconds between two looks at a segment that another process recalculates."""


def recalculate(
    store: Store,
    batch: Batch | None = None,
    *,
    now: dt.datetime,
    trigger: str = "manual",
    owner: Owner | None = None,
    wait: dt.timedelta | None = None,
    max_change: str | None = None,
    progress: Callable[[int], None] = lambda advance: None,
    lease_seconds: float = lease.LEASE_TIME,
    hooks: Sequence[Hook] = (),
    watch: Watch = Watch(),  # noqa: B008  keeps nothing
    mode: Mode = Mode.AUTO,
) -> list[Outcome]:
    """Recalculate a batch, by default all segments; an outcome for each, in the order done.

    `now` is the clock of the evaluation and the wall clock of the start. Segments that another
    process recalculates are waited for as long as `wait` says, and are BUSY then. `progress` is
    called with 1 for each segment. `hooks` are told who entered and left, `watch` what happens; for
    what it does not want any more there is no outcome. `mode` forces one where that is exact.
    Raises only what stops the whole batch: StoreVersionError, a store that does not answer at all,
    and Stopped if the watch says so.
    """
    batch = batch or choose(store)
    work = _Work(
        store,
        batch,
        now,
        trigger,
        owner or this_process(),
        max_change,
        lease.new_token(),
        *_mend_triggers(store),
        hooks,
        watch,
        mode,
    )
    deadline = time.monotonic() + (wait.total_seconds() if wait else 0.0)
    waiting = [view.id for view in batch.segments]
    try:
        with lease.renewing(store, work.token, lease_seconds), work.cancelling:
            while waiting:
                held = work.acquire(waiting, lease_seconds, patient=time.monotonic() < deadline)
                for id in work.dropped.intersection(waiting):
                    waiting.remove(id)
                    progress(1)
                for id in list(waiting):
                    # What it reads comes first, unless that has been given up.
                    if id in held and batch.is_ready(id, set(waiting)):
                        outcome = work.recalculate(id, waiting, held)
                        if outcome.result is Result.BUSY and time.monotonic() < deadline:
                            continue
                        waiting.remove(id)
                        watch.finished(outcome)
                        progress(1)
                if not waiting:
                    break
                # Holding some while waiting for others would let two batches wait for each other.
                with suppress(Busy):
                    work.give_up()
                left = deadline - time.monotonic()
                if left > 0:
                    time.sleep(min(POLL, left))
                    continue
                for id in [id for id in waiting if id not in held]:
                    work.refuse(id)
                    waiting.remove(id)
                    progress(1)
    finally:
        with suppress(SegctlError, sa.exc.DBAPIError):
            work.give_up()
    return list(work.outcomes.values())


def _being_counted(view: SegmentView) -> Busy:
    return Busy(
        f'it reads the members of "{view.name}", which another process is counting right now',
        hint="try again in a moment",
        reason="lease",
    )


def _mend_triggers(store: Store) -> tuple[bool, tuple[str, ...]]:
    """Put in again what traces writes, if somebody took it away.

    Whether writes are traced now, and what to say about it.
    """
    with store.read() as session:
        wrong = verify_triggers(session)
    if not wrong:
        return True, ()
    names = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    try:
        with store.write() as session:
            install_triggers(session)
    except (Busy, StoreError) as error:
        return False, (f"the triggers {names} are missing and cannot be put in: {error.message}",)
    return True, (f"the triggers {names} were missing and have been put in again",)


@dataclass(slots=True)
class _Work:
    """A batch under way."""

    store: Store
    batch: Batch
    now: dt.datetime
    trigger: str
    owner: Owner
    max_change: str | None
    token: str
    traced: bool
    mended: tuple[str, ...]
    hooks: Sequence[Hook]
    watch: Watch
    mode: Mode
    began: float = field(default_factory=time.perf_counter)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    dropped: set[int] = field(default_factory=set)
    """Segments that the watch does not want any more."""
    gone: StoreError | None = None
    """The store stopped answering: the rest need not try."""
    plans: dict[int, Plan] = field(default_factory=dict)
    """What is to be done, or is done, with segments whose leases are held."""
    cancelling: Cancelling = field(init=False)

    def __post_init__(self) -> None:
        self.cancelling = Cancelling(self.store, self.token)

    def view(self, id: int) -> SegmentView:
        return next(view for view in self.batch.segments if view.id == id)

    def acquire(self, segments: Iterable[int], seconds: float, *, patient: bool) -> set[int]:
        """The segments that may be recalculated now. `patient`: none, if the store is locked."""
        try:
            return self._acquire(list(segments), seconds)
        except Busy:
            if patient:
                return set()
            raise

    def _acquire(self, wanted: list[int], seconds: float) -> set[int]:
        self.plans.clear()  # somebody else may have had the leases
        with self.store.write() as session:
            left = {id for id, h in holders(glance_of(session)).items() if h.token != self.token}
            held = lease.acquire(
                session, wanted, token=self.token, owner=self.owner, seconds=seconds
            )
            self.watch.taken_over(len(held & left))
            unwanted = held - self.watch.still_wanted(session, held)
            for id in held_among(session, held):
                view = self.view(id)
                self.outcomes[id] = failure(view, self._why(view), refusal(view.name), 0.0)
                unwanted.add(id)
            if unwanted:
                lease.give_up(session, self.token, unwanted)
                self.dropped |= unwanted
                held -= unwanted
            # One that was deleted has no lease to take, and fails when its turn comes.
            there = session.execute(sa.select(_segment.c.id).where(_segment.c.id.in_(wanted)))
            return held | (set(wanted) - set(there.scalars()))

    def give_up(self) -> None:
        with self.store.write() as session:
            lease.give_up(session, self.token)

    def refuse(self, id: int) -> None:
        """Another process has it."""
        with self.store.read() as session:
            holder = holders(glance_of(session)).get(id)
        view = self.view(id)
        error = lease.busy(holder, view.name)
        self.outcomes[id] = failure(view, self._why(view), error, 0.0)

    def recalculate(self, id: int, waiting: Sequence[int], held: Set[int]) -> Outcome:
        """What becomes of a segment, one of those that wait, of which the leases of some are held.

        What is to be done is looked up for all whose turn could come now.
        """
        if self.watch.stopped():
            raise Stopped
        view = self.view(id)
        self.watch.started(view)
        start = self._start(view)
        plan: Plan | None = None
        began = time.perf_counter()
        notes: tuple[str, ...] = self.mended
        try:
            if self.gone is not None:
                raise self.gone
            notes += self._reads(id)
            plan = self.plans.pop(id, None)
            if plan is None:
                with self.cancelling.over(id):
                    plan = self._look(id, waiting, held)
            if self.watch.stopped() and not plan.done:
                raise Stopped
            start = self._start(view, plan)
            done = plan.done
            if done is None:
                with self.cancelling.over(id):
                    done = self._do(start, plan)
        except StoreVersionError:
            raise
        except (SegctlError, sa.exc.DBAPIError) as caught:
            if self.watch.stopped():
                # It was interrupted, and that says nothing about the segment.
                raise Stopped from caught
            error = caught if isinstance(caught, SegctlError) else refused(caught)
            duration = time.perf_counter() - began
            if isinstance(error, StoreError) and error.fields.get("reason") == "no_answer":
                self.gone = error
            run = self._record_failure(view, start, error, duration)
            self.outcomes[id] = failure(
                view, start.why, error, duration, mode=start.mode, run=run, notes=notes
            )
        else:
            candidates = plan.candidates if isinstance(plan, Change) else None
            self.outcomes[id] = success(view, start, done, notes, candidates)
        return self.outcomes[id]

    def _start(self, view: SegmentView, plan: Plan | None = None) -> Start:
        mode, why, audited = history.FULL, self._why(view), False
        match plan:
            case Change():
                mode, why = history.INCREMENTAL, plan.why
            case Full():
                why, audited = plan.why or why, plan.audited
            case Skip():
                mode, why = history.SKIPPED, skip.WHY
        elapsed = dt.timedelta(seconds=time.perf_counter() - self.began)
        return Start(
            view.id,
            self.trigger if view.id in self.batch.asked else "reference",
            str(self.owner),
            self.now,
            self.now + elapsed,
            mode=mode,
            why=why,
            max_change=self.max_change,
            traced=self.traced,
            hooks=hearing(self.hooks, view),
            audited=audited,
        )

    def _look(self, id: int, waiting: Sequence[int], held: Set[int]) -> Plan:
        """What is to be done with a segment and with all others that are ready.

        What can be skipped, and what changes little, is done at once.
        """
        still = set(waiting)
        ready = {id for id in still & held if self.batch.is_ready(id, still)} - self.plans.keys()
        plans = prepare(self.store, sorted(ready), now=self.now, mode=self.mode, traced=self.traced)
        light = {id: plan for id, plan in plans.items() if self._is_light(id, plan)}
        starts = {id: self._start(self.view(id), plan) for id, plan in light.items()}
        skips = {id: plan for id, plan in light.items() if isinstance(plan, Skip)}
        changes = {id: plan for id, plan in light.items() if isinstance(plan, Change)}
        done = {
            **skip.write(self.store, skips, starts, self.token),
            **together.write(self.store, changes, starts, self.token),
        }
        for other, plan in plans.items():
            if isinstance(plan, Skip | Change) and other in done:
                self.plans[other] = replace(plan, done=done[other])
            else:
                # One that was to be skipped and could not be: its lease or its definition is
                # another's by now, and a full recalculation finds that out.
                self.plans[other] = Full("") if isinstance(plan, Skip) else plan
        return self.plans.pop(id)

    def _is_light(self, id: int, plan: Plan) -> bool:
        """Whether it may be done before its turn."""
        if isinstance(plan, Full) or self.cancelling.requested_by(id):
            return False
        try:
            self._reads(id)
        except SegctlError:
            return False
        return True

    def _do(self, start: Start, plan: Plan) -> Done:
        if isinstance(plan, Change):
            return apply(self.store, start, self.token, plan)
        return recalculate_full(self.store, start, self.token)

    def _why(self, view: SegmentView) -> str:
        """Why it is recalculated, where there is nothing to say of the mode."""
        if view.count is None:
            return "first fill"
        if view.stale:
            return "the condition has changed"
        if self.trigger == INTERVAL:
            return "it was due"
        return "asked for" if view.id in self.batch.asked else "another segment reads it"

    def _reads(self, id: int) -> tuple[str, ...]:
        """What to say about the members it refers to; SegctlError if there are none."""
        notes = []
        for reference in sorted(self.batch.references.get(id, ())):
            outcome = self.outcomes.get(reference)
            if outcome is not None and outcome.done:
                continue
            view = self.batch.read[reference]
            if reference in self.dropped:
                view = self._look_again(reference)
            reason = outcome.error.message if outcome and outcome.error else None
            if view.count is None or view.last_counted_at is None:
                if outcome and outcome.result is Result.BUSY:
                    raise _being_counted(view)
                raise uncounted(view, reason)
            counted = f"counted {view.last_counted_at:%Y-%m-%d %H:%M} UTC"
            if reason or view.error:
                notes.append(f'on old members of "{view.name}", {counted}: {reason or view.error}')
            else:
                notes.append(f'reads "{view.name}" as {counted}')
        return tuple(notes)

    def _look_again(self, id: int) -> SegmentView:
        with self.store.read() as session:
            return view_of(session, id)

    def _record_failure(
        self, view: SegmentView, start: Start, error: SegctlError, duration: float
    ) -> int | None:
        """The run row of a failure; None where none can or need be written."""
        if isinstance(error, Busy) and not isinstance(error, lease.LeaseLost):
            return None
        try:
            with self.store.write() as session:
                return _write_failure(session, view, start, self.token, error, duration)
        except StoreVersionError:
            raise
        except SegctlError:
            return None


def _write_failure(
    session: Session,
    view: SegmentView,
    start: Start,
    token: str,
    error: SegctlError,
    duration: float,
) -> int | None:
    hashed = commit.lock_definition(session, view.id)
    if hashed is None:
        return None
    run = history.add_failure(
        session, start, hashed, error.message, count=view.count, duration=duration
    )
    if not isinstance(error, lease.LeaseLost | commit.DefinitionChanged | Cancelled):
        # Those say nothing about the segment: somebody else is at it, will be, or wants nobody.
        state.failed(session, view.id, error.message)
        session.flush()
    lease.give_up(session, token, [view.id])
    return run
