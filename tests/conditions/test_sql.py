"""What conditions mean in SQL, on both stores; how well they run is in test_sql_shape.py.

`asked` gives the ids that satisfy a condition, after proving that the others satisfy its complement
and that the Python reading agrees.
"""

import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from segctl.catalog import MAX_INTEGER, Attribute, Catalog, ObjectType, ValueType
from segctl.conditions import nodes as n
from segctl.conditions.nodes import Comparison, Condition, Not, Order
from segctl.conditions.parser import parse
from segctl.conditions.sql import Scope, matching, predicate
from segctl.conditions.time import Clock
from segctl.conditions.truth import holds
from segctl.store.records import record_tables
from tests.conditions.loading import load
from tests.conditions.strategies import CATALOG as BASE
from tests.conditions.strategies import NOON, SEGMENTS, Row, SegmentPool, Workspace

T = ObjectType
LABELS = Attribute(T.EVENT, "labels", ValueType.TAGS, standard=False)
CATALOG = Catalog((*BASE.custom, LABELS), version=1)
TABLES = record_tables(CATALOG)
NAMES = SegmentPool(SEGMENTS)


def asked(
    engine: sa.Engine,
    workspace: Workspace,
    condition: Condition | str,
    type: ObjectType = T.CONTACT,
    clock: Clock = NOON,
) -> list[int]:
    if isinstance(condition, str):
        condition = parse(condition, type, CATALOG, NAMES)
    scope = Scope(TABLES, engine.dialect.name, clock)
    table = TABLES.record(type).alias("scanned")
    with Session(engine) as session:
        load(session, TABLES, workspace)
        ids = sorted(session.scalars(matching(condition, type, scope)))
        others = session.scalars(
            sa.select(table.c.id).where(predicate(Not(condition), table, type, scope))
        )
        everybody = sorted([*ids, *others])
        session.rollback()
    rows = workspace.records(type)
    assert everybody == [row.id for row in rows]
    assert ids == [row.id for row in rows if holds(condition, row, clock)]
    return ids


def contacts(name: str, *values: Any) -> Workspace:
    """One contact for each value of an attribute, None for a missing one; ids from 1."""
    workspace = Workspace(CATALOG)
    for value in values:
        row = workspace.add(T.CONTACT)
        if value is not None:
            row.values[name] = value
    return workspace


def events(workspace: Workspace, contact: Row, *events: tuple[str, str, dict[str, Any]]) -> None:
    """Events of a contact: name, time of 2026-03 as `15T12:00`, and what its JSON holds."""
    for name, time, attributes in events:
        row = workspace.add(T.EVENT)
        at = dt.datetime.fromisoformat(f"2026-03-{time}:00+00:00")
        row.values |= {"name": name, "occurred_at": at}
        row.ones["contact"] = contact.id
        row.raw |= attributes
        labels = attributes.get("labels")
        if isinstance(labels, list):
            texts = (item for item in labels if isinstance(item, str) and item)
            row.lists["labels"] = tuple(dict.fromkeys(texts))


# ---------------------------------------------------------------- text


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ('name contains "50%"', [1]),
        ('name contains "a_b"', [3]),
        (r'name contains "a\\b"', [4]),
        ('name contains "!"', [5]),
        ('name starts with "%"', []),
        ('name ends with "_b"', [3]),
        ('name ends with "%!"', [5]),
    ],
)
def test_characters_that_mean_something_in_patterns_are_plain(
    database: sa.Engine, condition: str, ids: list[int]
) -> None:
    workspace = contacts("name", "50% off", "500 off", "a_b", "a\\b", "axb %!", None)
    assert asked(database, workspace, condition) == ids


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ('name contains "kilo"', [1, 2, 3]),
        ('name starts with "KILO"', [1, 2]),
        ('name ends with "k"', [3]),
        ('name in ("kilo") ignoring case', [1, 2]),
        ('name in ("kilo", "ŁÓDŹ") ignoring case', [1, 2, 6]),
        ('name contains "xi"', [4, 5]),
        ('name starts with "taxi"', [4, 5]),
        ('name ends with "xi"', [5]),
        ('name contains "xi\\u0307"', [4]),
        ('name contains "\\u0307"', [4]),
        ('name contains "ódź"', [6]),
        ('name ends with "kÓ"', [7]),
        ('name starts with "łó"', [6]),
        ('name contains "ασ"', [8, 9]),
        ('name ends with "ς"', [8, 9]),
        ('name = "ΑΣ"', [8]),
        ('name contains "ss"', []),
    ],
)
def test_text_is_folded_beyond_ascii(database: sa.Engine, condition: str, ids: list[int]) -> None:
    workspace = contacts(
        *("name", "kilo", "\u212aILO", "1 kilo\u212a", "TAX\u0130", "taXi", "ŁÓDŹ", "\u212aó"),
        *("ΑΣ", "ας", "ß", None),
    )
    assert asked(database, workspace, condition) == ids


@pytest.mark.parametrize("text", ["k" * 60_000, "%" * 40_000, "é" * 30_000, "a" * 49_998])
@pytest.mark.parametrize("operator", ["contains", "starts with", "ends with"])
def test_a_text_as_long_as_a_condition_can_be_is_found(
    database: sa.Engine, operator: str, text: str
) -> None:
    workspace = contacts("description", *([None] * 0))
    for value in (text.upper(), text[:-1], f"x{text}x", None):
        row = workspace.add(T.COMPANY)
        row.values["description"] = value
    found = asked(database, workspace, f'description {operator} "{text}"', T.COMPANY)
    assert found == ([1, 3] if operator == "contains" else [1])


def test_a_pattern_of_a_condition_runs_on_both_stores(database: sa.Engine) -> None:
    workspace = contacts("name", "Order 12", "order x", "ORDER 7\n", "", None)
    workspace.rows[T.CONTACT].pop(4)
    assert asked(database, workspace, r'name matches "rder \d+$"') == [1]
    assert asked(database, workspace, r'name not matches "(?:\d|x)"') == [5]


def test_long_lists_hold_any_text(database: sa.Engine) -> None:
    odd = ['"', "\\", "\u2028", "😀", "'", "\t", "é", "[", "null"]
    listed = [*odd, *(f"n{i}" for i in range(30))]
    texts = ", ".join(json.dumps(text, ensure_ascii=False) for text in listed)
    workspace = contacts("name", *odd, "n7", "n77", None)
    assert asked(database, workspace, f"name in ({texts})") == list(range(1, 11))
    assert asked(database, workspace, f"name not in ({texts}) ignoring case") == [11, 12]


# ---------------------------------------------------------------- numbers


@pytest.mark.parametrize(
    ("order", "number", "ids"),
    [
        (Order.GT, 2.5, [3, 4]),
        (Order.GE, 2.5, [3, 4]),
        (Order.LT, 2.5, [1, 2]),
        (Order.LE, -0.5, [1]),
        (Order.EQ, 2.5, []),
        (Order.EQ, 2.0, [2]),
        (Order.LT, 10**30, [1, 2, 3, 4]),
        (Order.GT, -(10**30), [1, 2, 3, 4]),
        (Order.GT, 1e300, []),
        (Order.EQ, 10**400, []),
        (Order.GT, float(MAX_INTEGER - 1), [4]),
        (Order.GT, float(MAX_INTEGER), []),
    ],
)
def test_integers_meet_fractions_and_huge_numbers_exactly(
    database: sa.Engine, order: Order, number: n.Number, ids: list[int]
) -> None:
    workspace = contacts("level", -1, 2, 3, MAX_INTEGER, None)
    field = n.Field((), CATALOG.attribute(T.CONTACT, "level"))
    assert asked(database, workspace, Comparison(field, n.NumberVersus(order, number))) == ids


@pytest.mark.parametrize(
    ("order", "number", "ids"),
    [
        (Order.EQ, 2**53 + 1, []),
        (Order.GE, 2**53 + 1, [3, 4]),
        (Order.GT, 2**53 + 1, [3, 4]),
        (Order.LT, 2**53 + 1, [1, 2]),
        (Order.LE, 2**53 + 3, [1, 2]),
        (Order.EQ, 2**53, [2]),
        (Order.LT, 10**400, [1, 2, 3, 4]),
        (Order.GT, 10**400, []),
        (Order.GE, -(10**400), [1, 2, 3, 4]),
        (Order.EQ, 0.1, [1]),
    ],
)
def test_floats_meet_integers_that_no_float_equals_exactly(
    database: sa.Engine, order: Order, number: n.Number, ids: list[int]
) -> None:
    workspace = contacts("balance", 0.1, 2.0**53, 2.0**53 + 4, 1e308, None)
    field = n.Field((), CATALOG.attribute(T.CONTACT, "balance"))
    assert asked(database, workspace, Comparison(field, n.NumberVersus(order, number))) == ids


def test_between_takes_bounds_of_either_kind(database: sa.Engine) -> None:
    workspace = contacts("level", 1, 2, 3, None)
    assert asked(database, workspace, "level between 1.5 and 2.5") == [2]
    assert asked(database, workspace, "level between 1.2 and 1.8") == []
    assert asked(database, workspace, "level in (1.0, 2.5, 3)") == [1, 3]
    many = ", ".join(f"{i}, {i}.5" for i in range(2, 40))
    assert asked(database, workspace, f"level not in ({many})") == [1, 4]


# ---------------------------------------------------------------- aggregates


def deals(*values: tuple[int | None, Any], attribute: str = "seats") -> Workspace:
    """Three contacts and a deal for each pair of contact id and value."""
    workspace = contacts("name", "a", "b", "c")
    for contact, value in values:
        row = workspace.add(T.DEAL)
        if contact is not None:
            row.ones["contact"] = contact
        if value is not None:
            row.values[attribute] = value
    return workspace


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("count(deals) = 0", [3]),
        ("count(deals) < 2", [2, 3]),
        ("count(deals) != 2", [2, 3]),
        ("count(deals) >= 0", [1, 2, 3]),
        ("count(deals) > 0.5", [1, 2]),
        ("count(deals) in (0, 2)", [1, 3]),
        ("count(deals where seats > 100) = 0", [1, 2, 3]),
        ("sum(deals.seats) = 0", [2, 3]),
        ("sum(deals.seats) >= 0", [1, 2, 3]),
        ("sum(deals.seats) < 5.5", [1, 2, 3]),
        ("avg(deals.seats) = 2.5", [1]),
        ("avg(deals.seats) != 2.5", [2, 3]),
        ("min(deals.seats) < 100", [1]),
        ("not max(deals.seats) > 2", [2, 3]),
        ("count(company.deals) = 0", [1, 2, 3]),
        ("sum(company.deals.seats) = 0", [1, 2, 3]),
        ("avg(company.deals.seats) = 0", []),
    ],
)
def test_none_counts_and_sums_to_zero_and_has_no_average(
    database: sa.Engine, condition: str, ids: list[int]
) -> None:
    workspace = deals((1, 2), (1, 3), (2, None), (None, 7))
    assert asked(database, workspace, condition) == ids


def test_integers_are_summed_beyond_64_bits(database: sa.Engine) -> None:
    workspace = deals(*[(1, MAX_INTEGER)] * 1100, *[(2, -MAX_INTEGER)] * 1100, (2, 1))
    total = 1100 * MAX_INTEGER
    assert total > 2**63
    seats = CATALOG.attribute(T.DEAL, "seats")
    relation = CATALOG.relation(T.CONTACT, "deals")
    assert relation is not None
    summed = n.Aggregate(n.Function.SUM, n.Many((), relation), seats, None)

    def sums(order: Order, number: n.Number) -> list[int]:
        return asked(database, workspace, Comparison(summed, n.NumberVersus(order, number)))

    assert sums(Order.EQ, total) == [1]
    assert sums(Order.GE, total + 1) == []
    assert sums(Order.GT, total - 1) == [1]
    assert sums(Order.EQ, 1 - total) == [2]
    assert sums(Order.LT, 1 - total) == []
    assert sums(Order.LT, 10**40) == [1, 2, 3]
    assert sums(Order.LT, -(10**40)) == []
    between = n.NumberBetween(-total, 0)
    assert asked(database, workspace, Comparison(summed, between)) == [2, 3]
    average = n.Aggregate(n.Function.AVG, n.Many((), relation), seats, None)
    exactly = n.NumberVersus(Order.EQ, MAX_INTEGER)
    assert asked(database, workspace, Comparison(average, exactly)) == [1]


def test_float_sums_are_rounded_to_six_decimals(database: sa.Engine) -> None:
    workspace = deals((1, 0.1), (1, 0.2), (2, 1e-7), (3, -0.0000005), attribute="margin")
    assert asked(database, workspace, "sum(deals.margin) = 0.3") == [1]
    assert asked(database, workspace, "avg(deals.margin) = 0.15") == [1]
    assert asked(database, workspace, "sum(deals.margin) = 0") == [2, 3]


def test_floats_at_the_end_of_their_range_are_summed_without_failing(database: sa.Engine) -> None:
    workspace = deals((1, 1e308), (1, 1e308), (2, -1.7e308), (2, -1.7e308), attribute="margin")
    assert asked(database, workspace, "sum(deals.margin) > 1000") == [1]
    assert asked(database, workspace, "avg(deals.margin) < 0") == [2]


def test_dates_are_aggregated_with_every_date_form(database: sa.Engine) -> None:
    workspace = deals(
        (1, dt.date(2026, 3, 1)), (1, dt.date(2026, 3, 14)), (2, dt.date(1990, 3, 15)),
        attribute="signed_on",
    )  # fmt: skip
    assert asked(database, workspace, "max(deals.signed_on) in last 7 days") == [1]
    assert asked(database, workspace, "not min(deals.signed_on) after 2026-03-01") == [1, 2, 3]
    assert asked(database, workspace, "anniversary of min(deals.signed_on) on today") == [2]


def test_aggregates_stand_inside_aggregates(database: sa.Engine) -> None:
    workspace = deals((1, 1), (1, 2), (2, 3))
    workspace.add(T.PRODUCT).values["price"] = 2.5
    workspace.add(T.PRODUCT).values["price"] = 4.0
    workspace.links = {(1, 1), (1, 2), (3, 1)}
    assert asked(database, workspace, "count(deals where sum(products.price) > 5) = 1") == [1]
    assert asked(database, workspace, "any deals (count(products) = 0)") == [1]
    condition = "count(products where any deals (contact.name = 'b')) >= 1"
    assert asked(database, workspace, condition, T.DEAL) == [1, 3]


# ---------------------------------------------------------------- relations


@pytest.fixture
def firms() -> Workspace:
    """Contacts 1-4: of a Polish software firm, an unknown firm, no firm, another Polish firm."""
    workspace = contacts("name", "a", "b", "c", "d")
    for values in ({"industry": "Software", "country": "PL"}, {}, {"country": "PL"}):
        workspace.add(T.COMPANY).values |= values
    for contact, company in ((1, 1), (2, 2), (4, 3)):
        workspace.rows[T.CONTACT][contact].ones["company"] = company
    workspace.members = {T.CONTACT: {(11, 1), (11, 3)}, T.COMPANY: {(21, 1)}}
    workspace.rows[T.COMPANY][1].lists["tags"] = ("vip", "new")
    return workspace


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ('company.industry != "Software"', [2, 3, 4]),
        ("company.industry is empty", [2, 3, 4]),
        ("company.industry is set", [1]),
        ("company is empty", [3]),
        ('company.country = "PL" and company.industry != "Software"', [4]),
        ('company.country != "PL" and company.industry != "Software"', [2, 3]),
        ('company.country = "PL" or company.industry is empty', [1, 2, 3, 4]),
        ('not (company.country = "PL" and company.industry is empty)', [1, 2, 3]),
        ('company.tags has "vip"', [1]),
        ('company.tags not has "vip"', [2, 3, 4]),
        ('company.tags has all ("vip", "new")', [1]),
        ('not company.tags has all ("vip", "new")', [2, 3, 4]),
        ('company.tags has only ("vip")', []),
        ("company.tags is empty", [2, 3, 4]),
        ("count(company.tags) = 2", [1]),
        ("count(company.tags) = 0", [2, 3, 4]),
        ('any company.tags (item starts with "N")', [1]),
        ('company in segment "newsletter companies"', [1]),
        ('company not in segment "newsletter companies"', [2, 3, 4]),
        ('in segment "newsletter contacts"', [1, 3]),
        ('any company.contacts (name = "b")', [2]),
        ("no company.contacts", [3]),
        ("count(company.contacts) < 1", [3]),
    ],
)
def test_what_is_asked_of_a_missing_company_is_false_and_its_negation_true(
    database: sa.Engine, firms: Workspace, condition: str, ids: list[int]
) -> None:
    assert asked(database, firms, condition) == ids


def test_long_paths_lead_to_the_right_record(database: sa.Engine, firms: Workspace) -> None:
    firms.add(T.DEAL).ones |= {"contact": 1, "company": 3}
    for values in ({"deal": 1}, {"contact": 2}, {}):
        firms.add(T.TASK).ones |= values
    polish = 'deal.contact.company.industry = "Software"'
    assert asked(database, firms, polish, T.TASK) == [1]
    assert asked(database, firms, "deal.contact.company is set", T.TASK) == [1]
    walked_back = 'any deal.contact.company.contacts (company.country = "PL")'
    assert asked(database, firms, walked_back, T.TASK) == [1]
    none = "count(deal.contact.company.contacts) = 0"
    assert asked(database, firms, none, T.TASK) == [2, 3]
    assert asked(database, firms, f"not {none}", T.TASK) == [1]
    assert asked(database, firms, f"{none} or deal.contact.company is set", T.TASK) == [1, 2, 3]
    assert asked(database, firms, "sum(deal.contact.company.deals.value) is set", T.TASK) == [
        1,
        2,
        3,
    ]
    mixed = 'deal.company.country = "PL" and deal.contact.company.country = "PL"'
    assert asked(database, firms, mixed, T.TASK) == [1]


# ---------------------------------------------------------------- events


@pytest.mark.parametrize(
    ("attribute", "test", "values", "found"),
    [
        ("plan", "= '5'", ["5", 5, ["5"], {"a": "5"}, None, "5 "], [1]),
        ("plan", "is set", ["x", "", 5, False, None, [], {}], [1]),
        ("plan", "= '[1]'", ["[1]", [1]], [1]),
        ("quantity", "= 5", [5, 5.0, "5", 5.5, True], [1, 2]),
        ("quantity", "is set", [0, 2**53, 2**53 + 1, -(2**53), 0.5, 1e300, 2**70], [1, 2, 4]),
        ("amount", "= 0.1", [0.1, "0.1", 0.10000000000000002], [1]),
        ("amount", "is set", [5, 2**70, 1e308, -1e308, 1e-320, True, "1"], [1, 2, 3, 4, 5]),
        ("amount", "> 0", [1, 0, 5e-324, 1e-310, -1.0], [1, 3, 4]),
        ("paid", "is true", [True, 1, "true", False, None], [1]),
        ("paid", "is false", [False, 0, "false", None], [1]),
        ("due_on", "is set", ["2024-02-29", "2023-02-29", "2026-3-1", "0000-01-01"], [1]),
        ("due_on", "is set", ["20260301", "2026-W09-7", "2026-03-32", "2026-13-01", 20260301], []),
        ("due_on", "is set", ["0001-01-01", "9999-12-31", "2000-02-29", "1900-02-29"], [1, 2, 3]),
        ("due_on", "on 2026-03-01", ["2026-03-01", "2026-03-01 ", "now", "2026-03-01T00:00"], [1]),
        (
            *("sent_at", "is set"),
            ["2026-03-01T10:00:00.000000Z", "2026-03-01T10:00:00Z", "2026-03-01T24:00:00.000000Z"],
            [1],
        ),
        (
            *("sent_at", "is set"),
            ["2026-02-29T10:00:00.000000Z", "2024-02-29T23:59:59.999999Z", "2026-03-01", 5, "now"],
            [2],
        ),
        (
            *("sent_at", "<= 2026-03-01T10:00"),
            ["2026-03-01T10:00:00.000000Z", "2026-03-01T10:00:00.000001Z"],
            [1],
        ),
        ("labels", "has 'a'", [["a", "b"], ["b"], "a", {"a": 1}, [1, "a"], [["a"]]], [1, 5]),
        ("labels", "is set", [["a"], [], [1], [""], None, "a"], [1]),
        ("labels", "has all ('a', 'b')", [["a", "b"], ["a", "a"], ["b", "c", "a"]], [1, 3]),
        ("labels", "has all ('a','b','c','d','e')", [[*"abcde"], [*"abcdd"], [*"eabcdde"]], [1, 3]),
        ("labels", "has only ('a', 'b')", [["a"], ["a", "c"], [], ["b", 1]], [1, 4]),
        ("labels", "not has 'a'", [["a"], ["b"], None, "a"], [2, 3, 4]),
    ],
)  # fmt: skip
def test_a_json_value_of_another_type_counts_as_missing(
    database: sa.Engine, attribute: str, test: str, values: list[Any], found: list[int]
) -> None:
    workspace = Workspace(CATALOG)
    for value in values:
        events(workspace, workspace.add(T.CONTACT), ("e", "01T00:00", {attribute: value}))
    assert asked(database, workspace, f'event "e" where ({attribute} {test})') == found


def test_numbers_that_no_float_holds_do_not_make_a_query_fail(database: sa.Engine) -> None:
    workspace = Workspace(CATALOG)
    for _ in range(4):
        events(workspace, workspace.add(T.CONTACT), ("e", "01T00:00", {}))
    condition = parse("any events (amount is set)", T.CONTACT, CATALOG, NAMES)
    small = parse("any events (amount = 0)", T.CONTACT, CATALOG, NAMES)
    scope = Scope(TABLES, database.dialect.name, NOON)
    with Session(database) as session:
        load(session, TABLES, workspace)
        numbers = ("1e400", "-1e400", "1e-400", "1.7976931348623157e308")
        for id, number in enumerate(numbers, start=1):
            text = "CAST(:text AS jsonb)" if scope.dialect == "postgresql" else ":text"
            update = sa.text(f"UPDATE event SET attributes = {text} WHERE id = :id")
            session.execute(update, {"text": f'{{"amount": {number}}}', "id": id})
        assert sorted(session.scalars(matching(condition, T.CONTACT, scope))) == [3, 4]
        assert list(session.scalars(matching(small, T.CONTACT, scope))) == [3]


@pytest.fixture
def shoppers() -> Workspace:
    """Contact 1 bought twice at the same time, 2 once and then logged in, 3 did nothing."""
    workspace = contacts("name", "a", "b", "c")
    first, second, _ = workspace.records(T.CONTACT)
    events(
        workspace,
        first,
        ("buy", "10T12:00", {"amount": 1, "quantity": 1}),
        ("buy", "10T12:00", {"amount": 2, "quantity": 1}),
        ("buy", "01T12:00", {"amount": 3, "quantity": 2}),
    )
    events(workspace, second, ("buy", "14T12:00", {"amount": 9}), ("login", "14T13:00", {}))
    return workspace


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ('event "buy"', [1, 2]),
        ('no event "buy"', [3]),
        ('event "buy" at most 1 times', [2, 3]),
        ('event "buy" exactly 0 times', [3]),
        ('event "buy" at least 0 times', [1, 2, 3]),
        ('event "buy" fewer than 0 times', []),
        ('event "buy" more than 1 times in last 7 days', [1]),
        ('event "buy" where amount >= 2 exactly 2 times', [1]),
        ('event "buy" exactly 1 times on 2026-03-01', [1]),
        ('no event "buy" in last 24 hours', [1, 3]),
        ('last event "buy" with (amount = 2)', [1]),
        ('first event "buy" with (amount = 3)', [1]),
        ('last event "buy" where quantity = 1 with (amount = 1)', []),
        ('first event "buy" where quantity = 1 with (amount = 1)', [1]),
        ('not first event "buy" where quantity = 1 with (amount = 1)', [2, 3]),
        ('last event "buy" in last 24 hours', [2]),
        ('last event "buy" more than 3 days ago', [1]),
        ('first event "buy" before 2026-03-02', [1]),
        ('first event "buy" after 2026-03-02', [2]),
        ('first event "buy" on 2026-03-01', [1]),
        ('not last event "buy" more than 3 days ago', [2, 3]),
        ('last event "buy" with (contact.name = "b")', [2]),
        ('count(events where name starts with "B") >= 2', [1]),
        ('max(events.amount where name = "buy") = 9', [2]),
        ("sum(events.quantity) = 4", [1]),
        ("sum(events.amount) = 0", [3]),
    ],
)
def test_events_are_counted_and_put_in_order(
    database: sa.Engine, shoppers: Workspace, condition: str, ids: list[int]
) -> None:
    assert asked(database, shoppers, condition) == ids


# ---------------------------------------------------------------- time


WARSAW = ZoneInfo("Europe/Warsaw")


@pytest.mark.parametrize(
    ("condition", "ids"),
    [
        ("anniversary of renewed_at on 2026-01-01", [1, 2, 6]),
        ("anniversary of renewed_at in next 7 days", [4]),
        ("anniversary of renewed_at in next 366 days", [1, 2, 3, 4, 5, 6]),
        ("not anniversary of renewed_at in next 366 days", [7, 8]),
        ("anniversary of renewed_at in last 12 weeks", [1, 2, 3, 5, 6]),
    ],
)
def test_an_anniversary_is_looked_up_in_the_zone_of_the_workspace(
    database: sa.Engine, condition: str, ids: list[int]
) -> None:
    moments = (
        *("2019-12-31T23:00:00", "2020-01-01T22:59:59.999999", "2020-01-01T23:00:00"),
        *("1950-03-18T08:00:00", "2000-02-29T12:00:00", "1900-01-01T00:00:00"),
        "1899-06-01T00:00:00",
    )
    values = [dt.datetime.fromisoformat(moment + "+00:00") for moment in moments]
    workspace = contacts("renewed_at", *values, None)
    clock = Clock(NOON.now, WARSAW)
    assert asked(database, workspace, condition, clock=clock) == sorted(ids)


def test_bounds_at_both_ends_of_the_calendar_are_bound(database: sa.Engine) -> None:
    last = dt.datetime.max.replace(tzinfo=dt.UTC)
    first = dt.datetime.min.replace(tzinfo=dt.UTC)
    workspace = contacts("renewed_at", first, last, None)
    assert asked(database, workspace, "renewed_at in last 100000 years") == [1]
    assert asked(database, workspace, "renewed_at more than 100000 years ago") == []
    assert asked(database, workspace, "renewed_at less than 100000 years from now") == [1]
    assert asked(database, workspace, "renewed_at on 9999-12-31") == [2]


# ---------------------------------------------------------------- logic


def test_everything_and_what_cannot_be_are_constant(database: sa.Engine) -> None:
    workspace = contacts("level", 1, None)
    assert asked(database, workspace, "everything") == [1, 2]
    assert asked(database, workspace, "not everything") == []
    assert asked(database, workspace, "level between 1.2 and 1.8 or level = 1.5") == []
    assert asked(database, workspace, "not (level = 1.5 and level = 1)") == [1, 2]


@pytest.mark.parametrize("negations", range(4))
def test_double_negation_is_none(database: sa.Engine, negations: int) -> None:
    workspace = contacts("level", 1, 2, None)
    inner = "level > 1 or name is set and any deals"
    condition = "not (" * negations + inner + ")" * negations
    assert asked(database, workspace, condition) == ([2] if negations % 2 == 0 else [1, 3])


def test_a_condition_about_items_may_be_any_logic(database: sa.Engine) -> None:
    workspace = contacts("name", "a", "b", "c")
    first, second, _ = workspace.records(T.CONTACT)
    first.lists["tags"] = ("red", "blue")
    second.lists["tags"] = ("green",)
    some = 'any tags (item starts with "r" or not (item contains "e" or item = "x"))'
    assert asked(database, workspace, some) == [1]
    assert asked(database, workspace, 'count(tags where item contains "e") >= 2') == [1]
    assert asked(database, workspace, 'count(tags where item contains "e") < 2') == [2, 3]
