"""Exact comparisons of numbers.

Both stores would round an integer or a literal now and then when the two meet. So the literal is
turned into the value's own kind first, and the order with it: an integer `> 2.5` is `>= 3`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Any, Protocol, assert_never

import sqlalchemy as sa

from segctl.conditions.nodes import Number, NumberBetween, NumberIn, NumberVersus, Order
from segctl.conditions.sql.scope import Scope, Value
from segctl.conditions.sql.terms import FALSE, Clause, Sql, Term, all_of, any_of
from segctl.conditions.sql.text import among

_LARGEST = 2**63 - 1


class Always:
    """What every number satisfies."""


class Never:
    """What no number satisfies."""


Bound = tuple[Order, Number] | type[Always] | type[Never]


def as_integer(order: Order, number: Number) -> Bound:
    """The same comparison for an integer value; the bound is an int."""
    if number == (whole := math.floor(number)):
        return order, whole
    match order:
        case Order.EQ:
            return Never
        case Order.LT | Order.LE:
            return Order.LE, whole
        case Order.GT | Order.GE:
            return Order.GE, whole + 1
        case _:
            assert_never(order)


def as_float(order: Order, number: Number) -> Bound:
    """The same comparison for a finite double; the bound is a float."""
    try:
        nearest = float(number)
    except OverflowError:
        # Beyond the range of doubles, which no value is.
        below = number > 0
        return (
            Always if below == (order in (Order.LT, Order.LE)) and order is not Order.EQ else Never
        )
    if nearest == number:
        return order, nearest
    match order:
        case Order.EQ:
            return Never
        case Order.LT | Order.LE:
            return (Order.LE if nearest < number else Order.LT), nearest
        case Order.GT | Order.GE:
            return (Order.GE if nearest > number else Order.GT), nearest
        case _:
            assert_never(order)


class Operand(Protocol):
    """A numeric value that can be compared with bounds of its own kind."""

    @property
    def integer(self) -> bool: ...

    def versus(self, order: Order, bound: Number) -> Term: ...

    def between(self, low: Number, high: Number) -> Term: ...

    def one_of(self, bounds: Sequence[Number]) -> Term: ...

    def present(self) -> Term: ...


def number_term(test: NumberVersus | NumberBetween | NumberIn, operand: Operand) -> Term:
    turned = as_integer if operand.integer else as_float
    match test:
        case NumberVersus(order, number):
            return _compared(operand, turned(order, number))
        case NumberBetween(low, high):
            first, last = turned(Order.GE, low), turned(Order.LE, high)
            match first, last:
                case (Order.GE, least), (Order.LE, most):
                    return operand.between(least, most) if least <= most else FALSE
            return all_of([_compared(operand, first), _compared(operand, last)])
        case NumberIn(values):
            bounds = [turned(Order.EQ, value) for value in values]
            return operand.one_of(list(dict.fromkeys(b[1] for b in bounds if isinstance(b, tuple))))
        case _:
            assert_never(test)


def _compared(operand: Operand, bound: Bound) -> Term:
    if isinstance(bound, tuple):
        return operand.versus(*bound)
    return FALSE if bound is Never else operand.present()


@dataclass(frozen=True, slots=True)
class Plain:
    """A number that the store compares as it is: a column, or an expression of its type."""

    value: Value
    integer: bool
    scope: Scope
    type_: sa.types.TypeEngine[Any]
    """What bounds are bound as."""

    @property
    def cost(self) -> int:
        return self.value.cost

    @property
    def stack(self) -> int:
        return self.value.stack

    def _bound(self, number: Number) -> Any:
        if isinstance(self.type_, sa.BigInteger):
            # No store binds a larger one, and no value reaches it.
            number = min(max(number, -_LARGEST), _LARGEST)
        return sa.literal(number, self.type_)

    def versus(self, order: Order, bound: Number) -> Term:
        sql, wanted = self.value.sql, self._bound(bound)
        if order is Order.EQ:
            return Term(
                sql == wanted, self.cost, self.stack + 2, opposite=sql.is_distinct_from(wanted)
            )
        return Term(ordered(order, sql, wanted), self.cost, self.stack + 2)

    def between(self, low: Number, high: Number) -> Term:
        sql = self.value.sql.between(self._bound(low), self._bound(high))
        return Term(sql, self.cost, self.stack + 4)

    def one_of(self, bounds: Sequence[Number]) -> Term:
        if not bounds:
            return FALSE
        if len(bounds) == 1:
            return self.versus(Order.EQ, bounds[0])
        kept = [b for b in bounds if abs(b) <= _LARGEST] if self.integer else bounds
        if not kept:
            return FALSE
        sql = among(self.value.sql, kept, self.type_, self.scope)
        return Term(sql, self.cost + 2, self.stack + 12)

    def present(self) -> Term:
        sql = self.value.sql
        return Term(sql.is_not(None), self.cost, self.stack + 2, opposite=sql.is_(None))


def plain(value: Value, scope: Scope, *, integer: bool) -> Plain:
    """The number of a column or of an attribute of an event, at most 64 bits."""
    return Plain(value, integer, scope, sa.BigInteger() if integer else sa.Double())


def ordered(order: Order, left: Any, right: Any) -> Clause:
    """`left ORDER right`."""
    match order:
        case Order.LT:
            return left < right  # type: ignore[no-any-return]
        case Order.LE:
            return left <= right  # type: ignore[no-any-return]
        case Order.EQ:
            return left == right  # type: ignore[no-any-return]
        case Order.GE:
            return left >= right  # type: ignore[no-any-return]
        case Order.GT:
            return left > right  # type: ignore[no-any-return]
        case _:
            assert_never(order)


# ---------------------------------------------------------------- sums

_BITS = 20
_MASK = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True)
class Halves:
    """The exact sum of integers on SQLite, whose own sum() fails beyond 64 bits.

    Summed as high and low bits apart and compared as a pair, most significant first.
    """

    high: Sql
    low: Sql
    integer: bool = True
    cost: int = 4
    stack: int = 16

    @classmethod
    def of(cls, value: Sql) -> "Halves":
        high = sa.func.sum(value.bitwise_rshift(_BITS), type_=sa.BigInteger)
        low = sa.func.sum(value.bitwise_and(_MASK), type_=sa.BigInteger)
        return cls(high + low.bitwise_rshift(_BITS), low.bitwise_and(_MASK))

    def versus(self, order: Order, bound: Number) -> Term:
        high, low = divmod(int(bound), 1 << _BITS)
        if not -_LARGEST <= high <= _LARGEST:  # no sum of a store's integers gets there
            reached = order in ((Order.GT, Order.GE) if high < 0 else (Order.LT, Order.LE))
            return self.present() if reached else FALSE
        if order is Order.EQ:
            return Term(sa.and_(self.high == high, self.low == low), self.cost, self.stack, "and")
        pair = sa.tuple_(self.high, self.low)
        return Term(
            ordered(order, pair, sa.tuple_(sa.literal(high), sa.literal(low))),
            self.cost,
            self.stack,
        )

    def between(self, low: Number, high: Number) -> Term:
        return all_of([self.versus(Order.GE, low), self.versus(Order.LE, high)])

    def one_of(self, bounds: Sequence[Number]) -> Term:
        return any_of([self.versus(Order.EQ, bound) for bound in bounds])

    def present(self) -> Term:
        return Term(self.high.is_not(None), self.cost, self.stack, opposite=self.high.is_(None))


_ROUNDED_BELOW = 4.5e9
_HUGE = 1e300
"""Postgres fails where a sum leaves the range of doubles, so there no larger ones are added."""


def float_sum(value: Sql, scope: Scope) -> Sql:
    if scope.sqlite:
        return sa.func.sum(value, type_=sa.Double)
    bounded = sa.func.least(
        sa.func.greatest(value, _double(-_HUGE)), _double(_HUGE), type_=sa.Double
    )
    return sa.func.sum(bounded, type_=sa.Double)


def integer_sum_as_float(value: Sql, scope: Scope) -> Sql:
    """The exact sum, then rounded to a double."""
    if not scope.sqlite:
        return sa.cast(sa.func.sum(value), sa.Double)
    high = sa.func.sum(value.bitwise_rshift(_BITS), type_=sa.Double)
    low = sa.func.sum(value.bitwise_and(_MASK), type_=sa.Double)
    return high * _double(float(1 << _BITS)) + low


def rounded(number: Sql, scope: Scope) -> Sql:
    """To 6 decimals, step by step as truth.rounded does, so that all get the same double."""
    scaled = number * _double(1e6) + _double(0.5)
    if scope.sqlite:
        whole = sa.cast(scaled, sa.BigInteger)  # towards zero; not every SQLite has floor()
        floor = whole - sa.type_coerce(scaled < whole, sa.Integer)
    else:
        floor = sa.func.floor(scaled, type_=sa.Double)
    small = sa.func.abs(number, type_=sa.Double) < _double(_ROUNDED_BELOW)
    return sa.case((small, floor.op("/", precedence=8)(_double(1e6))), else_=number)


def _double(number: float) -> sa.BindParameter[float]:
    return sa.literal(number, sa.Double())
