"""Random catalogs, conditions, record graphs and clocks for property tests.

How to use it
-------------
    @given(cases())                           # everything for one example of agreement
    def test_…(case): case.condition, case.workspace, case.clock, case.type

    conditions(ObjectType.DEAL, CATALOG)      # a typed tree as the parser would make it
    conditions(…, segments={})                # without references to segments
    conditions(…, kinds={Comparison, Not})    # only those nodes (a leaf is always possible)
    workspaces(CATALOG, clock, mentioned(condition))    # a small graph; only these are filled
    clocks()                                  # DST nights, month ends, leap days, years 1 and 9999
    catalogs()                                # CATALOG, the bare standard one, or a random one

`CATALOG` has a custom attribute of every kind on most types and events; a test against a real
store sets it up once and loads workspaces into it (`loading.load`). `SEGMENTS` are the segments
that random conditions refer to: `SEGMENTS[type]` is a tuple of (id, name), the ids are stable, and
`SegmentPool(SEGMENTS)` is what the parser asks for names (`find`, `names`).

A `Workspace` is a graph in memory: `workspace.records(type)` are Records for truth.holds(). Values
come from small pools that records and conditions share, and times lie on and just beside the bounds
that the condition's own time forms have at the clock, so comparisons are often true.

Trees are canonical: And/Or flat and of two items or more, lists without repeats, units that fit the
type, reversed bounds only where they depend on the clock.

The parts: pools.py (what is drawn from) ← trees.py (conditions) ← graphs.py (records, cases).
"""

from tests.conditions.graphs import Case, Row, Workspace, cases, moments_near, workspaces
from tests.conditions.pools import (
    AMOUNTS,
    CATALOG,
    DATES,
    NOON,
    SEGMENTS,
    SegmentPool,
    catalogs,
    clocks,
    dates,
    instants,
    naive_datetimes,
    pick,
    some,
)
from tests.conditions.trees import NODES, conditions, mentioned, parts

__all__ = [
    "AMOUNTS",
    "CATALOG",
    "DATES",
    "NODES",
    "NOON",
    "SEGMENTS",
    "Case",
    "Row",
    "SegmentPool",
    "Workspace",
    "cases",
    "catalogs",
    "clocks",
    "conditions",
    "dates",
    "instants",
    "mentioned",
    "moments_near",
    "naive_datetimes",
    "parts",
    "pick",
    "some",
    "workspaces",
]
