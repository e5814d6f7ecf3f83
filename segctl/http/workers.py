"""Threads that work on the store, each with a Store of its own: a Store is for one thread.

Work that waits too long in the queue, or takes too long, is given up; see `Workers.run`.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
import queue
import threading
import time
from typing import Any, Generic, TypeVar

from segctl.errors import Busy, SegctlError, StoreError
from segctl.services.decision_rules import RuleCache
from segctl.store.opening import Store

Result = TypeVar("Result")

WAITING = 64
"""Requests that may wait for each worker; more would only wait to be given up."""

ENDING = 5.0
"""Seconds in which a statement is interrupted until it has ended."""
PAUSE = 0.1


class TimedOut(SegctlError):
    """The server gave the work up after its time limit."""

    code = "timeout"


def going_down() -> Busy:
    return Busy("the server is going down", hint="try again in a moment", reason="closing")


class Desk:
    """What a worker works with: its own store, and the assignment rules as it last read them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rules = RuleCache()


Work = Callable[[Desk], Result]


class _Job(Generic[Result]):
    """Some work and its result. `desk` is set once it is being done."""

    def __init__(self, work: Work[Result]) -> None:
        self.work = work
        self.future: Future[Result] = Future()
        self.desk: Desk | None = None


class Workers:
    """`number` threads. `open_store` is called in each when it first has something to do."""

    def __init__(self, number: int, open_store: Callable[[], Store], name: str) -> None:
        self._open_store = open_store
        self._queue: queue.Queue[_Job[Any] | None] = queue.Queue(number * WAITING)
        self._closing = threading.Event()
        self._busy: set[_Job[Any]] = set()
        self._lock = threading.Lock()
        self._threads = [
            # Daemons, so that one that hangs cannot keep the process from ending.
            threading.Thread(target=self._work, name=f"{name}-{n}", daemon=True)
            for n in range(number)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def closing(self) -> bool:
        """Whether the server is going down, and what runs should come to an end."""
        return self._closing.is_set()

    def submit(self, work: Work[Result]) -> _Job[Result]:
        """Queue some work; Busy if too much is waiting already."""
        job = _Job(work)
        if self._closing.is_set():
            raise going_down()
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            raise Busy(
                "too many requests are waiting", hint="try again in a moment", reason="queue"
            ) from None
        return job

    async def run(self, work: Work[Result], seconds: float) -> Result:
        """The result of the work. TimedOut after so many seconds: what runs then is interrupted."""
        job = self.submit(work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(job.future), seconds)
        except TimeoutError:
            # Not in this thread: a server may take a while to hear that it should stop.
            await asyncio.to_thread(self._end, [job], ENDING)
            raise TimedOut(
                f"it took longer than {seconds:g} s and was given up",
                hint="try again; whether a change was made is unknown until then",
            ) from None

    async def run_or_leave(self, work: Work[Result], seconds: float) -> Result | None:
        """The result, or None if it takes longer: then it goes on by itself."""
        job = self.submit(work)
        waited = asyncio.wrap_future(job.future)
        try:
            return await asyncio.wait_for(asyncio.shield(waited), seconds)
        except TimeoutError:
            waited.add_done_callback(lambda done: done.cancelled() or done.exception())
            return None

    def close(self, seconds: float) -> None:
        """Take no more work, and end what runs within so many seconds."""
        if self._closing.is_set():
            return
        self._closing.set()
        left = []
        with suppress(queue.Empty):
            while (job := self._queue.get_nowait()) is not None:
                left.append(job)
        with self._lock:
            jobs = [*left, *self._busy]
        self._end(jobs, seconds)
        for job in jobs:
            # Whoever waits for it is told; the thread dies with the process.
            with suppress(InvalidStateError):
                job.future.set_exception(going_down())
        for _ in self._threads:
            with suppress(queue.Full):
                self._queue.put_nowait(None)

    def _end(self, jobs: Sequence[_Job[Any]], seconds: float) -> None:
        """Interrupt jobs until they have ended, or the time is over.

        Again and again, because an interruption between two statements stops neither.
        """
        until = time.monotonic() + seconds
        while True:
            with self._lock:  # or one might be over, and the next one's statement be stopped
                running = [job for job in jobs if job in self._busy and job.desk is not None]
                for job in running:
                    assert job.desk is not None
                    job.desk.store.interrupt()
            if not running or time.monotonic() >= until:
                return
            time.sleep(PAUSE)

    def _work(self) -> None:
        desk: Desk | None = None
        while (job := self._queue.get()) is not None:
            if not job.future.set_running_or_notify_cancel():
                continue
            try:
                desk = desk or Desk(self._open_store())
                job.desk = desk
                with self._lock:
                    self._busy.add(job)
                result = job.work(desk)
            except BaseException as error:
                with suppress(InvalidStateError):  # it was given up
                    job.future.set_exception(error)
                if desk is not None and isinstance(error, StoreError):
                    desk.store.close()  # connections to a store that was away are no good
                    desk = None
            else:
                with suppress(InvalidStateError):
                    job.future.set_result(result)
            finally:
                with self._lock:
                    self._busy.discard(job)
        if desk is not None:
            desk.store.close()
