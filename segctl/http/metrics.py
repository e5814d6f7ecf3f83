"""GET /metrics: the server's own numbers, and those of the segments, in Prometheus' text format."""

from collections.abc import Iterable, Sequence
import datetime as dt

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric

from segctl.services.segment_views import SegmentView

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts of this process since it started."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "segctl_http_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self.seconds = Histogram(
            "segctl_http_request_seconds",
            "How long answers took.",
            ["method", "route"],
            registry=self.registry,
        )
        self.conversations = Counter(
            "segctl_conversations_opened",
            "Conversations opened, by whether a rule assigned them.",
            ["assigned"],
            registry=self.registry,
        )
        self.told = Counter(
            "segctl_chatwoot_assignments",
            "Assignments that Chatwoot was told of, by outcome: done, retried, failed.",
            ["outcome"],
            registry=self.registry,
        )

    def text(self, views: Sequence[SegmentView] | None, now: dt.datetime) -> bytes:
        """All of it; `views` is None if the store did not answer."""
        of_store = CollectorRegistry()
        of_store.register(_Segments(views, now))
        return generate_latest(self.registry) + generate_latest(of_store)


class _Segments:
    """What the store says of its segments at one moment."""

    def __init__(self, views: Sequence[SegmentView] | None, now: dt.datetime) -> None:
        self._views = views
        self._now = now

    def collect(self) -> Iterable[Metric]:
        up = GaugeMetricFamily("segctl_store_up", "Whether the store answers.")
        up.add_metric([], 0 if self._views is None else 1)
        yield up
        if self._views is None:
            return
        labels = ["id", "name", "type"]
        count = GaugeMetricFamily(
            "segctl_segment_members", "Members as last counted.", labels=labels
        )
        age = GaugeMetricFamily(
            "segctl_segment_age_seconds", "How long ago that was.", labels=labels
        )
        failed = GaugeMetricFamily(
            "segctl_segment_failed", "Whether the last recalculation failed.", labels=labels
        )
        failures = GaugeMetricFamily("segctl_segment_failures", "Failures in a row.", labels=labels)
        stale = GaugeMetricFamily(
            "segctl_segment_stale",
            "Whether the members are those of an earlier definition.",
            labels=labels,
        )
        heavy = GaugeMetricFamily(
            "segctl_segment_too_heavy", "Whether it is flagged as too heavy.", labels=labels
        )
        for view in self._views:
            of = [str(view.id), view.name, view.type.value]
            if view.count is not None:
                count.add_metric(of, view.count)
            if view.last_counted_at is not None:
                age.add_metric(of, (self._now - view.last_counted_at).total_seconds())
            failed.add_metric(of, view.error is not None)
            failures.add_metric(of, view.failures)
            stale.add_metric(of, view.stale)
            heavy.add_metric(of, view.too_heavy)
        yield from (count, age, failed, failures, stale, heavy)
