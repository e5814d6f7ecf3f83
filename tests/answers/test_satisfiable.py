"""What is said to be impossible is: asked of random records at random clocks, and by hand."""

from zoneinfo import ZoneInfo

from hypothesis import assume, event, given, target
from hypothesis import strategies as st
import pytest

from segctl.catalog import ObjectType, ValueType
from segctl.conditions import nodes as n
from segctl.conditions.nodes import Condition
from segctl.conditions.parser import AnySegments, parse
from segctl.conditions.satisfiable import always, implies, impossible
from segctl.conditions.time import Clock
from segctl.conditions.truth import holds
from tests.conditions.strategies import (
    CATALOG,
    Workspace,
    clocks,
    conditions,
    mentioned,
    pick,
    workspaces,
)
from tests.conditions.trees import NODES, _Grower

T = ObjectType
ZONE = ZoneInfo("Europe/Warsaw")


def of(text: str, type: str = "contact") -> Condition:
    return parse(text, ObjectType(type), CATALOG, AnySegments())


IMPOSSIBLE = [
    "score > 5 and score < 3",
    "score > 5 and score < 6",
    "score between 1 and 3 and score in (4, 5)",
    "score = 1 and score != 1",
    "score > 5 and score is empty",
    "not score is set and not score is empty",
    'status = "user" and status = "visitor"',
    'status != "user" and status != "visitor" and status is set',
    'status = "user" and not status contains "se"',
    'country in ("PL", "DE") and country in ("FR")',
    'country = "PL" and country != "pl" ignoring case',
    'country = "PL" ignoring case and country = "DE" ignoring case',
    'country = "PL" ignoring case and country not in ("pl", "x") ignoring case',
    'email starts with "ab" and email not contains "A"',
    'email starts with "ab" and email starts with "b"',
    'email ends with "ab" and email ends with "b" and email not ends with "B"',
    'email matches "a+" and not email matches "a+"',
    "unsubscribed is true and unsubscribed is false",
    'company is empty and company.industry = "x"',
    'company is empty and company in segment "x"',
    "company is empty and any company.deals",
    'tags has "a" and tags has only ("b")',
    'tags has all ("a", "b") and not tags has "b"',
    'tags has any ("a", "b") and not tags has any ("a", "b", "c")',
    'tags has only ("a") and not tags has only ("a", "b")',
    'tags has all ("a", "b") and not tags has all ("a")',
    'tags has "a" and tags is empty',
    'tags is empty and any tags (item = "a")',
    "any tags (item is empty)",
    "no deals and any deals (value > 3)",
    "any deals (value > 3 and value < 2)",
    "count(deals) < 0",
    "count(deals where value > 3 and value < 2) > 0",
    "sum(deals.value) is empty",
    "any deals and count(deals) = 0",
    'no event "x" and last event "x" in last 3 days',
    'event "x" at least 3 times and event "x" at most 1 time',
    'no event "x" and event "x" where amount > 1 in last 3 days',
    'event "x" where (amount > 1 and amount < 0)',
    'in segment "a" and not in segment "a"',
    "created_at after 2026-01-01 and created_at before 2026-01-01",
    "created_at on 2026-01-01 and created_at >= 2026-01-02T00:00",
    "created_at in last 7 days and created_at more than 30 days ago",
    "created_at before now and created_at after now",
    "created_at in last 3 hours and created_at more than 4 hours ago",
    "created_at in next 2 months and created_at in last 2 weeks and created_at before now",
    "created_at in this month and created_at in last month",
    "created_at before today - 60 days and created_at after today",
    "created_at between today - 3 days and today and created_at less than 1 year from now"
    " and created_at before today - 30 days",
    "(score > 5 or score < 0) and score between 1 and 4",
    "not everything",
]


@pytest.mark.parametrize("text", IMPOSSIBLE)
def test_it_is_seen_that_no_record_can_satisfy_it(text: str) -> None:
    assert impossible(of(text), ZONE)
    assert always(n.Not(of(text)), ZONE)


POSSIBLE = [
    "score >= 5 and score <= 5",
    "score > 5 and score < 6.5",
    "not score > 5 and not score < 6",  # without a score
    'status != "user" and status != "visitor"',
    'country = "PL" and country != "pl"',
    'email starts with "ab" and email starts with "a" and email not starts with "abc"',
    'email starts with "ab" and email ends with "ba"',
    "company is set and company.industry is empty",
    'tags has any ("a", "b") and not tags has "a"',
    'tags has only ("a", "b") and not tags has only ("a")',
    "any deals and no deals (value > 3)",
    "any deals (value > 3) and any deals (value < 2)",
    "created_at in last 7 days and created_at more than 5 days ago",
    "created_at in last 1 month and created_at more than 25 days ago",
    "created_at on today and created_at >= now - 20 hours",
    "created_at in this month and created_at in this year",
    "first_seen_at in this month and created_at in last month",
    'in segment "a" and not company in segment "a"',
    "anniversary of created_at on today and created_at before 2000-01-01",
    'first event "x" in last 3 days and last event "x" in last 3 days',
]


@pytest.mark.parametrize("text", POSSIBLE)
def test_what_can_be_is_not_said_to_be_impossible(text: str) -> None:
    assert not impossible(of(text), ZONE)


def test_a_sum_of_floats_may_lie_between_two_whole_numbers() -> None:
    assert not impossible(of("sum(deals.value) > 1 and sum(deals.value) < 2"), ZONE)
    assert impossible(of("count(deals) > 1 and count(deals) < 2"), ZONE)


@pytest.mark.parametrize(
    "text",
    [
        "score > 5 or score <= 5 or score is empty",
        "unsubscribed or not unsubscribed",
        "count(deals) >= 0",
        "not (score > 5 and score < 3)",
        "everything",
    ],
)
def test_it_is_seen_that_every_record_satisfies_it(text: str) -> None:
    assert always(of(text), ZONE)
    assert not impossible(of(text), ZONE)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ('score > 5 and country = "PL"', "score > 3"),
        ('country = "PL"', 'country in ("PL", "DE")'),
        ('country = "PL"', 'country contains "p"'),
        ('in segment "a" and score > 5', 'in segment "a"'),
        ("created_at in last 7 days", "created_at in last 30 days"),
        ("created_at in last 2 weeks", "created_at less than 1 month ago"),
        ("created_at on 2026-01-31", "created_at after 2026-01-01"),
        ('event "x" at least 3 times', 'event "x"'),
        ("any deals (value > 3)", "any deals"),
        ('status = "user"', 'status != "visitor"'),
        ('tags has all ("a", "b")', 'tags has "a"'),
    ],
)
def test_one_condition_implies_another_and_not_the_other_way_round(first: str, second: str) -> None:
    assert implies(of(first), of(second), ZONE)
    assert not implies(of(second), of(first), ZONE)


def test_a_choice_of_an_event_is_not_bound_to_what_is_declared() -> None:
    """A foreign program may write anything into the JSON of an event."""
    neither = 'channel != "web" and channel != "mail" and channel != "Web" and channel is set'
    assert not impossible(of(f'event "x" where ({neither})'), ZONE)


def test_too_many_alternatives_are_no_reason_to_say_anything() -> None:
    many = " and ".join(f"(score > {n} or page_views > {n})" for n in range(20))
    assert not impossible(of(many), ZONE)
    assert impossible(of(f"({many}) and score > 5 and score < 3"), ZONE)
    assert not impossible(of(" or ".join(f"score = {n}" for n in range(300))), ZONE)


# ---------------------------------------------------------------- random records


@st.composite
def crowded(draw: st.DrawFn, type: ObjectType) -> Condition:
    """Several tests of one value, with and without not: these are often impossible."""
    grower = _Grower(draw, CATALOG, {}, NODES, True)
    hops, reached = grower.hops(type)
    attribute = grower.attribute(reached)
    field = n.Field(hops, attribute)
    items: list[Condition] = []
    for _ in range(pick(draw, (2, 2, 3, 4))):
        test = n.IsSet() if pick(draw, (True, *(False,) * 5)) else grower.test(attribute)
        node: Condition = n.Comparison(field, test)
        items.append(n.Not(node) if grower.maybe() else node)
    return n.And(tuple(items)) if pick(draw, (True, True, False)) else n.Or(tuple(items))


@st.composite
def questions(draw: st.DrawFn) -> tuple[ObjectType, tuple[Condition, ...], Workspace, Clock]:
    type = pick(draw, (T.CONTACT, T.CONTACT, T.DEAL, T.COMPANY))
    asked = [draw(crowded(type)) for _ in range(8)]
    for _ in range(3):
        one, other = draw(conditions(type, depth=2)), draw(conditions(type, depth=1))
        asked += [one, n.And((one, n.Not(other))), n.And((one, other, n.Not(one)))]
    clock = draw(clocks())
    assume(1000 <= clock.now.year <= 9000)
    together = n.And(tuple(asked))
    filled = workspaces(CATALOG, clock, mentioned(together), together, subject=type)
    return type, tuple(asked), draw(filled), clock


@given(questions())
def test_no_record_ever_satisfies_what_is_said_to_be_impossible(
    asked: tuple[ObjectType, tuple[Condition, ...], Workspace, Clock],
) -> None:
    type, them, workspace, clock = asked
    said = 0
    for condition in them:
        never, ever = impossible(condition, clock.zone), always(condition, clock.zone)
        said += never or ever
        for record in workspace.records(type):
            true = holds(condition, record, clock)
            assert not (never and true), condition
            assert not (ever and not true), condition
    target(float(said), label="conditions that something is said of")
    event(f"something is said of {said} of {len(them)}")


@given(questions())
def test_whoever_satisfies_a_condition_satisfies_what_it_implies(
    asked: tuple[ObjectType, tuple[Condition, ...], Workspace, Clock],
) -> None:
    type, them, workspace, clock = asked
    records = workspace.records(type)
    true = [{r.id for r in records if holds(c, r, clock)} for c in them]
    for one, first in zip(true, them, strict=True):
        for other, second in zip(true, them, strict=True):
            if implies(first, second, clock.zone):
                assert one <= other, (first, second)


def test_every_kind_of_value_is_asked_for() -> None:
    kinds = {a.kind for a in CATALOG.attributes[T.CONTACT].values()}
    assert kinds == set(ValueType)
