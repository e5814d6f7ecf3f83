"""Failures: of which kind, when again, when not any more."""

import datetime as dt

import pytest

from segctl.engine.commit import DefinitionChanged
from segctl.engine.lease import LeaseLost
from segctl.errors import (
    Busy,
    ConditionError,
    GuardStopped,
    NotFound,
    SegctlError,
    StoreError,
)
from segctl.services import attributes, failures, schedule, segments
from segctl.services.failures import PARKED_AFTER, ErrorClass, classify, wait_after
from segctl.services.outcomes import failure
from segctl.services.schedule import Reason, State
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.daemon.test_schedule import due, one
from tests.engine.workspace import ACTOR, edit, recalc, segment, sql
from tests.segments.test_recalculation import break_

MINUTE = dt.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConditionError("x"), ErrorClass.DEFINITION),
        (GuardStopped("x"), ErrorClass.GUARD),
        (SegctlError("x", reference="Base"), ErrorClass.REFERENCE),
        (Busy("x", reason="locked"), ErrorClass.STORE),
        (StoreError("x", reason="no_answer"), ErrorClass.STORE),
        (StoreError("the disk is full"), ErrorClass.STORE),
        (StoreError("x", reason="cancelled"), ErrorClass.ERROR),
        (SegctlError("the store refused"), ErrorClass.ERROR),
        (Busy("x", reason="lease"), None),
        (LeaseLost("x"), None),
        (DefinitionChanged("x"), None),
        (NotFound("x"), None),
    ],
)
def test_failures_have_a_class(error: SegctlError, kind: ErrorClass | None):
    assert classify(error) is kind


def test_the_wait_doubles_up_to_a_quarter_of_an_hour():
    waits = [wait_after(n).total_seconds() for n in range(1, 9)]
    assert waits == [30, 60, 120, 240, 480, 900, 900, 900]
    assert wait_after(10_000) == dt.timedelta(minutes=15)


def fail(
    store: Store, name: str, error: SegctlError, now: dt.datetime = NOW
) -> list[failures.Setback]:
    outcome = failure(segments.find(store, name), "it was due", error, 0.1)
    return failures.note_failures(store, [outcome], now)


def test_a_failed_segment_is_tried_again_later(store: Store):
    segment(store, "Big", "size > 50")
    (setback,) = fail(store, "Big", SegctlError("no luck"))
    assert setback.failing.retry_at == NOW + dt.timedelta(seconds=30)
    assert due(store, NOW) == []
    assert one(store, "Big").state(NOW) is State.RETRYING
    assert due(store, NOW + MINUTE) == ["Big"]
    assert one(store, "Big").reason is Reason.RETRY
    assert one(store, "Big").error == "no luck"


def test_ten_failures_in_a_row_park_a_segment(store: Store):
    segment(store, "Big", "size > 50")
    for number in range(1, PARKED_AFTER + 1):
        (setback,) = fail(store, "Big", SegctlError("no luck"), NOW + number * MINUTE)
        assert setback.failing.failures == number
        assert setback.failing.parked is (number == PARKED_AFTER)
    assert due(store, NOW + dt.timedelta(days=30)) == []
    assert one(store, "Big").state(NOW) is State.PARKED
    assert one(store, "Big").lag(NOW + MINUTE) == MINUTE


def test_a_store_that_is_away_never_parks_a_segment(store: Store):
    segment(store, "Big", "size > 50")
    for _ in range(PARKED_AFTER + 5):
        (setback,) = fail(store, "Big", Busy("locked", reason="locked"))
    assert not setback.failing.parked
    assert setback.failing.retry_at == NOW + dt.timedelta(minutes=15)
    # The store's failures are not the segment's.
    (setback,) = fail(store, "Big", SegctlError("no luck"))
    assert setback.failing.failures == 1


def test_a_guard_is_asked_again_when_the_interval_is_over(store: Store):
    segment(store, "Big", "size > 50", interval=240)
    fail(store, "Big", GuardStopped("too much"))
    assert due(store, NOW + dt.timedelta(hours=3)) == []
    assert due(store, NOW + dt.timedelta(hours=4)) == ["Big"]


def test_a_bad_definition_stops_the_segment_until_it_is_edited(store: Store):
    segment(store, "Big", "size > 50")
    break_(store, "Big")
    error = recalc(store)["Big"].error
    assert error is not None
    (setback,) = fail(store, "Big", error)
    assert setback.failing.stopped
    assert setback.failing.retry_at is None
    assert one(store, "Big").state(NOW) is State.STOPPED
    assert due(store, NOW + dt.timedelta(days=30)) == []
    edit(store, "Big", where="size > 60")
    assert due(store, NOW) == ["Big"]


def test_a_bad_definition_is_tried_again_when_attributes_have_changed(store: Store):
    from tests.store.test_migrations import SECTOR

    segment(store, "Big", "size > 50")
    fail(store, "Big", ConditionError("no attribute"))
    assert due(store, NOW) == []
    attributes.add(store, SECTOR, now=NOW, actor=ACTOR)
    assert due(store, NOW) == ["Big"]


def test_a_recalculation_by_hand_forgets_the_failures(store: Store):
    segment(store, "Big", "size > 50")
    for _ in range(PARKED_AFTER):
        fail(store, "Big", SegctlError("no luck"))
    recalc(store)
    assert one(store, "Big").failing is None
    assert sql(store, "SELECT count(*) FROM segment_schedule")[0][0] == 0


def test_what_nobody_failed_at_is_not_noted(store: Store):
    segment(store, "Big", "size > 50")
    assert fail(store, "Big", LeaseLost("x")) == []
    outcome = failure(segments.find(store, "Big"), "", SegctlError("x"), 0.0)
    segments.delete(store, "Big", now=NOW, actor=ACTOR)
    assert failures.note_failures(store, [outcome], NOW) == []


def test_a_clock_that_was_set_back_does_not_put_a_retry_off(store: Store):
    segment(store, "Big", "size > 50", interval=30)
    fail(store, "Big", SegctlError("no luck"))
    assert due(store, NOW - dt.timedelta(days=1)) == ["Big"]


# ---------------------------------------------------------------- retry


def audited(store: Store) -> list[tuple[str, str]]:
    rows = sql(store, "SELECT action, subject FROM audit_entry WHERE action = 'retry' ORDER BY id")
    return [tuple(row) for row in rows]


def test_retry_makes_a_parked_segment_due_at_once(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "Other", "size > 60")
    recalc(store)
    for _ in range(PARKED_AFTER):
        fail(store, "Big", SegctlError("no luck"))
    tried = failures.retry(store, ["big"], now=NOW, actor=ACTOR)
    assert [view.name for view in tried] == ["Big"]
    assert due(store, NOW) == ["Big"]
    assert audited(store) == [("retry", "company/Big")]
    recalc(store)
    assert due(store, NOW) == []


def test_retry_of_all_takes_those_that_failed(store: Store):
    segment(store, "Big", "size > 50")
    segment(store, "Fine", "size > 60")
    segment(store, "Deals", "everything", "deal")
    recalc(store, "Fine")
    fail(store, "Big", SegctlError("no luck"))
    fail(store, "Deals", SegctlError("no luck"))
    from segctl.catalog import ObjectType

    assert [v.name for v in failures.retry(store, type=ObjectType.DEAL, now=NOW, actor=ACTOR)] == [
        "Deals"
    ]
    assert [v.name for v in failures.retry(store, now=NOW, actor=ACTOR)] == ["Big"]


def test_retry_takes_what_failed_by_hand_too(store: Store):
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "UPDATE segment_state SET last_error = 'no luck'")
    assert [v.name for v in failures.retry(store, ["Big"], now=NOW, actor=ACTOR)] == ["Big"]
    assert due(store, NOW) == ["Big"]


def test_retry_leaves_what_has_not_failed_alone(store: Store):
    segment(store, "Big", "size > 50")
    assert failures.retry(store, ["Big"], now=NOW, actor=ACTOR) == []
    assert audited(store) == []
    with pytest.raises(NotFound):
        failures.retry(store, ["Bigg"], now=NOW, actor=ACTOR)


def test_a_segments_schedule_goes_with_it(store: Store):
    segment(store, "Big", "size > 50")
    fail(store, "Big", SegctlError("no luck"))
    segments.delete(store, "Big", now=NOW, actor=ACTOR)
    assert schedule.list_schedule(store) == []
    assert sql(store, "SELECT count(*) FROM segment_schedule")[0][0] == 0
