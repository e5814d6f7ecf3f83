"""What there is to say of the whole workspace: who works, what runs, what is late or failed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import datetime as dt
import re

from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.engine.holders import Holder, holders
from segctl.errors import InvalidValue
from segctl.services.daemons import DaemonView, load_daemons
from segctl.services.hooks import count_deliveries
from segctl.services.schedule import Scheduled, load_schedule
from segctl.store.glance import glance_of
from segctl.store.opening import Store

LATE = dt.timedelta(minutes=1)
"""A daemon looks every second; what waits for longer than this is late."""


@dataclass(frozen=True, slots=True)
class Status:
    """The workspace at `at`. `segments` are all of them, by id; `running` by segment id.

    `abandoned` counts the leases of processes that ended or fell silent.
    """

    at: dt.datetime
    daemons: Sequence[DaemonView]
    segments: Sequence[Scheduled]
    running: Mapping[int, Holder]
    abandoned: int
    hooks_waiting: int
    hooks_dead: int

    @property
    def alive(self) -> bool:
        """Whether any daemon is."""
        return any(daemon.alive for daemon in self.daemons)

    @property
    def due(self) -> list[Scheduled]:
        return [s for s in self.segments if s.is_due(self.at) and s.id not in self.running]

    @property
    def late(self) -> list[Scheduled]:
        return [
            s
            for s in self.segments
            if s.id not in self.running and (s.lag(self.at) or dt.timedelta()) > LATE
        ]

    @property
    def failed(self) -> list[Scheduled]:
        """Those whose last recalculation failed, parked and stopped ones included."""
        return [s for s in self.segments if s.error is not None or s.failing is not None]

    @property
    def parked(self) -> list[Scheduled]:
        """Those that wait for a person: failed too often, unreadable, or held after an undo."""
        return [
            s
            for s in self.segments
            if s.held_at is not None or (s.failing is not None and s.failing.halted)
        ]

    @property
    def too_heavy(self) -> list[Scheduled]:
        return [s for s in self.segments if s.too_heavy]

    @property
    def never_counted(self) -> list[Scheduled]:
        return [s for s in self.segments if s.count is None]

    @property
    def next_due(self) -> Scheduled | None:
        """What is due next, of what is not due yet."""
        ahead = [s for s in self.segments if s.due_at is not None and s.due_at > self.at]
        return min(ahead, key=lambda s: (s.due_at, s.id)) if ahead else None

    @property
    def oldest(self) -> Scheduled | None:
        """The segment with an interval that was counted longest ago."""
        counted = [s for s in self.segments if s.last_counted_at is not None and not s.manual]
        return min(counted, key=lambda s: (s.last_counted_at, s.id)) if counted else None


def load_status(session: Session, now: dt.datetime, type: ObjectType | None = None) -> Status:
    leases = holders(glance_of(session))
    good = {id: h for id, h in leases.items() if not h.expired and not h.is_dead}
    waiting, dead = count_deliveries(session)
    return Status(
        at=now,
        daemons=load_daemons(session),
        segments=load_schedule(session, type),
        running=good,
        abandoned=len(leases) - len(good),
        hooks_waiting=waiting,
        hooks_dead=dead,
    )


def status(store: Store, *, now: dt.datetime, type: ObjectType | None = None) -> Status:
    """The workspace as one transaction sees it."""
    with store.read() as session:
        return load_status(session, now, type)


@dataclass(frozen=True, slots=True)
class Limit:
    """How late is too late: a time, or so many times the segment's interval."""

    times: float | None = None
    length: dt.timedelta | None = None

    def exceeded(self, segment: Scheduled, now: dt.datetime) -> bool:
        """By what age: `times` compares the age of the count, `length` what it is too old by."""
        lag = segment.lag(now)
        if lag is None:
            return False
        if self.length is not None:
            return lag > self.length
        assert self.times is not None
        since = segment.last_counted_at or segment.created_at
        return now - since > dt.timedelta(minutes=segment.interval) * self.times


def parse_limit(text: str) -> Limit:
    """`2x` is twice the interval, `30m` a time; InvalidValue otherwise."""
    word = text.strip().lower()
    if found := re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)x", word):
        return Limit(times=float(found[1]))
    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
    if found := re.fullmatch(r"(\d{1,6})([smhd])", word):
        return Limit(length=dt.timedelta(**{units[found[2]]: int(found[1])}))
    raise InvalidValue(f'"{text}" is not a lag', hint="write 2x, or 30m")


def problems(
    status: Status, *, max_lag: Limit, max_failed: int, need_daemon: bool = False
) -> list[str]:
    """What a monitor should know; nothing if all is well."""
    found = []
    late = [
        s for s in status.segments if s.id not in status.running and max_lag.exceeded(s, status.at)
    ]
    if late:
        found.append(f"{_segments(len(late))} late: {_names(late)}")
    failed = status.failed
    if len(failed) > max_failed:
        found.append(f"{len(failed)} failed: {_names(failed)}")
    if need_daemon and not status.alive:
        found.append("no daemon is alive")
    return found


def _segments(number: int) -> str:
    return f"{number} segment{'s are' if number != 1 else ' is'}" if number else "no segment is"


def _names(segments: Sequence[Scheduled], most: int = 5) -> str:
    names = ", ".join(f'"{s.name}"' for s in segments[:most])
    more = len(segments) - most
    return names + (f" and {more} more" if more > 0 else "")
