"""Noticing that the clock of the machine was set."""

import time

JUMP = 2.0
"""Seconds by which the clock may go another way than time does, before it counts as set."""


class ClockWatch:
    """Whether the wall clock goes another way than time does."""

    def __init__(self) -> None:
        self._offset = self._now()

    def _now(self) -> float:
        return time.time() - time.monotonic()

    def jumped(self) -> bool:
        before, self._offset = self._offset, self._now()
        return abs(self._offset - before) > JUMP
