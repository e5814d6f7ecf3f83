"""What a daemon is doing and has done, for its heartbeat, its display and its metrics."""

from collections import deque
from collections.abc import Callable
import datetime as dt
import threading
from typing import Any

from segctl.services.outcomes import Outcome
from segctl.services.segment_views import SegmentView

NAMES = (
    "recalculated",
    "failed",
    "entered",
    "left",
    "taken_over",
    "hooks_delivered",
    "hooks_failed",
)
ERRORS_KEPT = 5


class Tally:
    """Counts, from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts = dict.fromkeys(NAMES, 0)
        self._running: dict[int, dict[str, Any]] = {}
        self._errors: deque[str] = deque(maxlen=ERRORS_KEPT)
        self._observe: Callable[[str, float], None] = lambda lane, seconds: None

    def observe_with(self, observe: Callable[[str, float], None]) -> None:
        """Have each duration handed over, in seconds, with its lane."""
        self._observe = observe

    def add(self, name: str, number: int = 1) -> None:
        with self._lock:
            self._counts[name] += number

    def started(self, view: SegmentView, lane: str, now: dt.datetime) -> None:
        with self._lock:
            self._running[view.id] = {
                "id": view.id,
                "name": view.name,
                "type": view.type.value,
                "lane": lane,
                "since": now.isoformat(),
            }

    def finished(self, outcome: Outcome, lane: str) -> None:
        with self._lock:
            self._running.pop(outcome.segment_id, None)
            if outcome.done:
                self._counts["recalculated"] += 1
                self._counts["entered"] += outcome.entered or 0
                self._counts["left"] += outcome.left or 0
        if outcome.done:
            self._observe(lane, outcome.duration)

    def idle(self, lane: str) -> None:
        """The lane runs nothing now."""
        with self._lock:
            for id in [id for id, row in self._running.items() if row["lane"] == lane]:
                del self._running[id]

    def error(self, text: str) -> None:
        with self._lock:
            self._errors.append(text)

    @property
    def running(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._running.values())

    @property
    def counts(self) -> dict[str, int]:
        with self._lock:
            return dict(self._counts)

    @property
    def errors(self) -> list[str]:
        """The last ones, the newest last."""
        with self._lock:
            return list(self._errors)
