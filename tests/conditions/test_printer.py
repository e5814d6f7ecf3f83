"""The canonical form is read back as the same tree."""

from hypothesis import given, settings
from hypothesis import strategies as st

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.conditions.parser import parse
from segctl.conditions.printer import definition_text, to_text
from segctl.conditions.walk import segments
from tests.conditions.strategies import CATALOG, SEGMENTS, SegmentPool, conditions

NAMES = SegmentPool(SEGMENTS)


@given(st.data(), st.sampled_from(SEGMENT_TYPES))
@settings(max_examples=settings().max_examples * 5)
def test_a_printed_tree_is_read_back_as_the_same_tree(
    data: st.DataObject, type: ObjectType
) -> None:
    tree = data.draw(conditions(type, CATALOG, aggregate_is_set=True))
    text = to_text(tree)
    assert parse(text, type, CATALOG, NAMES) == tree
    assert "\n" not in text


@given(st.data(), st.sampled_from(SEGMENT_TYPES))
def test_the_canonical_form_of_a_canonical_form_is_itself(
    data: st.DataObject, type: ObjectType
) -> None:
    text = to_text(data.draw(conditions(type, CATALOG)))
    assert to_text(parse(text, type, CATALOG, NAMES)) == text


@given(st.data(), st.sampled_from(SEGMENT_TYPES))
def test_equal_trees_have_one_definition_and_it_names_no_segment(
    data: st.DataObject, type: ObjectType
) -> None:
    tree = data.draw(conditions(type, CATALOG))
    definition = definition_text(tree)
    assert definition == definition_text(parse(to_text(tree), type, CATALOG, NAMES))
    for id in segments(tree):
        assert f"in segment #{id}" in definition
    if not segments(tree):
        assert definition == to_text(tree)


@given(st.text())
def test_any_text_can_be_quoted(text: str) -> None:
    from segctl.conditions.literals import quote

    if text and "\x00" not in text:
        printed = f"city = {quote(text)}"
        assert to_text(parse(printed, ObjectType.CONTACT, CATALOG, NAMES)) == printed
