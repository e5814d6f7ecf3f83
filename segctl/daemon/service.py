"""The daemon: one scheduler whose jobs look at the store.

What is due lives in the store, so the scheduler's own clock only says how often to look. Each job
has a store of its own and waits for itself when the store is busy or away.
"""

from collections.abc import Callable
from contextlib import suppress
import datetime as dt
import threading
import time
import traceback
from typing import Any

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
import sqlalchemy.exc as sax

from segctl.config_hooks import Hook
from segctl.daemon.clock_watch import ClockWatch
from segctl.daemon.events import Event, Kind, Tell
from segctl.daemon.executor import Threads
from segctl.daemon.lanes import Lane, LaneName
from segctl.daemon.options import Options
from segctl.daemon.tally import Tally
from segctl.daemon.trouble import Trouble, of_the_store
from segctl.engine.owner import Owner, this_process
from segctl.errors import ConfigError, SegctlError, StoreVersionError
from segctl.services import daemons, hooks, stores
from segctl.services.outcomes import Outcome
from segctl.services.reanchoring import reanchor
from segctl.services.status import Status, status
from segctl.services.watching import Stopped
from segctl.store.opening import Store, connect

LOOK_EVERY = 1.0
HEARTBEAT_EVERY = 5.0
PRUNE_EVERY = 3600.0
METRICS_EVERY = 15.0
"""Seconds."""
FAREWELL = 7.0
"""Seconds that a stop may wait for statements to end."""


class Daemon:
    """Recalculates what is due in a store, until it is told to stop.

    `clock` is the wall clock, `tell` hears what happens.
    """

    def __init__(
        self, url: str, options: Options, *, clock: Callable[[], dt.datetime], tell: Tell
    ) -> None:
        self.url = url
        self.options = options
        self.clock = clock
        self.tally = Tally()
        self.owner: Owner = this_process()
        self._tell_others = tell
        self._telling = threading.Lock()
        self._stop = threading.Event()
        self._fatal: BaseException | None = None
        self._id: int | None = None
        self._opened: list[Store] = []
        self._busy: set[str] = set()
        self.trouble = Trouble(self._lost, self._back)
        self._main = self._open()
        self._display = self._open()
        self.lanes = [
            Lane(
                name,
                self._open(),
                clock=clock,
                tell=self.tell,
                tally=self.tally,
                stopped=self._stop.is_set,
                type=options.type,
                hooks=options.hooks,
                lease_seconds=options.lease_seconds,
                alone=LaneName.LIGHT not in options.lanes,
            )
            for name in LaneName
            if name in options.lanes
        ]
        self._metrics: Any = None

    # ------------------------------------------------------------ once

    def once(self) -> list[Outcome]:
        """Do all that is due, deliver what waits, prune; what became of the segments.

        Raises what the store says if it does not work.
        """
        outcomes: list[Outcome] = []
        try:
            self._register()
            reanchor(self._main, self.clock())
            for lane in self.lanes:
                lane.outcomes = outcomes
            # Light before heavy, and what became due meanwhile before the next heavy one.
            while any(lane.step() for lane in self.lanes):
                pass
            for hook in self.options.hooks:
                self._deliver(hook, self._main)
            self._prune()
        finally:
            self._leave()
        return outcomes

    # ------------------------------------------------------------ for long

    def run(self, seconds: float | None = None, idle: Callable[[], None] = lambda: None) -> None:
        """Run until `stop`, a signal's KeyboardInterrupt, or for so many seconds.

        `idle` is called a few times a second from this thread. Raises StoreVersionError if the
        store was upgraded meanwhile, and what `start` raises.
        """
        scheduler = self._scheduler()
        end = None if seconds is None else time.monotonic() + seconds
        clock = ClockWatch()
        try:
            self._start_metrics()
            scheduler.start()
            what = f"the daemon of {self._main} has started"
            self.tell(Event(self.clock(), Kind.STARTED, what, {"pid": self.owner.pid}))
            while not self._stop.is_set() and (end is None or time.monotonic() < end):
                if clock.jumped():
                    self._look_now(scheduler)
                idle()
                self._stop.wait(0.25)
        finally:
            self._shut_down(scheduler)
        if self._fatal is not None:
            raise self._fatal

    def stop(self) -> None:
        """Make `run` end, from any thread."""
        self._stop.set()

    def _scheduler(self) -> Any:
        scheduler = BackgroundScheduler(
            timezone=dt.UTC,
            executors={"default": Threads()},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        jobs: list[tuple[str, float, Callable[[], None]]] = [
            ("heartbeat", HEARTBEAT_EVERY, self._heartbeat),
            ("prune", PRUNE_EVERY, self._prune),
            *((f"{lane.name} lane", LOOK_EVERY, lane.work) for lane in self.lanes),
        ]
        for hook in self.options.hooks:
            store = self._open()
            jobs.append(
                (f"hook {hook.name}", LOOK_EVERY, lambda h=hook, s=store: self._deliver(h, s))  # type: ignore[misc]
            )
        if self.options.metrics_file is not None:
            jobs.append(("metrics", METRICS_EVERY, self._write_metrics))
        now = dt.datetime.now(dt.UTC)
        for name, seconds, work in jobs:
            scheduler.add_job(
                self._job,
                IntervalTrigger(seconds=seconds, timezone=dt.UTC),
                args=(name, work),
                id=name,
                next_run_time=now,
            )
        return scheduler

    def _look_now(self, scheduler: Any) -> None:
        """The clock was set: what the scheduler has planned by the old one means nothing."""
        self.tell(Event(self.clock(), Kind.CLOCK_CHANGED, "the clock of this machine was set"))
        for job in scheduler.get_jobs():
            with suppress(LookupError):
                job.modify(next_run_time=dt.datetime.now(dt.UTC))

    def _job(self, name: str, work: Callable[[], None]) -> None:
        if self._stop.is_set() or not self.trouble.may_try(name):
            return
        self._busy.add(name)
        try:
            work()
        except Stopped:
            return
        except StoreVersionError as error:
            self._end_with(error)
            return
        except Exception as error:
            if self._stop.is_set():
                return
            known = of_the_store(error)
            if known is None and not isinstance(error, SegctlError):
                # A bug must not end the work on everything else, and must be seen.
                self.tell(
                    Event(
                        self.clock(),
                        Kind.WARNING,
                        f"bug in the {name}: {error}",
                        {"traceback": traceback.format_exc()},
                    )
                )
            self.trouble.failed(name, known or SegctlError(f"the {name}: {error}"))
            return
        finally:
            self._busy.discard(name)
        self.trouble.over(name)

    def _end_with(self, error: BaseException) -> None:
        self._fatal = error
        self._stop.set()

    # ------------------------------------------------------------ jobs

    def _register(self) -> None:
        if self._id is None:
            kind = self.options.type.value if self.options.type else None
            lanes = ",".join(lane.name.value for lane in self.lanes)
            self._id = daemons.register(
                self._main, self.owner, lanes=lanes, type=kind, now=self.clock()
            )

    def _heartbeat(self) -> None:
        self._register()
        assert self._id is not None
        daemons.beat(self._main, self._id, running=self.tally.running, counters=self.tally.counts)
        moved = reanchor(self._main, self.clock())
        if moved:
            text = f"the clock was set back: {moved} segments are due within their interval"
            self.tell(Event(self.clock(), Kind.CLOCK_CHANGED, text, {"segments": moved}))

    def _prune(self) -> None:
        with self._open_for_a_while() as store:
            gone = stores.prune(store, now=self.clock(), actor=self.options.actor)
            deliveries = hooks.prune(store, now=self.clock())
        if gone.trace or gone.changes or gone.runs or deliveries:
            text = (
                f"pruned {gone.trace:,} trace rows, {gone.changes:,} member changes, "
                f"{gone.runs:,} runs, {deliveries:,} deliveries"
            )
            self.tell(Event(self.clock(), Kind.PRUNED, text))

    def _deliver(self, hook: Hook, store: Store) -> None:
        try:
            secret = self.options.secret(hook)
        except ConfigError as error:
            self.trouble.failed(f"hook {hook.name}", error)
            return
        while not self._stop.is_set():
            attempt = hooks.deliver_next(
                store,
                hook,
                secret,
                now=self.clock(),
                environ=self.options.environ,
                stopped=self._stop.is_set,
            )
            if attempt is None:
                return
            self._tell_attempt(attempt)

    def _tell_attempt(self, attempt: hooks.Attempt) -> None:
        delivery = attempt.delivery
        what = f'hook "{delivery.hook}", run {delivery.run} of "{delivery.segment}"'
        fields = {
            "hook": delivery.hook,
            "delivery": delivery.id,
            "segment": delivery.segment,
            "run": delivery.run,
            "attempts": delivery.attempts,
            "error": attempt.error,
        }
        if attempt.error is None:
            self.tally.add("hooks_delivered")
            kind, text = Kind.HOOK_DELIVERED, f"{what}: delivered"
        else:
            self.tally.add("hooks_failed")
            kind, text = Kind.HOOK_FAILED, f"{what}: {attempt.error}"
            if attempt.dead:
                kind = Kind.HOOK_DEAD
                text += f" (given up; segctl hooks retry {delivery.id})"
            self.tally.error(text)
        self.tell(Event(self.clock(), kind, text, fields))

    def _start_metrics(self) -> None:
        if self.options.metrics_address is None and self.options.metrics_file is None:
            return
        from segctl.daemon.metrics import Metrics

        self._metrics = Metrics(self.tally, self._open(), self.clock)
        if self.options.metrics_address is not None:
            self._metrics.serve(*self.options.metrics_address)

    def _write_metrics(self) -> None:
        assert self.options.metrics_file is not None
        self._metrics.write(self.options.metrics_file)

    # ------------------------------------------------------------ the end

    def _shut_down(self, scheduler: Any) -> None:
        """End what runs, give the leases back, say goodbye; within ten seconds."""
        self._stop.set()
        with suppress(Exception):
            self.tell(Event(self.clock(), Kind.STOPPING, "stopping"))
        if scheduler.running:
            scheduler.shutdown(wait=False)
        end = time.monotonic() + FAREWELL
        pause = 0.1
        while self._at_work() and time.monotonic() < end:
            for lane in self.lanes:
                if f"{lane.name} lane" in self._busy:
                    lane.store.interrupt()
            # Longer each time: giving the leases back is a statement, too.
            limit = min(time.monotonic() + pause, end)
            while self._at_work() and time.monotonic() < limit:
                time.sleep(0.02)
            pause *= 2
        if self._metrics is not None:
            self._metrics.close()
        self._leave()
        with suppress(Exception):
            self.tell(Event(self.clock(), Kind.STOPPED, "stopped", dict(self.tally.counts)))

    def _at_work(self) -> bool:
        """Whether a lane or a hook still runs; nothing else is worth waiting for."""
        return any(
            not name.startswith(("heartbeat", "prune", "metrics")) for name in set(self._busy)
        )

    def _leave(self) -> None:
        """The store hears of it if it can."""
        if self._id is not None:
            with suppress(SegctlError, sax.DBAPIError):
                store = connect(self.url, busy_timeout=1.5, connect_timeout=1)
                with store:
                    daemons.leave(store, self._id, self.owner, now=self.clock())
            self._id = None
        if not self._busy:
            for store in self._opened:
                store.close()

    # ------------------------------------------------------------ small things

    def look(self) -> Status | None:
        """The workspace for the display, from the thread of `run`; None if the store is away."""
        try:
            return status(self._display, now=self.clock(), type=self.options.type)
        except Exception as error:
            if of_the_store(error) is None:
                raise
            return None

    def tell(self, event: Event) -> None:
        with self._telling:
            self._tell_others(event)

    def _open(self) -> Store:
        """A store opened by its first transaction: it may be away when the daemon starts."""
        store = self._open_for_a_while()
        self._opened.append(store)
        return store

    def _open_for_a_while(self) -> Store:
        return connect(
            self.url,
            busy_timeout=self.options.busy_timeout,
            connect_timeout=self.options.connect_timeout,
        )

    def _lost(self, error: SegctlError, wait: float) -> None:
        self.tally.error(error.message)
        text = f"{error.message}; tried again after {wait:g} s, and longer each time"
        self.tell(Event(self.clock(), Kind.STORE_LOST, text, {"error": error.message}))

    def _back(self) -> None:
        self.tell(Event(self.clock(), Kind.STORE_BACK, "the store answers again"))
