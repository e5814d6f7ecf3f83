"""The segments that a record is in."""

import pytest

from segctl.catalog import ObjectType
from segctl.errors import NotFound
from segctl.services.memberships import of_record
from segctl.store.opening import Store
from tests.conftest import NOW
from tests.engine.workspace import companies, recalc, segment, sql


def test_a_records_segments_are_those_that_count_it(store: Store):
    small, big = companies(store, [10, 60])
    segment(store, "Big", "size > 50")
    segment(store, "All", "everything")
    segment(store, "Deals", "everything", type="deal")
    recalc(store)
    segment(store, "Uncounted", "everything")
    found = of_record(store, ObjectType.COMPANY, f"#{big}")
    assert found.record_id == big
    assert [one.segment.name for one in found.of] == ["All", "Big"]
    assert all(one.since is not None and one.since >= NOW for one in found.of)
    assert [o.segment.name for o in of_record(store, ObjectType.COMPANY, f"#{small}").of] == ["All"]


def test_since_when_is_unknown_without_history(store: Store):
    [id] = companies(store, [60])
    segment(store, "Big", "size > 50")
    recalc(store)
    sql(store, "DELETE FROM recalculation")
    [one] = of_record(store, ObjectType.COMPANY, f"#{id}").of
    assert one.since is None


def test_an_unknown_record_is_not_found(store: Store):
    with pytest.raises(NotFound):
        of_record(store, ObjectType.COMPANY, "nobody")
