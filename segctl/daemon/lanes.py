"""A lane: looks for what is due and recalculates it, batch by batch.

The light lane takes everything but what is too heavy, in batches of one type. The heavy lane takes
one segment at a time, when nothing light is due; light ones that become due meanwhile do not wait
for it, because they have their own lane.
"""

from collections.abc import Callable, Sequence, Set
import datetime as dt
from enum import StrEnum
import time
import traceback

from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.config_hooks import Hook
from segctl.daemon.events import Event, Kind, Tell
from segctl.daemon.tally import Tally
from segctl.daemon.trouble import of_the_store
from segctl.engine.holders import running
from segctl.engine.lease import LEASE_TIME
from segctl.engine.owner import this_process
from segctl.errors import SegctlError, StoreVersionError
from segctl.services import (
    batches,
    daemons,
    due_batches,
    failures,
    recalculation,
    schedule,
    segment_views,
)
from segctl.services.failures import ErrorClass, Setback, classify
from segctl.services.outcomes import Outcome, Result, failure
from segctl.services.schedule import Scheduled
from segctl.services.segment_references import load_references
from segctl.services.segment_views import SegmentView
from segctl.services.watching import Stopped, Watch
from segctl.store.glance import glance_of
from segctl.store.opening import Store

MOST = 100
"""Segments in a batch: their leases are held together, and other daemons want some of them."""
PATIENCE = 300.0
"""So many seconds a heavy segment waits for light ones that are always due."""

REST = 3.0
"""Seconds until a heavy lane that has to wait looks again: looking at a backlog takes time."""


class LaneName(StrEnum):
    LIGHT = "light"
    HEAVY = "heavy"


class Lane:
    """One lane of a daemon, with a store of its own."""

    def __init__(
        self,
        name: LaneName,
        store: Store,
        *,
        clock: Callable[[], dt.datetime],
        tell: Tell,
        tally: Tally,
        stopped: Callable[[], bool],
        type: ObjectType | None = None,
        hooks: Sequence[Hook] = (),
        lease_seconds: float = LEASE_TIME,
        alone: bool = False,
    ) -> None:
        self.name = name
        self.store = store
        self.outcomes: list[Outcome] | None = None
        """What became of everything, if somebody wants to know at the end."""
        self._clock = clock
        self._tell = tell
        self._tally = tally
        self._stopped = stopped
        self._type = type
        self._hooks = hooks
        self._lease_seconds = lease_seconds
        self._alone = alone
        self._suspects: set[int] = set()
        self._seen: dict[int, float] = {}
        self._waits = False
        self._rests_until = 0.0

    def work(self) -> None:
        """Recalculate until nothing is due. Raises what the store says when it does not work."""
        if time.monotonic() < self._rests_until:
            return
        while not self._stopped() and self.step():
            pass
        if self._waits:
            self._rests_until = time.monotonic() + REST

    def step(self) -> bool:
        """One batch; whether there was something to do."""
        now = self._clock()
        chosen = self._choose(now)
        if not chosen:
            return False
        ids = {segment.id for segment in chosen}
        watch = _Watch(self, ids, now)
        try:
            batch = batches.choose_ids(self.store, ids)
            outcomes = recalculation.recalculate(
                self.store,
                batch,
                now=now,
                trigger=recalculation.INTERVAL,
                owner=this_process(),
                lease_seconds=self._lease_seconds,
                hooks=self._hooks,
                watch=watch,
            )
        except (Stopped, StoreVersionError):
            raise
        except Exception as error:
            if self.stopped() or of_the_store(error) is not None:
                raise
            return self._blame(chosen, error, now)
        finally:
            self._tally.idle(self.name)
        self._suspects -= ids
        self._settle(outcomes, now)
        return any(outcome.result is not Result.BUSY for outcome in outcomes)

    def _choose(self, now: dt.datetime) -> list[Scheduled]:
        self._waits = False
        with self.store.read() as session:
            if self.name is LaneName.HEAVY and not schedule.any_heavy(session, now, self._type):
                return []
            due = schedule.due(session, now, self._type)
            if not due:
                return []
            references = load_references(session)
            slow = due_batches.heavy(due, references)
            mine = [s for s in due if (s.id in slow) == (self.name is LaneName.HEAVY)]
            if not mine:
                return []
            if self.name is LaneName.LIGHT:
                most = min(MOST, -(-len(mine) // max(1, daemons.count_alive(session))))
            elif self._has_to_wait(session, mine, light=len(due) > len(mine)):
                self._waits = True
                return []
            else:
                most = 1
        if self._suspects & {s.id for s in mine}:
            most = 1
        return due_batches.first_batch(mine, references, most)

    def _has_to_wait(self, session: Session, mine: Sequence[Scheduled], *, light: bool) -> bool:
        """Whether light ones come first, or another process is at a heavy one."""
        moment = time.monotonic()
        self._seen = {s.id: self._seen.get(s.id, moment) for s in mine}
        if moment - min(self._seen.values()) < PATIENCE and light and not self._alone:
            return True
        busy = set(running(glance_of(session)))
        return bool(busy) and any(
            s.too_heavy for s in schedule.load_schedule(session, segments=busy)
        )

    def _blame(self, chosen: Sequence[Scheduled], error: Exception, now: dt.datetime) -> bool:
        """A batch that could not be done as one: find out by which of its segments.

        Even a bug must not keep the others from being recalculated.
        """
        if not isinstance(error, SegctlError):
            self._say(Kind.WARNING, f"bug: {error!r}", {"traceback": traceback.format_exc()})
            error = SegctlError(f"a bug in segctl: {error!r}")
        if len(chosen) > 1:
            self._suspects |= {segment.id for segment in chosen}
            return True
        (segment,) = chosen
        self._suspects.discard(segment.id)
        with self.store.read() as session:
            views = [v for v in segment_views.views(session) if v.id == segment.id]
        self._settle([failure(view, "it was due", error, 0.0) for view in views], now)
        return True

    def _settle(self, outcomes: Sequence[Outcome], now: dt.datetime) -> None:
        bad = [outcome for outcome in outcomes if outcome.error is not None]
        kinds = {classify(outcome.error) for outcome in bad if outcome.error is not None}
        if bad and len(bad) == len(outcomes) and kinds == {ErrorClass.STORE}:
            # Not one segment came through: that is the store, and no failure of theirs.
            assert bad[0].error is not None
            raise bad[0].error
        if self.outcomes is not None:
            self.outcomes += [o for o in outcomes if o.result is not Result.BUSY]
        for setback in failures.note_failures(self.store, bad, self._clock()):
            self.failed(setback)

    # ------------------------------------------------------------ what is told

    def started(self, view: SegmentView) -> None:
        self._tally.started(view, self.name, self._clock())

    def finished(self, outcome: Outcome) -> None:
        self._tally.finished(outcome, self.name)
        if outcome.done:
            text = (
                f'"{outcome.name}" ({outcome.type}): {outcome.count_after:,} members, '
                f"{outcome.entered:,} entered, {outcome.left:,} left, {outcome.duration:.3f} s"
            )
            self._say(Kind.RECALCULATED, text, _fields(outcome, self.name))
        for note in outcome.notes:
            if not note.startswith("reads "):
                self._say(Kind.WARNING, f'"{outcome.name}" {note}', {"note": note})

    def taken_over(self, segments: int) -> None:
        if segments:
            self._tally.add("taken_over", segments)
            plural = "s" if segments > 1 else ""
            text = f"{segments} lease{plural} taken over from a process that ended or fell silent"
            self._say(Kind.TAKEN_OVER, text, {"segments": segments})

    def failed(self, setback: Setback) -> None:
        outcome, failing = setback.outcome, setback.failing
        self._tally.add("failed")
        name = f'"{outcome.name}" ({outcome.type})'
        if failing.stopped:
            kind, what = Kind.HALTED, f"is stopped until it is edited: {failing.error}"
        elif failing.parked:
            kind = Kind.PARKED
            what = (
                f"is parked after {failing.failures} failures: {failing.error} "
                f'(segctl retry "{outcome.name}")'
            )
        else:
            kind, what = Kind.FAILED, f"failed: {failing.error}"
            if failing.retry_at is not None:
                what += f"; tried again at {failing.retry_at:%Y-%m-%d %H:%M:%S} UTC"
        self._tally.error(f"{name} {what}")
        more = {
            "error": failing.error,
            "error_class": failing.error_class.value,
            "failures": failing.failures,
            "retry_at": failing.retry_at,
        }
        self._say(kind, f"{name} {what}", {**_fields(outcome, self.name), **more})

    def still_wanted(self, session: Session, segments: Set[int], asked: Set[int]) -> Set[int]:
        return schedule.still_due(session, segments, asked, self._clock())

    def stopped(self) -> bool:
        return self._stopped()

    def _say(self, kind: Kind, text: str, fields: dict[str, object]) -> None:
        self._tell(Event(self._clock(), kind, text, fields))


class _Watch(Watch):
    """What the lane does while a batch runs."""

    def __init__(self, lane: Lane, asked: set[int], now: dt.datetime) -> None:
        self._lane = lane
        self._asked = asked

    def stopped(self) -> bool:
        return self._lane.stopped()

    def still_wanted(self, session: Session, segments: Set[int]) -> Set[int]:
        return self._lane.still_wanted(session, segments, self._asked)

    def taken_over(self, segments: int) -> None:
        self._lane.taken_over(segments)

    def started(self, view: SegmentView) -> None:
        self._lane.started(view)

    def finished(self, outcome: Outcome) -> None:
        self._lane.finished(outcome)


def _fields(outcome: Outcome, lane: str) -> dict[str, object]:
    return {
        "segment": outcome.name,
        "segment_id": outcome.segment_id,
        "type": outcome.type.value,
        "lane": lane,
        "mode": outcome.mode,
        "why": outcome.why,
        "run": outcome.run,
        "count": outcome.count_after,
        "entered": outcome.entered,
        "left": outcome.left,
        "baseline": outcome.baseline,
        "duration": round(outcome.duration, 6),
    }
