"""Metrics for Prometheus, over HTTP or as a file for node_exporter's textfile collector."""

from collections.abc import Callable, Iterator
import datetime as dt
import os
from pathlib import Path
import tempfile
import threading
from typing import Any

from prometheus_client import CollectorRegistry, Histogram, generate_latest, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
import sqlalchemy.exc as sax

from segctl import __version__
from segctl.daemon.tally import Tally
from segctl.errors import FileError, SegctlError
from segctl.services.status import Status, status
from segctl.store.opening import Store

BUCKETS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 900)


class Metrics:
    """What the store says when it is asked, and what this daemon has done."""

    def __init__(self, tally: Tally, store: Store, clock: Callable[[], dt.datetime]) -> None:
        self._tally = tally
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._server: Any = None
        self._registry = CollectorRegistry()
        self._durations = Histogram(
            "segctl_recalculation_seconds",
            "How long recalculations of this daemon took",
            ["lane"],
            buckets=BUCKETS,
            registry=self._registry,
        )
        tally.observe_with(self.observe)
        self._registry.register(self)

    def observe(self, lane: str, seconds: float) -> None:
        self._durations.labels(lane).observe(seconds)

    def serve(self, address: str, port: int) -> None:
        """Answer scrapes; FileError if the port is taken."""
        try:
            self._server, _ = start_http_server(port, addr=address, registry=self._registry)
        except OSError as error:
            raise FileError(
                f"metrics cannot be served on {address} port {port}: {error.strerror or error}",
                hint="choose another --metrics-port",
            ) from error

    def write(self, path: Path) -> None:
        """Replace the file by one with the present values; readers see the old or the new one."""
        text = generate_latest(self._registry)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def close(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()

    # ------------------------------------------------------------ prometheus-client's collector

    def describe(self) -> list[Any]:
        """Nothing is collected when the collector is registered."""
        return []

    def collect(self) -> Iterator[Any]:
        info = GaugeMetricFamily("segctl_info", "The version of the daemon", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        for name, number in self._tally.counts.items():
            yield CounterMetricFamily(f"segctl_{name}", _HELP[name], value=number)
        yield _gauge("daemon_running", "Segments that this daemon recalculates", self._running())
        try:
            with self._lock:
                seen = status(self._store, now=self._clock())
        except (SegctlError, sax.DBAPIError):
            yield _gauge("store_up", "Whether the store answers", 0)
            return
        yield _gauge("store_up", "Whether the store answers", 1)
        yield from _of_the_store(seen)

    def _running(self) -> int:
        return len(self._tally.running)


_HELP = {
    "recalculated": "Recalculations that this daemon has stored",
    "failed": "Recalculations of this daemon that failed",
    "entered": "Records that entered segments in recalculations of this daemon",
    "left": "Records that left segments in recalculations of this daemon",
    "taken_over": "Leases that this daemon took over from processes that ended or fell silent",
    "hooks_delivered": "Deliveries that hooks have taken",
    "hooks_failed": "Attempts to deliver that failed",
}


def _of_the_store(seen: Status) -> Iterator[Any]:
    numbers = {
        "daemons": ("Daemons that are alive", sum(d.alive for d in seen.daemons)),
        "segments": ("Segments", len(seen.segments)),
        "segments_due": ("Segments that are due", len(seen.due)),
        "segments_running": ("Segments that some process recalculates", len(seen.running)),
        "segments_late": ("Segments that have been due for more than a minute", len(seen.late)),
        "segments_failed": ("Segments whose last recalculation failed", len(seen.failed)),
        "segments_parked": ("Segments that wait for a person", len(seen.parked)),
        "segments_too_heavy": ("Segments that are too heavy", len(seen.too_heavy)),
        "segments_never_counted": ("Segments that were never counted", len(seen.never_counted)),
        "leases_abandoned": ("Leases of processes that ended or fell silent", seen.abandoned),
        "hook_deliveries_waiting": ("Deliveries that wait", seen.hooks_waiting),
        "hook_deliveries_dead": ("Deliveries that were given up", seen.hooks_dead),
    }
    for name, (help, number) in numbers.items():
        yield _gauge(name, help, number)
    oldest = seen.oldest
    if oldest is not None and oldest.last_counted_at is not None:
        age = (seen.at - oldest.last_counted_at).total_seconds()
        yield _gauge("oldest_count_age_seconds", "Age of the oldest count with an interval", age)
    members = GaugeMetricFamily("segctl_members", "Members as last counted", labels=_LABELS)
    durations = GaugeMetricFamily(
        "segctl_last_duration_seconds", "How long the last recalculation took", labels=_LABELS
    )
    for segment in seen.segments:
        labels = [segment.type.value, segment.name]
        if segment.count is not None:
            members.add_metric(labels, segment.count)
        if segment.last_duration is not None:
            durations.add_metric(labels, segment.last_duration)
    yield members
    yield durations


_LABELS = ["type", "segment"]


def _gauge(name: str, help: str, value: float) -> Any:
    return GaugeMetricFamily(f"segctl_{name}", help, value=value)
