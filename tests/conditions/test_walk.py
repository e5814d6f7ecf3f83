"""What a condition reads."""

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.catalog import SEGMENT_TYPES, Attribute, ObjectType, Relation
from segctl.conditions import nodes as n
from segctl.conditions import walk
from segctl.conditions.parser import parse
from tests.conditions import strategies
from tests.conditions.names import CATALOG, NAMES

T = ObjectType


def read(text: str, type: ObjectType = T.CONTACT) -> n.Condition:
    return parse(text, type, CATALOG, NAMES)


def names(text: str, type: ObjectType = T.CONTACT) -> set[str]:
    return {str(attribute) for attribute in walk.attributes(read(text, type))}


def relations(text: str, type: ObjectType = T.CONTACT) -> set[str]:
    return {str(relation) for relation in walk.relations(read(text, type))}


def test_the_attributes_of_every_type_it_names_are_found() -> None:
    text = (
        'not (city = "x" or company.industry is set) and any company.deals (value > 1)'
        ' and sum(deals.probability where name = "x") > 3 and any tags (item = "a")'
        " and count(company.tags) > 1"
    )
    assert names(text) == {
        "contact.city",
        "company.industry",
        "deal.value",
        "deal.probability",
        "deal.name",
        "contact.tags",
        "company.tags",
    }


def test_event_forms_read_the_name_and_the_time_where_they_ask_for_it() -> None:
    assert names('event "x"') == {"event.name"}
    assert names('event "x" in last 3 days') == {"event.name", "event.occurred_at"}
    assert names('first event "x" where paid with (amount > 3)') == {
        "event.name",
        "event.occurred_at",
        "event.paid",
        "event.amount",
    }


def test_the_relations_that_it_follows_are_found() -> None:
    text = (
        'company.industry = "x" and any company.deals (any products (price > 1)) and event "x"'
        ' and company in segment "Big" and count(tickets) > 1'
    )
    assert relations(text) == {
        "contact.company",
        "company.deals",
        "deal.products",
        "contact.events",
        "contact.tickets",
    }
    assert relations("contact.company is set", T.DEAL) == {"deal.contact", "contact.company"}


def test_the_segments_that_it_refers_to_are_found_at_any_depth() -> None:
    text = 'not in segment "VIP" or any deals (in segment "Open" or company in segment "Big")'
    assert walk.segments(read(text)) == {2, 4, 6}
    assert walk.segments(read("vip")) == set()


@pytest.mark.parametrize(
    ("text", "timely", "moving"),
    [
        ("vip", False, False),
        ("created_at is set", False, False),
        ("created_at in last 3 days", True, True),
        ("created_at in this month", True, True),
        ("created_at more than 3 days ago", True, True),
        ("created_at before today", True, True),
        ("created_at between 2026-01-01 and now", True, True),
        ("created_at between 2026-01-01 and 2026-02-01", True, False),
        ("created_at > 2026-01-01", True, False),
        ("created_at > 2026-01-01T10:00Z", True, False),
        ("anniversary of birthday in next 3 days", True, True),
        ("anniversary of birthday on 2026-02-28", True, False),
        ('event "x"', False, False),
        ('event "x" in last 3 days', True, True),
        ('event "x" before 2026-01-01', True, False),
        ('last event "x" more than 3 days ago', True, True),
        ("any deals (won_at in last 3 days)", True, True),
        ("max(deals.won_at) on today", True, True),
    ],
)
def test_time_forms_are_found_and_those_that_move_with_the_clock(
    text: str, timely: bool, moving: bool
) -> None:
    tree = read(text)
    assert walk.has_time_forms(tree) is timely
    assert walk.moves_with_time(tree) is moving


@given(st.data(), st.sampled_from(SEGMENT_TYPES))
def test_a_walk_misses_nothing_in_a_random_tree(data: st.DataObject, type: ObjectType) -> None:
    tree = data.draw(strategies.conditions(type))
    parts = list(strategies.parts(tree))
    nodes = [part for part in parts if isinstance(part, n.Condition)]
    assert list(walk.walk(tree)) == nodes
    assert walk.attributes(tree) >= {p for p in parts if isinstance(p, Attribute)}
    assert walk.relations(tree) >= {p for p in parts if isinstance(p, Relation)}
    assert walk.segments(tree) == {p.segment for p in parts if isinstance(p, n.InSegment)}
    outer = [p for p in parts if isinstance(p, n.TimeTest)]
    inner = {id(p.test) for p in outer if isinstance(p, n.Anniversary)}
    assert list(walk.time_tests(tree)) == [p for p in outer if id(p) not in inner]
