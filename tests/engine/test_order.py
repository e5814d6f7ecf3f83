"""Dependencies first, and cycles found."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.engine.order import Cycle, all_references, find_cycle, in_order


def test_what_is_read_comes_first():
    assert in_order([1, 2, 3], {1: {3}, 3: {2}}) == [2, 3, 1]


def test_segments_without_references_stay_in_the_order_given():
    assert in_order([3, 1, 2], {}) == [3, 1, 2]


def test_a_reference_through_a_segment_that_is_not_in_the_batch_counts():
    assert in_order([1, 3], {1: {2}, 2: {3}}) == [3, 1]


def test_a_diamond_is_fine():
    order = in_order([1, 2, 3, 4], {1: {2, 3}, 2: {4}, 3: {4}})
    assert order[0] == 4
    assert order[-1] == 1


def test_a_cycle_is_named_from_start_to_start():
    with pytest.raises(Cycle) as raised:
        in_order([1], {1: {2}, 2: {3}, 3: {2}})
    assert raised.value.path == (2, 3, 2)


def test_a_segment_that_would_read_itself_is_a_cycle():
    cycle = find_cycle(1, {1}, {})
    assert cycle is not None
    assert cycle.path == (1, 1)


def test_a_new_reference_that_closes_a_circle_is_found():
    cycle = find_cycle(1, {2}, {2: {3}, 3: {1}})
    assert cycle is not None
    assert cycle.path == (1, 2, 3, 1)


def test_what_a_segment_read_before_does_not_matter():
    assert find_cycle(1, {3}, {1: {2}, 2: {1}}) is None


def test_a_long_chain_is_no_recursion():
    chain = {n: {n + 1} for n in range(20_000)}
    assert in_order([0, 20_000], chain) == [20_000, 0]


def test_all_references_are_the_transitive_ones():
    assert all_references([1], {1: {2}, 2: {3}, 4: {5}}) == {2, 3}


@given(st.dictionaries(st.integers(0, 12), st.sets(st.integers(0, 12), max_size=3)))
def test_any_graph_is_ordered_or_has_a_cycle(references: dict[int, set[int]]):
    segments = list(range(13))
    cycle = None
    try:
        order = in_order(segments, references)
    except Cycle as found:
        cycle = found.path
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert all(b in references[a] for a, b in pairwise(cycle))
        return
    assert sorted(order) == segments
    place = {segment: n for n, segment in enumerate(order)}
    assert all(place[r] < place[s] for s, read in references.items() for r in read)
