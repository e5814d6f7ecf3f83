"""How the SQL of conditions looks and runs: what is bound, what is asked first, which plan serves.

And that no condition is too large or too deep for either store.
"""

from collections.abc import Iterator
import re

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect

from segctl.catalog import ObjectType
from segctl.conditions.nodes import Condition, Not
from segctl.conditions.parser import parse
from segctl.conditions.sql import Scope, matching, predicate
from segctl.store.functions import FOLD, MATCHES, fold
from segctl.store.records import record_tables
from tests.conditions.strategies import CATALOG, NOON, SEGMENTS, SegmentPool

T = ObjectType
TABLES = record_tables(CATALOG)
NAMES = SegmentPool(SEGMENTS)
DIALECTS = {"sqlite": sqlite_dialect.dialect(), "postgresql": postgresql.psycopg.dialect()}


def tree(text: str, type: ObjectType = T.CONTACT) -> Condition:
    return parse(text, type, CATALOG, NAMES)


def compiled(text: str, dialect: str, type: ObjectType = T.CONTACT) -> sa.Compiled:
    select = matching(tree(text, type), type, Scope(TABLES, dialect, NOON))
    return select.compile(dialect=DIALECTS[dialect], compile_kwargs={"render_postcompile": True})


def sql(text: str, dialect: str, type: ObjectType = T.CONTACT) -> str:
    """The statement on one line, parameters without their types."""
    plain = re.sub(
        r"%\(\w+\)s(::\w+( \w+)*?(?=[ ,)\]]|$))?", "?", str(compiled(text, dialect, type))
    )
    return re.sub(r"\s+", " ", plain)


# ---------------------------------------------------------------- what is bound


@pytest.mark.parametrize("dialect", DIALECTS)
def test_values_are_never_part_of_the_statement(dialect: str) -> None:
    text = (
        'name = "v4lue" and city contains "v4lue" and level > 9871 and tags has "v4lue" '
        'and renewed_at >= 2026-01-31 and event "v4lue" where amount > 9871.5 at least 9871 times '
        'and name matches "v4lue" and any deals (margin in (9871.25, 9871.5)) '
        'and country in ("v4lue", "é") ignoring case and sum(deals.seats) = 9871'
    )
    statement = str(compiled(text, dialect))
    assert "v4lue" not in statement
    assert "987" not in statement
    assert "2026" not in statement


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        *("name in ({texts})", "name in ({texts}) ignoring case", "tags has any ({texts})"),
        "level in ({numbers})",
    ],
)
def test_a_long_list_is_one_parameter(dialect: str, text: str) -> None:
    texts, numbers = ", ".join(f'"n{i}"' for i in range(5000)), ", ".join(map(str, range(5000)))
    found = compiled(text.format(texts=texts, numbers=numbers), dialect)
    assert len(found.params) <= 3


def test_one_statement_serves_all_values_so_that_it_is_compiled_once() -> None:
    scope = Scope(TABLES, "sqlite", NOON)
    one, other = (
        matching(tree(f'name contains "{word}" and level > {number}'), T.CONTACT, scope)
        for word, number in (("ab", 1), ("cd", 2))
    )
    assert one._generate_cache_key() == other._generate_cache_key()  # type: ignore[no-untyped-call]


# ---------------------------------------------------------------- negation


@pytest.mark.parametrize(
    ("text", "on_sqlite", "on_postgres"),
    [
        ('name != "x"', "contact.name IS NOT ?", "contact.name IS DISTINCT FROM ?"),
        ("not level > 5", "(contact.level > ?) IS NOT TRUE", "(contact.level > ?) IS NOT TRUE"),
        ("name is empty", "contact.name IS NULL", "contact.name IS NULL"),
        ("not vip", "contact.vip IS NOT 1", "contact.vip IS NOT true"),
        ("company is empty", "contact.company_id IS NULL", "contact.company_id IS NULL"),
    ],
)
def test_a_negated_test_holds_for_missing_values(
    text: str, on_sqlite: str, on_postgres: str
) -> None:
    assert sql(text, "sqlite").endswith(f"WHERE {on_sqlite}")
    assert sql(text, "postgresql").endswith(f"WHERE {on_postgres}")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_negation_is_pushed_down_so_that_positive_tests_stay_plain(dialect: str) -> None:
    found = sql('not (name != "x" or level != 5 or not any deals)', dialect)
    assert "contact.name = ?" in found
    assert "contact.level = ?" in found
    assert "NOT" not in found.replace("IS NOT NULL", "")


def test_postgres_never_gets_not_in_a_subquery() -> None:
    texts = (
        *("no deals", "count(deals) < 2", 'tags not has "x"', 'tags has only ("a", "b")'),
        *('not in segment "newsletter contacts"', 'no event "x"', 'company.name != "x"'),
    )
    for text in texts:
        assert "NOT (EXISTS (" in sql(text, "postgresql")
        assert " IN (SELECT" not in sql(text, "postgresql")


# ---------------------------------------------------------------- what is asked of whom


@pytest.mark.parametrize("dialect", DIALECTS)
def test_questions_about_the_same_record_are_asked_in_one_go(dialect: str) -> None:
    text = 'company.industry = "x" and company.size > 5 and company.country != "y"'
    for asked in (text, f"not ({text})", text.replace("and", "or")):
        assert sql(asked, dialect).count("FROM company") == 1, asked


def test_cheap_tests_come_before_dear_ones() -> None:
    found = sql('tags has "x" and name contains "a" and level = 1', "sqlite")
    places = [found.index(part) for part in ("level = ?", "name LIKE ?", "IN (SELECT")]
    assert places == sorted(places)


@pytest.fixture
def calls(sqlite: sa.Engine) -> Iterator[list[str]]:
    """What Python was asked to fold."""
    texts: list[str] = []

    def counted(text: str | None) -> str | None:
        if text is None:
            return None
        texts.append(text)
        return fold(text)

    driver = sqlite.raw_connection().driver_connection
    assert driver is not None
    driver.create_function(FOLD, 1, counted, deterministic=True)
    yield texts
    driver.create_function(FOLD, 1, lambda text: text and fold(text), deterministic=True)


@pytest.mark.parametrize(
    "test",
    [
        *('contains "kiwi"', 'starts with "K"', 'ends with "i"', 'contains "50%"', 'contains "ł"'),
        *('contains "zażółć"', 'in ("kiwi", "ł") ignoring case', 'in ("k") ignoring case'),
    ],
)
def test_ascii_values_are_never_folded_by_python(
    sqlite: sa.Engine, calls: list[str], test: str
) -> None:
    scope = Scope(TABLES, "sqlite", NOON)
    with sqlite.connect() as connection:
        table = TABLES.record(T.CONTACT)
        values = ("KIWI", "xkiwi i", "50% k", "I", "zazolc", "", None)
        rows = [{"external_id": str(i), "name": name or None} for i, name in enumerate(values)]
        connection.execute(sa.insert(table), rows)
        connection.execute(matching(tree(f"name {test}"), T.CONTACT, scope)).all()
        connection.execute(matching(tree(f"not name {test}"), T.CONTACT, scope)).all()
        connection.rollback()
    assert calls == []


# ---------------------------------------------------------------- plans


def plan(engine: sa.Engine, text: str, type: ObjectType = T.CONTACT) -> str:
    """What EXPLAIN QUERY PLAN says, a line a step."""
    select = matching(tree(text, type), type, Scope(TABLES, "sqlite", NOON))
    found = select.compile(engine, compile_kwargs={"render_postcompile": True})
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            f"EXPLAIN QUERY PLAN {found}", tuple(None for _ in found.positiontup or ())
        )
        return "\n".join(row[3] for row in rows)


@pytest.mark.parametrize(
    ("text", "step"),
    [
        ('tags has "vip"', "SEARCH contact_item_1 USING PRIMARY KEY (attribute=? AND item=?)"),
        ('in segment "newsletter contacts"', "USING PRIMARY KEY (segment_id=?)"),
        ('event "x" at least 2 times in last 9 days', "event_name (name=? AND occurred_at>? AND"),
        ('event "x" where amount > 5', "SEARCH event_1 USING INDEX event_name (name=?)"),
        (
            'last event "x" with (amount > 5)',
            "event_contact_id (contact_id=? AND name=? AND occurred_at>?)",
        ),
    ],
)
def test_sqlite_finds_what_is_asked_by_an_index(sqlite: sa.Engine, text: str, step: str) -> None:
    assert step in plan(sqlite, text)


@pytest.mark.parametrize(
    "text",
    [
        *('any deals (status = "won")', "count(deals) < 2", 'company.name != "x"', "no tickets"),
        *('tags not has "x"', 'event "x" at least 2 times', "sum(deals.value) > 5"),
        'last event "x" in last 9 days',
    ],
)
def test_sqlite_makes_a_set_of_related_records_only_once(sqlite: sa.Engine, text: str) -> None:
    assert "CORRELATED" not in plan(sqlite, text)


@pytest.mark.parametrize("text", ['status = "user"', "level > 5 or name contains 'x'", "no deals"])
def test_sqlite_gives_ids_in_order_without_sorting(sqlite: sa.Engine, text: str) -> None:
    assert plan(sqlite, text).startswith("SCAN contact")
    assert "ORDER BY" not in plan(sqlite, text)


# ---------------------------------------------------------------- limits


def _nested(levels: int, *, first: bool, test: str = "score > {}") -> str:
    """Alternating and/or, with the brackets on the left or on the right."""
    text = test.format(0)
    for level in range(1, levels):
        sides = [f"({text})", test.format(level)]
        text = (" and " if level % 2 else " or ").join(sides if first else reversed(sides))
    return text


def _bushy(levels: int) -> str:
    """Each level has dear tests beside the brackets."""
    text = "score > 0"
    for level in range(1, levels):
        word = "and" if level % 2 else "or"
        beside = f'(tags has "x{level}" and (score = {level} or phone contains "ł{level}"))'
        text = f'score > {level} {word} ({text}) {word} name contains "k{level}" {word} {beside}'
    return text


def _many(word: str, test: str, number: int) -> str:
    return f" {word} ".join(test.format(i=i) for i in range(number))


def _brackets() -> str:
    """Eight related records inside each other, all reached by long paths, and logic in between."""
    text = 'deal.contact.company.industry != "x"'
    for _ in range(7):
        for level in range(6):
            text = f'kind = "{level}" {"and" if level % 2 else "or"} ({text})'
        text = f"any deal.contact.company.tasks ({text} or deal.contact.company.size > 5)"
    return f"any company.tasks ({text})"


_ITEM = 'item = "{}"'
LARGE = {
    "levels on the left": _nested(64, first=True),
    "levels on the right": _nested(64, first=False),
    "levels of everything": _bushy(60),
    "levels of items": f"any tags ({_nested(62, first=False, test=_ITEM)})",
    "brackets": _brackets(),
    "negated numbers": _many("or", "score != {i}", 500),
    "windows": _many("and", "last_seen_at in last {i} days", 500),
    "texts": _many("or", 'name contains "ik{i}"', 200),
    "negated texts": _many("and", 'name not contains "ik{i}"', 200),
    "folded texts": _many("or", 'name in ("ikł{i}", "x") ignoring case', 150),
    "related records": _many("or", "any deals (value > {i})", 100),
    "paths": _many("and", "company.size != {i}", 200),
    "negated paths": _many("or", "company.size != {i}", 200),
    "events": _many("and", 'event "a{i}" where amount > 5 at least 2 times in last 5 days', 40),
    "anniversaries": _many("or", "anniversary of created_at in next {i} days", 30),
    "numbers": f"score in ({', '.join(map(str, range(9_000)))})",
    "fractions": f"balance in ({', '.join(f'{i}.5' for i in range(7_000))})",
    "items": "tags has all ({})".format(", ".join(f'"a{i}"' for i in range(5_000))),
    "aggregates": "count(deals where count(products where count(deals where sum(products.price "
    "where any deals (count(products) > 1)) > 5) > 1) > 1) > 1",
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("wanted", [True, False])
def test_no_condition_is_too_large_for_a_store(
    database: sa.Engine, name: str, wanted: bool
) -> None:
    condition = tree(LARGE[name]) if wanted else Not(tree(LARGE[name]))
    scope = Scope(TABLES, database.dialect.name, NOON)
    table, member = TABLES.record(T.CONTACT), TABLES.member(T.CONTACT)
    # As deep as a recalculation ever puts it: in an INSERT, and in the CASE of a shared scan.
    bit = sa.case((predicate(condition, table, T.CONTACT, scope), 1), else_=0)
    chosen = matching(condition, T.CONTACT, scope).add_columns(sa.literal(1), bit)
    with database.connect() as connection:
        connection.execute(
            member.insert().from_select(["record_id", "segment_id", "recalculation_id"], chosen)
        )
        connection.rollback()


def test_patterns_are_found_by_the_function_that_cannot_backtrack() -> None:
    assert f"{MATCHES}(?, contact.name)" in sql('name matches "a+"', "sqlite")
    assert "contact.name ~ ?" in sql('name matches "a+"', "postgresql")
