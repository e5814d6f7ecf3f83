"""Related records, items, aggregates and members."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import assert_never

import sqlalchemy as sa

from segctl.catalog import RELATIONS, Attribute, ObjectType, Relation, Storage, ValueType
from segctl.conditions.nodes import (
    Aggregate,
    Any,
    Comparison,
    Condition,
    Field,
    Function,
    Has,
    HasMode,
    IsSet,
    Many,
    NumberBetween,
    NumberIn,
    NumberVersus,
    Order,
    Test,
)
from segctl.conditions.sql.json_values import event_items, event_value
from segctl.conditions.sql.keys import Column, Keys, new_row, own_id, pointer
from segctl.conditions.sql.numbers import (
    Always,
    Halves,
    Operand,
    Plain,
    as_integer,
    float_sum,
    integer_sum_as_float,
    number_term,
    plain,
    rounded,
)
from segctl.conditions.sql.scope import ItemRow, Place, Row, Scope, Value
from segctl.conditions.sql.terms import FALSE, TRUE, Clause, Sql, Term, all_of
from segctl.conditions.sql.text import among
from segctl.conditions.sql.values import value_term
from segctl.conditions.truth import passes

Inside = Callable[[Condition | None, Place], Term]
"""How a condition in brackets is compiled: TRUE for none."""


@dataclass(frozen=True, slots=True)
class Related:
    """Rows to look through: where they come from, whose they are, which of them count.

    `key` names the record that a row belongs to; `owner` is the column, in the row in scope, that
    holds the same id.
    """

    source: sa.FromClause
    key: Sql
    owner: Column
    clauses: tuple[Clause, ...]
    row: Place

    def keys(self, inner: Term, having: Term | None = None) -> Keys:
        """The ids of the records that have such a row (grouped: whose rows satisfy `having`)."""
        clauses = list(self.clauses) if inner is TRUE else [*self.clauses, inner.sql]
        select = sa.select(self.key).select_from(self.source)
        if clauses:
            select = select.where(*clauses)
        if having is None:
            return Keys(select, self.key, inner)
        select = select.group_by(self.key)
        if having is not TRUE:
            select = select.having(having.sql)
        deeper = Term(inner.sql, inner.cost + having.cost, max(inner.stack, having.stack))
        return Keys(select, self.key, deeper, grouped=True)


def row_value(row: Row, attribute: Attribute, scope: Scope) -> Value:
    """A single-valued attribute of the record in scope."""
    if attribute.type is ObjectType.EVENT and not attribute.standard:
        return event_value(row, attribute, scope)
    return Value(row.table.c[attribute.name], attribute.kind)


def key_column(row: Row, hops: Sequence[Relation]) -> Column:
    """The column that holds the id of the record that no hop or one leads to."""
    match hops:
        case ():
            return own_id(row)
        case (hop,):
            return pointer(row, hop)
        case _:
            raise TypeError("longer paths are walked before")


def related_rows(row: Row, many: Many | Field, scope: Scope) -> Related:
    """The rows at the end of a to-many path of at most one hop. Not for items of events."""
    owner = key_column(row, many.hops)
    if isinstance(many, Field):
        item = scope.tables.item(many.attribute.type).alias()
        named = item.c.attribute == many.attribute.name
        return Related(item, item.c.record_id, owner, (named,), ItemRow(item.c.item))
    relation, target = many.relation, new_row(many.target, scope)
    match relation.storage:
        case Storage.CHILD:
            key = target.table.c[relation.column]
            set_ = () if not _nullable(relation) else (key.is_not(None),)
            return Related(target.table, key, owner, set_, target)
        case Storage.LINK:
            link = scope.tables.link().alias()
            other = RELATIONS[relation.target][relation.inverse].column
            joined = link.join(target.table, target.table.c.id == link.c[other])
            return Related(joined, link.c[relation.column], owner, (), target)
        case Storage.COLUMN:
            raise TypeError(f"{relation} leads to one record")
        case _:
            assert_never(relation.storage)


def _nullable(relation: Relation) -> bool:
    """Whether a child can be without a parent; an event always has its contact."""
    return (relation.source, relation.target) != (ObjectType.CONTACT, ObjectType.EVENT)


def through(
    row: Row, hops: Sequence[Relation], inside: Callable[[Row], Term], scope: Scope
) -> Term:
    """Whether to-one hops lead to a record for which the clause that `inside` makes is true."""
    first = last = new_row(hops[0].target, scope)
    source: sa.FromClause = first.table
    for hop in hops[1:]:
        following = new_row(hop.target, scope)
        source = source.join(following.table, following.table.c.id == last.table.c[hop.column])
        last = following
    inner = inside(last)
    if inner is FALSE:
        return FALSE
    select = sa.select(first.table.c.id).select_from(source)
    if inner is not TRUE:
        select = select.where(inner.sql)
    return Keys(select, first.table.c.id, inner).hold(pointer(row, hops[0]), scope)


# ---------------------------------------------------------------- any, has


def any_term(node: Any, row: Row, scope: Scope, inside: Inside) -> Term:
    """Whether there is a related record, or an item, that satisfies the condition."""
    if _in_json(node.many):
        assert isinstance(node.many, Field)
        return _json_items(node.many, row, scope, lambda item: inside(node.where, item))
    related = related_rows(row, node.many, scope)
    inner = inside(node.where, related.row)
    if inner is FALSE:
        return FALSE
    if inner is TRUE and isinstance(node.many, Many) and node.many.relation.storage is Storage.LINK:
        return _linked(node.many.relation, related.owner, scope)
    return related.keys(inner).hold(related.owner, scope)


def _linked(relation: Relation, owner: Column, scope: Scope) -> Term:
    """Whether there is any related record, which the link alone knows."""
    link = scope.tables.link().alias()
    key = link.c[relation.column]
    return Keys(sa.select(key), key, TRUE).hold(owner, scope)


def items_term(field: Field, test: Test, row: Row, scope: Scope) -> Term:
    """A test of a multi-valued attribute: `is set` or `has …`."""
    match test:
        case IsSet():
            return _any_item(field, row, scope, lambda item: TRUE)
        case Has(HasMode.ANY, items):
            return _any_item(field, row, scope, lambda item: _listed(item, items, scope))
        case Has(HasMode.ALL, items):
            return _has_all(field, tuple(dict.fromkeys(items)), row, scope)
        case Has(HasMode.ONLY, items):
            inside = _any_item(field, row, scope, lambda item: _listed(item, items, scope))
            outside = _any_item(
                field, row, scope, lambda item: _listed(item, items, scope, inside=False)
            )
            return all_of([inside, outside.negated()])
        case _:
            raise TypeError(f"{test} is no test of a multi-valued attribute")


def _listed(item: ItemRow, items: Sequence[str], scope: Scope, *, inside: bool = True) -> Term:
    """Whether the item, which is never NULL, is in the list, or not in it."""
    if len(items) == 1:
        same = item.item == items[0] if inside else item.item != items[0]
        return Term(same, 1)
    return Term(among(item.item, items, sa.Text(), scope, inside=inside), 3, 18)


def _any_item(field: Field, row: Row, scope: Scope, inside: Callable[[ItemRow], Term]) -> Term:
    if _in_json(field):
        return _json_items(field, row, scope, inside)
    related = related_rows(row, field, scope)
    assert isinstance(related.row, ItemRow)
    return related.keys(inside(related.row)).hold(related.owner, scope)


_FEW_ITEMS = 4


def _has_all(field: Field, items: Sequence[str], row: Row, scope: Scope) -> Term:
    if len(items) <= _FEW_ITEMS:
        # Sets probed one after the other beat one that is sorted and counted.
        return all_of(
            [
                _any_item(field, row, scope, partial(_listed, items=(item,), scope=scope))
                for item in items
            ]
        )
    if _in_json(field):
        found = _json_count(field, row, scope, lambda item: _listed(item, items, scope))
        return Term(found == len(items), 40, 40)
    related = related_rows(row, field, scope)
    assert isinstance(related.row, ItemRow)
    complete = Term(sa.func.count() == len(items), 1)
    return related.keys(_listed(related.row, items, scope), complete).hold(related.owner, scope)


def _in_json(many: Many | Field) -> bool:
    return isinstance(many, Field) and many.attribute.type is ObjectType.EVENT


def _json_items(field: Field, row: Row, scope: Scope, inside: Callable[[ItemRow], Term]) -> Term:
    source, item, clauses = event_items(row, field.attribute, scope)
    inner = inside(ItemRow(item))
    if inner is FALSE:
        return FALSE
    select: sa.Select[tuple[int]] = (
        sa.select(sa.literal_column("1")).select_from(source).where(*clauses, inner.sql)
    )
    found = sa.exists(select.correlate(row.table))
    return Term(found, 30 + inner.cost, 30 + inner.stack, opposite=~found)


def _json_count(field: Field, row: Row, scope: Scope, inside: Callable[[ItemRow], Term]) -> Sql:
    """How many different items satisfy the clause."""
    source, item, clauses = event_items(row, field.attribute, scope)
    select = sa.select(sa.func.count(sa.distinct(item))).select_from(source)
    return select.where(*clauses, inside(ItemRow(item)).sql).correlate(row.table).scalar_subquery()


# ---------------------------------------------------------------- aggregates


def aggregate_term(node: Aggregate, test: Test, row: Row, scope: Scope, inside: Inside) -> Term:
    """A test of count, sum, avg, min or max.

    Only records that have a row to count are looked at; what holds without any is known before, and
    where that is "true" the exceptions are looked for.
    """
    if _in_json(node.many):
        assert isinstance(node.many, Field)
        counted = _json_count(node.many, row, scope, lambda item: inside(node.where, item))
        return value_term(test, Value(counted, ValueType.INTEGER, 40, 40), scope)
    related = related_rows(row, node.many, scope)
    inner = inside(node.where, related.row)
    if node.function is Function.COUNT:
        return counted_term(related, inner, test, scope)
    assert node.attribute is not None
    assert isinstance(related.row, Row)
    value = row_value(related.row, node.attribute, scope)
    inner = all_of([Term(value.sql.is_not(None), value.cost, value.stack), inner])
    empty = node.function is Function.SUM and passes(test, 0, ValueType.INTEGER, scope.clock)
    if inner is FALSE:
        return TRUE if empty else FALSE
    if isinstance(test, IsSet):
        return TRUE if empty else related.keys(inner).hold(related.owner, scope)
    found = _aggregate_passes(node.function, value, test, scope)
    return _whose(related, inner, found, empty, scope)


def holds_of_none(condition: Condition, scope: Scope) -> bool:
    """Whether the condition is a test of an aggregate that holds where there is nothing."""
    match condition:
        case Comparison(Aggregate(Function.COUNT | Function.SUM), test):
            return passes(test, 0, ValueType.INTEGER, scope.clock)
    return False


def counted_term(related: Related, inner: Term, test: Test, scope: Scope) -> Term:
    """A test of the number of rows, 0 included."""
    none = passes(test, 0, ValueType.INTEGER, scope.clock)
    if inner is FALSE or isinstance(test, IsSet):
        return TRUE if none else FALSE
    some = _of_some(test)
    if some is not None:
        if some == none:
            return TRUE if none else FALSE
        found = related.keys(inner).hold(related.owner, scope)
        return found if some else found.negated()
    count = Value(sa.func.count(type_=sa.BigInteger), ValueType.INTEGER)
    return _whose(related, inner, value_term(test, count, scope), none, scope)


def _of_some(test: Test) -> bool | None:
    """What the test says of every count from 1 on, or None if that depends on the count."""
    if not isinstance(test, NumberVersus):
        return None
    bound = as_integer(test.order, test.number)
    if not isinstance(bound, tuple):
        return bound is Always
    order, number = bound
    match order:
        case Order.GE:
            return True if number <= 1 else None
        case Order.GT:
            return True if number <= 0 else None
        case Order.LT:
            return False if number <= 1 else None
        case Order.LE | Order.EQ:
            return False if number <= 0 else None
        case _:
            assert_never(order)


def _whose(related: Related, inner: Term, found: Term, empty: bool, scope: Scope) -> Term:
    """The records whose rows pass; `empty` is what holds for those that have none."""
    exception = found.negated() if empty else found
    if exception is FALSE:
        return TRUE if empty else FALSE
    whose = related.keys(inner, exception).hold(related.owner, scope)
    return whose.negated() if empty else whose


def _aggregate_passes(function: Function, value: Value, test: Test, scope: Scope) -> Term:
    """The test of the aggregate of at least one value."""
    integer = value.kind is ValueType.INTEGER
    match function:
        case Function.MIN | Function.MAX:
            edge = sa.func.min if function is Function.MIN else sa.func.max
            return value_term(test, Value(edge(value.sql, type_=value.sql.type), value.kind), scope)
        case Function.SUM if integer:
            return _number(test, exact_sum(value.sql, scope))
        case Function.SUM:
            return _number(test, _float(rounded(float_sum(value.sql, scope), scope), scope))
        case Function.AVG:
            total = (
                integer_sum_as_float(value.sql, scope) if integer else float_sum(value.sql, scope)
            )
            mean = total.op("/", precedence=8)(sa.func.count(type_=sa.BigInteger))
            return _number(test, _float(rounded(sa.type_coerce(mean, sa.Double), scope), scope))
        case Function.COUNT:
            raise TypeError("a count has no values")
        case _:
            assert_never(function)


def exact_sum(value: Sql, scope: Scope) -> Operand:
    if scope.sqlite:
        return Halves.of(value)
    total = Value(sa.func.sum(value, type_=sa.Numeric), ValueType.INTEGER)
    return Plain(total, True, scope, sa.Numeric())


def _float(value: Sql, scope: Scope) -> Operand:
    return plain(Value(value, ValueType.FLOAT, 4, 20), scope, integer=False)


def _number(test: Test, operand: Operand) -> Term:
    assert isinstance(test, NumberVersus | NumberBetween | NumberIn)
    return number_term(test, operand)
