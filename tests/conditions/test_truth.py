"""Truth of one record: the laws of logic, what is looked up, and what is missing."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.catalog import RELATIONS, SEGMENT_TYPES, Attribute, ObjectType, Relation, ValueType
from segctl.conditions import nodes as n
from segctl.conditions.nodes import Condition
from segctl.conditions.parser import parse
from segctl.conditions.time import Clock
from segctl.conditions.truth import (
    OneItem,
    Record,
    Value,
    holds,
    kind_of,
    passes,
    reach,
    related,
    rounded,
    value_of,
)
from tests.conditions.strategies import (
    CATALOG,
    NOON,
    SEGMENTS,
    Case,
    Row,
    SegmentPool,
    Workspace,
    cases,
    clocks,
    conditions,
    mentioned,
    workspaces,
)

T = ObjectType


def condition(text: str, type: ObjectType = T.CONTACT) -> Condition:
    return parse(text, type, CATALOG, SegmentPool(SEGMENTS))


def contact(**values: Value) -> Row:
    row = Workspace(CATALOG).add(T.CONTACT)
    row.values = values
    return row


def operand(text: str, type: ObjectType = T.CONTACT) -> n.Operand:
    """What stands on the left of a comparison."""
    found = condition(text, type)
    while isinstance(found, n.Not):
        found = found.item
    assert isinstance(found, n.Comparison)
    return found.operand


# ---------------------------------------------------------------- laws


@given(cases())
def test_a_record_satisfies_either_a_condition_or_its_negation(case: Case) -> None:
    for record in case.workspace.records(case.type):
        both = [holds(c, record, case.clock) for c in (case.condition, n.Not(case.condition))]
        assert sorted(both) == [False, True]


@given(st.data(), st.sampled_from(SEGMENT_TYPES), clocks())
def test_and_or_and_not_are_those_of_logic(
    data: st.DataObject, type: ObjectType, clock: Clock
) -> None:
    first, second = (data.draw(conditions(type, depth=2)) for _ in range(2))
    both = n.And((first, second))
    workspace = data.draw(workspaces(CATALOG, clock, mentioned(both), both, subject=type))
    for record in workspace.records(type):

        def true(condition: Condition, record: Record = record) -> bool:
            return holds(condition, record, clock)

        assert true(both) is (true(first) and true(second))
        assert true(n.Or((first, second))) is (true(first) or true(second))
        assert true(n.Not(both)) is true(n.Or((n.Not(first), n.Not(second))))


@given(cases(types=(T.COMPANY, T.CONTACT, T.DEAL, T.PRODUCT)))
def test_any_is_a_count_of_at_least_one(case: Case) -> None:
    for relation in RELATIONS[case.type].values():
        if not relation.to_many or relation.target is not T.DEAL:
            continue
        many = n.Many((), relation)
        inner = condition('value > 0 or status = "won"', T.DEAL)
        count = n.Aggregate(n.Function.COUNT, many, None, inner)
        at_least_one = n.Comparison(count, n.NumberVersus(n.Order.GE, 1))
        for record in case.workspace.records(case.type):
            assert holds(n.Any(many, inner), record, case.clock) is holds(
                at_least_one, record, case.clock
            )


# ---------------------------------------------------------------- looking up


@pytest.fixture
def acme() -> Workspace:
    """A company with two contacts; Ann has two deals, one of them without a value."""
    workspace = Workspace(CATALOG)
    company = workspace.add(T.COMPANY)
    company.values = {"name": "Acme", "size": 50}
    ann, bob, eve = (workspace.add(T.CONTACT) for _ in range(3))
    ann.ones = bob.ones = {"company": company.id}
    ann.lists = {"tags": ("vip", "new")}
    eve.values = {"name": "Eve"}
    for value in ({"value": 0.1}, {"value": 0.2}, {}):
        deal = workspace.add(T.DEAL)
        deal.values = dict(value)
        deal.ones = {"contact": ann.id}
    return workspace


@pytest.mark.parametrize(
    ("text", "ann", "eve"),
    [
        ("name is set", None, "Eve"),
        ("company.name is set", "Acme", None),
        ("company.size > 1", 50, None),
        ("company is set", 1, None),
        ('tags has "x"', ("vip", "new"), ()),
        ('company.tags has "x"', (), ()),
        ("count(tags) > 1", 2, 0),
        ("count(deals) > 1", 3, 0),
        ("count(deals where value > 0.15) > 1", 1, 0),
        ("sum(deals.value) > 1", 0.3, 0),
        ("avg(deals.value) > 1", 0.15, None),
        ("min(deals.value) > 1", 0.1, None),
        ("max(deals.value) > 1", 0.2, None),
        ("sum(deals.seats) > 1", 0, 0),
        ("max(deals.seats) > 1", None, None),
        ("count(company.contacts) > 1", 2, 0),
    ],
)
def test_an_operand_is_looked_up_apart_from_its_test(
    acme: Workspace, text: str, ann: Value, eve: Value
) -> None:
    assert value_of(operand(text), acme.rows[T.CONTACT][1], NOON) == ann
    assert value_of(operand(text), acme.rows[T.CONTACT][3], NOON) == eve


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name is set", ValueType.STRING),
        ("score > 1", ValueType.INTEGER),
        ("company is set", ValueType.INTEGER),
        ("count(deals) > 1", ValueType.INTEGER),
        ("sum(deals.seats) > 1", ValueType.INTEGER),
        ("avg(deals.seats) > 1", ValueType.FLOAT),
        ("max(deals.expected_close_date) before today", ValueType.DATE),
        ("min(deals.created_at) before today", ValueType.DATETIME),
    ],
)
def test_an_operand_has_the_type_of_its_value(text: str, kind: ValueType) -> None:
    assert kind_of(operand(text)) is kind


def test_an_item_is_a_text() -> None:
    assert kind_of(n.Item()) is ValueType.STRING
    assert value_of(n.Item(), OneItem("vip"), NOON) == "vip"


def test_hops_end_where_a_record_is_missing(acme: Workspace) -> None:
    company: Relation = RELATIONS[T.CONTACT]["company"]
    assert reach((company,), acme.rows[T.CONTACT][1]) is acme.rows[T.COMPANY][1]
    assert reach((company,), acme.rows[T.CONTACT][3]) is None
    assert reach((), acme.rows[T.CONTACT][3]) is acme.rows[T.CONTACT][3]


def test_what_is_related_to_a_missing_record_is_nothing(acme: Workspace) -> None:
    colleagues = n.Many((RELATIONS[T.CONTACT]["company"],), RELATIONS[T.COMPANY]["contacts"])
    assert len(list(related(colleagues, acme.rows[T.CONTACT][1]))) == 2
    assert list(related(colleagues, acme.rows[T.CONTACT][3])) == []


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0.1 + 0.2, 0.3),
        (1 / 3, 0.333333),
        (2 / 3, 0.666667),
        (-1 / 3, -0.333333),
        (0.0000005, 0.000001),
        (-0.0000005, 0.0),
        (4.5e9, 4.5e9),
        (1e300 + 1.0, 1e300),
        (float("inf"), float("inf")),
    ],
)
def test_a_float_is_rounded_to_six_decimals_unless_it_has_none(
    number: float, expected: float
) -> None:
    assert rounded(number) == expected


def _deals(acme: Workspace, *values: float) -> Row:
    bob = acme.rows[T.CONTACT][2]
    for value in values:
        deal = acme.add(T.DEAL)
        deal.values = {"value": value, "seats": int(value) if abs(value) < 2**60 else None}
        deal.ones = {"contact": bob.id}
    return bob


def test_a_sum_does_not_depend_on_its_order(acme: Workspace) -> None:
    bob = _deals(acme, 1e16, 1.0, -1e16)
    assert value_of(operand("sum(deals.value) > 1"), bob, NOON) == 1.0


def test_a_sum_beyond_the_floats_is_infinite(acme: Workspace) -> None:
    bob = _deals(acme, 1.7e308, 1.7e308)
    assert holds(condition("sum(deals.value) > 1000000"), bob, NOON)
    assert not holds(condition("sum(deals.value) < 1000000"), bob, NOON)


def test_a_sum_of_integers_is_exact(acme: Workspace) -> None:
    bob = _deals(acme, 2**53, 2**53, 1)
    assert value_of(operand("sum(deals.seats) > 1"), bob, NOON) == 2**54 + 1


@pytest.mark.parametrize("value", [True, False])
def test_a_boolean_is_no_number(value: bool) -> None:
    assert not passes(n.IsTrue(), 1, ValueType.BOOLEAN, NOON)
    assert passes(n.IsTrue(), value, ValueType.BOOLEAN, NOON) is value


def test_an_integer_is_compared_with_a_fraction_without_rounding() -> None:
    large = contact(score=2**52)
    assert holds(condition("score > 4503599627370495.5"), large, NOON)
    assert not holds(condition("score = 4503599627370495.5"), large, NOON)


# ---------------------------------------------------------------- a missing value

TESTS: tuple[n.Test, ...] = (
    n.IsSet(),
    n.IsTrue(),
    n.IsFalse(),
    n.TextIn(("",)),
    n.TextPart(n.Part.CONTAINS, "a"),
    n.Matches("a*"),
    n.NumberVersus(n.Order.LE, 5),
    n.NumberBetween(-5, 5),
    n.NumberIn((0,)),
    n.Rolling(n.Direction.LAST, 3, n.Unit.DAY),
    n.Versus(n.Order.LE, n.Day(dt.date.max)),
)


@pytest.mark.parametrize("test", TESTS)
def test_a_missing_value_passes_no_test(test: n.Test) -> None:
    assert not passes(test, None, ValueType.DATE, NOON)


@pytest.mark.parametrize("mode", list(n.HasMode))
def test_no_items_pass_no_test(mode: n.HasMode) -> None:
    assert not passes(n.Has(mode, ("a",)), (), ValueType.TAGS, NOON)
    assert not passes(n.IsSet(), (), ValueType.TAGS, NOON)
    assert not passes(n.IsSet(), [], ValueType.TAGS, NOON)


# ---------------------------------------------------------------- events


def test_an_event_without_a_time_is_neither_first_nor_last() -> None:
    workspace = Workspace(CATALOG)
    owner = workspace.add(T.CONTACT)
    event = workspace.add(T.EVENT)
    event.values, event.ones = {"name": "login"}, {"contact": owner.id}
    assert holds(condition('event "login"'), owner, NOON)
    assert not holds(condition('last event "login" with (everything)'), owner, NOON)


def test_a_condition_in_a_catalog_without_it_reads_as_missing() -> None:
    attribute = Attribute(T.CONTACT, "dropped", ValueType.STRING, standard=False)
    assert not holds(n.Comparison(n.Field((), attribute), n.IsSet()), contact(name="x"), NOON)
