"""An explanation says what truth says, of the whole and of each part, and shows what was found."""

from collections.abc import Iterator
from dataclasses import replace
import datetime as dt

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.catalog import ObjectType
from segctl.conditions import nodes as n
from segctl.conditions import walk
from segctl.conditions.explain import event_names, explain
from segctl.conditions.explanation import Explanation, Form
from segctl.conditions.nodes import Condition
from segctl.conditions.parser import parse
from segctl.conditions.printer import to_text
from segctl.conditions.truth import holds
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
from tests.conditions.test_agreement import Questions, questions

T = ObjectType
DAY = dt.timedelta(days=1)


def of(text: str, type: ObjectType = T.CONTACT) -> Condition:
    return parse(text, type, CATALOG, SegmentPool(SEGMENTS))


def parts(explanation: Explanation) -> Iterator[Explanation]:
    """The explanation and everything inside it."""
    yield explanation
    for child in explanation.children:
        yield from parts(child)
    if explanation.related:
        for example in explanation.related.examples:
            if example.why:
                yield from parts(example.why)


@given(questions())
def test_an_explanation_says_what_truth_says(asked: Questions) -> None:
    for condition in asked.conditions:
        for record in asked.workspace.records(asked.type):
            found = explain(condition, record, asked.clock)
            assert found.truth is holds(condition, record, asked.clock)
            assert found.condition == to_text(condition)
            assert all(part.known for part in parts(found))


@given(st.data())
def test_an_explanation_of_events_says_what_truth_says(data: st.DataObject) -> None:
    """All events have one name here: among five it is rare that a window leaves some out."""
    clock = data.draw(clocks())
    kinds = (n.EventCount, n.EventEdge)
    drawn = (data.draw(conditions(T.CONTACT, depth=1, kinds=kinds)) for _ in range(20))
    events = [node for node in drawn if isinstance(node, kinds)]
    asked = [replace(node, name="purchase") for node in events]
    asked += [replace(node, where=None) for node in asked]
    together = n.And((*asked, n.Everything()))
    filled = workspaces(CATALOG, clock, mentioned(together), together, most=5, subject=T.CONTACT)
    workspace = data.draw(filled)
    for event in workspace.records(T.EVENT):
        event.values["name"] = "purchase"
    for record in workspace.records(T.CONTACT):
        for condition in asked:
            assert explain(condition, record, clock).truth is holds(condition, record, clock)


@given(cases())
def test_a_part_that_is_made_of_parts_follows_from_them(case: Case) -> None:
    for record in case.workspace.records(case.type):
        for part in parts(explain(case.condition, record, case.clock)):
            truths = [child.truth for child in part.children]
            match part.form:
                case Form.ALL:
                    assert part.truth is all(truths)
                case Form.ANY:
                    assert part.truth is any(truths)
                case Form.NOT:
                    assert [not part.truth] == truths
                case Form.RELATED:
                    assert part.related
                    assert part.truth is (part.negated != (part.related.satisfying > 0))
                case _:
                    assert not truths


@given(cases())
def test_what_is_not_known_is_so_because_of_a_segment_that_was_never_counted(case: Case) -> None:
    """If something is known without a segment's members, no members make it otherwise."""
    every = {id for pool in SEGMENTS.values() for id, _ in pool}
    for record in case.workspace.records(case.type):
        found = explain(case.condition, record, case.clock, uncounted=every)
        assert found.truth is holds(case.condition, record, case.clock)
        if not walk.segments(case.condition):
            assert found.known
        if found.known:
            members = case.workspace.members
            for other in ({}, {type: everybody(case, type) for type in T}):
                case.workspace.members = other
                assert holds(case.condition, record, case.clock) is found.truth
            case.workspace.members = members


def everybody(case: Case, type: ObjectType) -> set[tuple[int, int]]:
    return {
        (id, row.id) for id, _ in SEGMENTS.get(type, ()) for row in case.workspace.records(type)
    }


@pytest.fixture
def ann() -> Row:
    """A contact of a company with two deals, three purchases and a membership."""
    workspace = Workspace(CATALOG)
    acme, ann = workspace.add(T.COMPANY), workspace.add(T.CONTACT)
    acme.values = {"name": "Acme", "external_id": "acme", "size": 50}
    ann.values = {"score": 7, "created_at": NOON.now - 40 * DAY, "external_id": "ann"}
    ann.lists = {"tags": ("vip", "new")}
    ann.ones = {"company": acme.id}
    for value in (100.0, 900.0):
        deal = workspace.add(T.DEAL)
        deal.values = {"value": value, "name": f"Deal of {value:g}"}
        deal.ones = {"contact": ann.id}
    for days, amount in ((1, 5.0), (10, 500.0), (100, 900.0)):
        event = workspace.add(T.EVENT)
        event.values = {
            "name": "purchase",
            "occurred_at": NOON.now - days * DAY,
            "amount": amount,
        }
        event.ones = {"contact": ann.id}
    id, _ = SEGMENTS[T.COMPANY][0]
    workspace.members = {T.COMPANY: {(id, acme.id)}}
    return ann


def test_a_value_is_shown_with_what_was_found(ann: Row) -> None:
    found = explain(of("score >= 100"), ann, NOON)
    assert (found.form, found.result, found.found, found.tested) == (
        Form.COMPARISON,
        "false",
        7,
        True,
    )


def test_a_missing_value_is_found_as_nothing(ann: Row) -> None:
    found = explain(of('city != "Rome"'), ann, NOON)
    assert (found.truth, found.found, found.negated, found.condition) == (
        True,
        None,
        True,
        'city != "Rome"',
    )


def test_a_path_that_leads_nowhere_says_where_it_ends(ann: Row) -> None:
    assert explain(of("company.size > 1"), ann, NOON).ends_at is None
    ann.ones = {}
    for text in (
        "company.size > 1",
        "company is set",
        "any company.deals",
        "count(company.deals)>0",
    ):
        assert explain(of(text), ann, NOON).ends_at == "company", text
    assert explain(of(f'company in segment "{SEGMENTS[T.COMPANY][0][1]}"'), ann, NOON).ends_at


def test_a_time_form_is_shown_with_its_bounds_as_instants(ann: Row) -> None:
    [bound] = explain(of("created_at in last 30 days"), ann, NOON).bounds or ()
    assert (bound.low, bound.high) == (NOON.now - 30 * DAY, NOON.now)


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("anniversary of created_at on 2026-02-03", [(2026, 2, 3)]),
        ("anniversary of created_at on 2000-06-01", [(2025, 6, 1), (2026, 6, 1)]),
        ("anniversary of first_seen_at on 2000-06-01", [(2025, 6, 1), (2026, 6, 1)]),
        ("anniversary of birthday on 2000-06-01", [(2025, 6, 1), (2026, 6, 1)]),
    ],
)
def test_an_anniversary_is_shown_with_the_bounds_around_the_value(
    ann: Row, text: str, bounds: list[tuple[int, int, int]]
) -> None:
    if "birthday" in text and "birthday" not in CATALOG.attributes[T.CONTACT]:
        name = next(a.name for a in CATALOG.attributes[T.CONTACT].values() if a.kind == "date")
        text = text.replace("birthday", name)
    found = explain(of(text), ann, NOON).bounds or ()
    assert [(b.low.year, b.low.month, b.low.day) for b in found if b.low] == bounds


def test_related_records_are_counted_and_some_are_shown(ann: Row) -> None:
    found = explain(of("any deals (value > 500)"), ann, NOON)
    assert found.related
    assert (found.related.total, found.related.satisfying, found.found) == (2, 1, 1)
    [example] = found.related.examples
    assert (example.id, example.name, example.counts) == (2, "Deal of 900", True)
    assert example.why
    assert (example.why.truth, example.why.found) == (True, 900.0)


def test_if_none_satisfies_it_the_others_say_why(ann: Row) -> None:
    found = explain(of("no deals (value > 5000)"), ann, NOON)
    assert found.truth
    assert found.related
    assert [(e.id, e.counts, e.why and e.why.found) for e in found.related.examples] == [
        (1, False, 100.0),
        (2, False, 900.0),
    ]


def test_an_aggregate_shows_its_value_and_what_it_read(ann: Row) -> None:
    found = explain(of("sum(deals.value where value > 500) > 1000"), ann, NOON)
    assert (found.truth, found.found) == (False, 900.0)
    assert found.related
    assert (found.related.total, found.related.satisfying) == (2, 1)
    assert [example.value for example in found.related.examples] == [900.0]


def test_items_are_shown_by_themselves(ann: Row) -> None:
    found = explain(of('any tags (item starts with "v")'), ann, NOON)
    assert found.related
    assert [(e.type, e.name) for e in found.related.examples] == [(None, "vip")]
    assert explain(of('tags has "x"'), ann, NOON).found == ("vip", "new")


def test_events_are_counted_in_all_by_their_condition_and_in_the_window(ann: Row) -> None:
    text = 'event "purchase" where amount > 100 at least 2 times in last 90 days'
    found = explain(of(text), ann, NOON)
    assert found.related
    counts = (found.related.total, found.related.satisfying, found.related.counting)
    assert (found.truth, found.found, counts) == (False, 1, (3, 2, 1))
    assert [example.at for example in found.related.examples] == [NOON.now - 10 * DAY]
    [window] = found.bounds or ()
    assert window.low == NOON.now - 90 * DAY


def test_without_an_event_that_counts_the_nearest_ones_are_shown(ann: Row) -> None:
    outside = explain(of('event "purchase" where amount > 100 in last 5 days'), ann, NOON)
    assert outside.related
    assert [(e.at, e.counts) for e in outside.related.examples] == [
        (NOON.now - 10 * DAY, False),
        (NOON.now - 100 * DAY, False),
    ]
    none = explain(of('no event "purchase" where amount > 5000'), ann, NOON)
    assert none.truth
    assert none.related
    assert len(none.related.examples) == 3


def test_the_first_or_last_event_is_shown(ann: Row) -> None:
    found = explain(of('last event "purchase" where amount > 100 in last 5 days'), ann, NOON)
    assert (found.truth, found.found) == (False, NOON.now - 10 * DAY)
    having = explain(of('first event "purchase" with (amount > 100)'), ann, NOON)
    assert having.related
    [example] = having.related.examples
    assert having.truth
    assert example.counts
    assert example.why
    assert example.why.found == 900.0
    nothing = explain(of('last event "login" in last 5 days'), ann, NOON)
    assert (nothing.truth, nothing.found, nothing.related and nothing.related.total) == (
        False,
        None,
        0,
    )


def test_a_reference_names_the_segment_and_the_record(ann: Row) -> None:
    id, name = SEGMENTS[T.COMPANY][0]
    found = explain(of(f'company in segment "{name}"'), ann, NOON)
    assert found.truth
    assert found.membership
    assert (found.membership.segment, found.membership.external_id) == (id, "acme")
    unknown = explain(of(f'company in segment "{name}"'), ann, NOON, uncounted={id})
    assert unknown.result == "unknown"


def test_unknown_goes_up_only_where_it_decides(ann: Row) -> None:
    id, name = SEGMENTS[T.COMPANY][0]
    inner = f'company in segment "{name}"'

    def result(text: str) -> str:
        return explain(of(text), ann, NOON, uncounted={id}).result

    assert result(f"score > 5 and {inner}") == "unknown"
    assert result(f"score > 50 and {inner}") == "false"
    assert result(f"score > 5 or {inner}") == "true"
    assert result(f"score > 50 or not {inner}") == "unknown"
    assert result(f"not (score > 5 and {inner})") == "unknown"
    assert result(f"any deals (contact.{inner})") == "unknown"
    assert result(f"any deals (value > 50 or contact.{inner})") == "true"
    assert result(f"count(deals where contact.{inner}) > 5") == "unknown"
    assert result(f'event "purchase" where (contact.{inner})') == "unknown"
    assert result(f'last event "purchase" with (contact.{inner})') == "unknown"


def test_the_events_that_a_condition_reads_are_known() -> None:
    assert event_names(of("score > 1")) == frozenset()
    assert event_names(of('event "a" and any deals (contact.score > 1)')) == {"a"}
    assert event_names(of('event "a" or no last event "b" in last 3 days'.replace("no ", ""))) == {
        "a",
        "b",
    }
    assert event_names(of('event "a" and any events (name = "b")')) is None
    assert event_names(of("count(events) > 3")) is None


def test_no_more_examples_than_asked_for(ann: Row) -> None:
    found = explain(of('event "purchase"'), ann, NOON, examples=1)
    assert found.related
    assert len(found.related.examples) == 1


def test_everything_holds(ann: Row) -> None:
    assert explain(n.Everything(), ann, NOON).result == "true"
    assert explain(n.Not(n.Everything()), ann, NOON).result == "false"
