"""Tests of one value, whatever its kind."""

from typing import assert_never

import sqlalchemy as sa

from segctl.catalog import ValueType
from segctl.conditions.nodes import (
    Anniversary,
    BetweenPoints,
    Distance,
    Has,
    IsFalse,
    IsSet,
    IsTrue,
    Matches,
    NumberBetween,
    NumberIn,
    NumberVersus,
    Period,
    Rolling,
    Test,
    TextIn,
    TextPart,
    Versus,
)
from segctl.conditions.sql.numbers import number_term, plain
from segctl.conditions.sql.scope import Scope, Value
from segctl.conditions.sql.terms import Term
from segctl.conditions.sql.text import text_term
from segctl.conditions.sql.times import time_term


def value_term(test: Test, value: Value, scope: Scope) -> Term:
    """Whether the value passes the test; a missing one passes none."""
    match test:
        case IsSet():
            return present(value)
        case IsTrue() | IsFalse():
            wanted = sa.true() if isinstance(test, IsTrue) else sa.false()
            return Term(
                value.sql.is_(wanted),
                value.cost,
                value.stack + 2,
                opposite=value.sql.is_not(wanted),
            )
        case TextIn() | TextPart() | Matches():
            return text_term(test, value, scope)
        case NumberVersus() | NumberBetween() | NumberIn():
            return number_term(test, plain(value, scope, integer=value.kind is ValueType.INTEGER))
        case Rolling() | Distance() | Period() | Versus() | BetweenPoints() | Anniversary():
            return time_term(test, value, scope)
        case Has():
            raise TypeError("only a multi-valued attribute has items")
        case _:
            assert_never(test)


def present(value: Value) -> Term:
    return Term(value.sql.is_not(None), value.cost, value.stack + 2, opposite=value.sql.is_(None))
