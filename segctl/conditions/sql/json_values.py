"""Attributes of events, which the store keeps as JSON.

A JSON value of another type than declared counts as missing, and no value makes a query fail: what
is cast has been looked at before. What counts is the same as in stored.json_value.
"""

from collections.abc import Sequence
import re
from typing import assert_never

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from segctl.catalog import MAX_INTEGER, Attribute, ValueType
from segctl.conditions.sql.scope import Row, Scope, Value
from segctl.conditions.sql.terms import Clause, Sql
from segctl.store.types import Day, Instant

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_COST = 12
_STACK = 16

_LARGEST_DOUBLE = 1.7976931348623157e308
_NORMALISED = "+0 days"
"""Makes older SQLites turn 31 April into 1 May too, and so tell that it is not a day."""
_TOO_LARGE = "1.7976931348623158079e308"
"""Just below the decimal from which on a number rounds to infinity."""
_TOO_SMALL = "2.4703282292062328e-324"
"""Half of the smallest double: up to here a number rounds to zero, which Postgres refuses to do."""

_DAY = (
    r"(?!0000)\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)"
    r"|02-(?:0[1-9]|1\d|2[0-8]))"
    r"|(?!0000)(?:\d\d(?:0[48]|[2468][048]|[13579][26])|(?:[02468][048]|[13579][26])00)-02-29"
)
_DATE_PATTERN = f"^(?:{_DAY})$".replace(r"\d", "[0-9]")
_INSTANT_PATTERN = rf"^(?:{_DAY})T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{{6}}Z$".replace(
    r"\d", "[0-9]"
)


def event_value(row: Row, attribute: Attribute, scope: Scope) -> Value:
    """A single-valued attribute of an event, NULL where it is missing or of another type."""
    sql = _sqlite_value(row, attribute) if scope.sqlite else _postgres_value(row, attribute)
    return Value(sql, attribute.kind, _COST, _STACK)


def event_items(
    row: Row, attribute: Attribute, scope: Scope
) -> tuple[sa.FromClause, Sql, Sequence[Clause]]:
    """The items of a multi-valued attribute: what to select from, the item, and what else to ask.

    An item can occur more than once.
    """
    name = _name(attribute)
    if scope.sqlite:
        path = _sqlite_path(name)
        listed = sa.case(
            (_sqlite_type(row, path) == "array", _sqlite_extract(row, path)),
            else_=sa.literal_column("'[]'"),
        )
        each = sa.func.json_each(listed).table_valued("type", "value")
        return each, each.c.value, (each.c.type == "text", each.c.value != "")
    document = _postgres_document(row, name)
    listed = sa.case(
        (sa.func.jsonb_typeof(document) == "array", document),
        else_=sa.literal_column("'[]'::jsonb"),
    )
    each = sa.func.jsonb_array_elements(listed).table_valued(sa.column("value", JSONB))
    item = _postgres_text(each.c.value)
    return each, item, (sa.func.jsonb_typeof(each.c.value) == "string", item != "")


def _name(attribute: Attribute) -> str:
    # It becomes part of a path and not a parameter; the catalog lets only such names in.
    if not _NAME.fullmatch(attribute.name):
        raise ValueError(f"{attribute.name!r} is no attribute name")
    return attribute.name


# ---------------------------------------------------------------- SQLite


def _sqlite_path(name: str) -> Sql:
    return sa.literal_column(f"'$.{name}'")


def _sqlite_type(row: Row, path: Sql) -> Sql:
    return sa.func.json_type(sa.type_coerce(row.table.c.attributes, sa.Text), path, type_=sa.Text)


def _sqlite_extract(row: Row, path: Sql) -> Sql:
    return sa.func.json_extract(
        sa.type_coerce(row.table.c.attributes, sa.Text), path, type_=sa.Text
    )


def _sqlite_value(row: Row, attribute: Attribute) -> Sql:
    path = _sqlite_path(_name(attribute))
    type_, found = _sqlite_type(row, path), _sqlite_extract(row, path)
    number = type_.in_([sa.literal_column("'integer'"), sa.literal_column("'real'")])
    is_text = type_ == sa.literal_column("'text'")
    match attribute.kind:
        case ValueType.STRING | ValueType.CHOICE:
            return sa.case((is_text, sa.func.nullif(found, sa.literal_column("''"), type_=sa.Text)))
        case ValueType.BOOLEAN:
            flag = type_.in_([sa.literal_column("'true'"), sa.literal_column("'false'")])
            return sa.case((flag, sa.type_coerce(found, sa.Boolean)))
        case ValueType.INTEGER:
            value = sa.type_coerce(found, sa.BigInteger)
            whole = sa.cast(value, sa.BigInteger)
            kept = sa.and_(number, value.between(-MAX_INTEGER, MAX_INTEGER), value == whole)
            return sa.case((kept, whole))
        case ValueType.FLOAT:
            double = sa.cast(found, sa.REAL)
            finite = double.between(-_LARGEST_DOUBLE, _LARGEST_DOUBLE)
            return sa.case((sa.and_(number, finite), double))
        case ValueType.DATE:
            day = sa.and_(found == sa.func.date(found, _NORMALISED), found >= "0001-01-01")
            return sa.type_coerce(sa.case((sa.and_(is_text, day), found)), Day())
        case ValueType.DATETIME:
            second = sa.func.substr(found, 1, 19, type_=sa.Text)
            instant = sa.and_(
                second == sa.func.strftime("%Y-%m-%dT%H:%M:%S", second, _NORMALISED),
                sa.func.substr(found, 20, type_=sa.Text).op("GLOB", is_comparison=True)(
                    ".[0-9][0-9][0-9][0-9][0-9][0-9]Z"
                ),
                found >= "0001-01-01",
            )
            return sa.type_coerce(sa.case((sa.and_(is_text, instant), found)), Instant())
        case ValueType.MULTICHOICE | ValueType.TAGS:
            raise TypeError(f"{attribute} has many values")
        case _:
            assert_never(attribute.kind)


# ---------------------------------------------------------------- Postgres


def _postgres_document(row: Row, name: str) -> Sql:
    document = sa.type_coerce(row.table.c.attributes, JSONB())
    return sa.type_coerce(document.op("->")(sa.literal_column(f"'{name}'")), JSONB())


def _postgres_text(document: Sql) -> Sql:
    text = document.op("#>>")(sa.literal_column("'{}'::text[]"))
    return sa.collate(sa.type_coerce(text, sa.Text()), "C")


def _postgres_value(row: Row, attribute: Attribute) -> Sql:
    document = _postgres_document(row, _name(attribute))
    type_ = sa.func.jsonb_typeof(document, type_=sa.Text)
    text = _postgres_text(document)
    number = sa.cast(document, sa.Numeric)
    match attribute.kind:
        case ValueType.STRING | ValueType.CHOICE:
            return sa.case((type_ == "string", sa.func.nullif(text, "", type_=sa.Text)))
        case ValueType.BOOLEAN:
            return sa.case((type_ == "boolean", sa.cast(document, sa.Boolean)))
        case ValueType.INTEGER:
            kept = sa.and_(
                number.between(sa.literal(-MAX_INTEGER), sa.literal(MAX_INTEGER)),
                number == sa.func.trunc(number),
            )
            # Nested: AND promises no order, and the cast must come after the look at the type.
            return sa.case((type_ == "number", sa.case((kept, sa.cast(number, sa.BigInteger)))))
        case ValueType.FLOAT:
            size = sa.func.abs(number, type_=sa.Numeric)
            double = sa.case(
                (
                    size.between(sa.literal_column("1e-300"), sa.literal_column("1e300")),
                    sa.cast(document, sa.Double),
                ),
                (size < sa.literal_column(_TOO_SMALL), sa.literal(0.0, sa.Double())),
                (size < sa.literal_column(_TOO_LARGE), sa.cast(document, sa.Double)),
            )
            return sa.case((type_ == "number", double))
        case ValueType.DATE:
            valid = sa.and_(type_ == "string", text.op("~", is_comparison=True)(_DATE_PATTERN))
            return sa.case((valid, sa.cast(text, sa.Date)))
        case ValueType.DATETIME:
            valid = sa.and_(type_ == "string", text.op("~", is_comparison=True)(_INSTANT_PATTERN))
            return sa.case((valid, sa.cast(text, sa.TIMESTAMP(timezone=True))))
        case ValueType.MULTICHOICE | ValueType.TAGS:
            raise TypeError(f"{attribute} has many values")
        case _:
            assert_never(attribute.kind)
