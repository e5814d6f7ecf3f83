"""A store that is busy or away: wait longer and longer, up to a ceiling, and say so once."""

from collections.abc import Callable
import threading
import time

import sqlalchemy.exc as sax

from segctl.errors import Busy, SegctlError, StoreError, StoreVersionError

FIRST_WAIT = 1.0
LONGEST_WAIT = 15 * 60.0
"""Seconds."""

Said = Callable[[str, SegctlError | None], None]


class Trouble:
    """The store as the jobs of one daemon find it; each job waits for itself.

    `lost` is called with the first error and with each that differs from the one before, `back`
    when no job is in trouble any more.
    """

    def __init__(
        self, lost: Callable[[SegctlError, float], None], back: Callable[[], None]
    ) -> None:
        self._lost = lost
        self._back = back
        self._lock = threading.Lock()
        self._waits: dict[str, tuple[float, float]] = {}
        self._said: str | None = None

    def may_try(self, job: str) -> bool:
        """Whether the job has waited long enough."""
        with self._lock:
            return time.monotonic() >= self._waits.get(job, (0.0, 0.0))[0]

    def failed(self, job: str, error: SegctlError) -> None:
        """The job found the store busy or away."""
        with self._lock:
            _, last = self._waits.get(job, (0.0, 0.0))
            wait = min(last * 2 or FIRST_WAIT, LONGEST_WAIT)
            self._waits[job] = (time.monotonic() + wait, wait)
            new = self._said != error.message
            self._said = error.message
        if new:
            self._lost(error, wait)

    def over(self, job: str) -> None:
        """The job got through."""
        with self._lock:
            if self._waits.pop(job, None) is None or self._waits:
                return
            self._said = None
        self._back()

    @property
    def lasting(self) -> str | None:
        """What is wrong with the store just now, None if nothing is."""
        return self._said


def of_the_store(error: Exception) -> SegctlError | None:
    """The error as one of the store that may pass; None if it is anything else."""
    if isinstance(error, StoreVersionError):
        return None
    if isinstance(error, Busy | StoreError):
        return error
    if isinstance(error, sax.DBAPIError):
        return StoreError(" ".join(str(error.orig).split()))
    return None
