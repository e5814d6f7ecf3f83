"""The canonical form: what prints, and that it is read back as the same tree."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.conditions.parser import parse
from segctl.conditions.printer import definition_text, to_text
from tests.conditions.strategies import CATALOG, SEGMENTS, SegmentPool, conditions

NAMES = SegmentPool(SEGMENTS)


@given(st.data(), st.sampled_from(SEGMENT_TYPES))
def test_a_printed_tree_is_read_back_as_the_same_tree(data: st.DataObject, type: ObjectType) -> None:
    tree = data.draw(conditions(type, CATALOG, aggregate_is_set=True))
    assert parse(to_text(tree), type, CATALOG, NAMES) == tree
