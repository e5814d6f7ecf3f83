"""And, or, not; and which table a name is looked up in."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import sqlalchemy as sa

from segctl.catalog import ObjectType, Relation
from segctl.conditions.nodes import (
    Aggregate,
    And,
    Any,
    Comparison,
    Condition,
    EventCount,
    EventEdge,
    Everything,
    Field,
    InSegment,
    Item,
    Link,
    Many,
    Not,
    Or,
)
from segctl.conditions.sql.events import event_count_term, event_edge_term
from segctl.conditions.sql.keys import Keys
from segctl.conditions.sql.related import (
    aggregate_term,
    any_term,
    holds_of_none,
    items_term,
    key_column,
    row_value,
    through,
)
from segctl.conditions.sql.scope import ItemRow, Place, Row, Scope
from segctl.conditions.sql.terms import FALSE, TOO_DEEP, TRUE, Term, all_of, any_of
from segctl.conditions.sql.values import value_term


def predicate(
    condition: Condition, table: sa.FromClause, type: ObjectType, scope: Scope
) -> sa.ColumnElement[bool]:
    """A clause over a row of `table`, the type's table or an alias of it.

    It is true for the records that satisfy the condition, and false or NULL for all others.
    """
    return _Compiler(scope).term(condition, Row(type, table), wanted=True).sql


def matching(condition: Condition, type: ObjectType, scope: Scope) -> sa.Select[tuple[int]]:
    """SELECT id of the records that satisfy the condition; in no promised order."""
    table = scope.tables.record(type)
    select = sa.select(table.c.id)
    if isinstance(condition, Everything):
        return select
    return select.where(predicate(condition, table, type, scope))


Literal = tuple[Condition, bool]
"""A condition, and whether it is wanted or its complement."""
Hops = tuple[Relation, ...]


class _Compiler:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def inside(self, condition: Condition | None, place: Place) -> Term:
        return TRUE if condition is None else self.term(condition, place, wanted=True)

    def term(self, condition: Condition, place: Place, *, wanted: bool) -> Term:
        """The condition, or its exact complement."""
        match condition:
            case Everything():
                return TRUE if wanted else FALSE
            case Not(item):
                return self.term(item, place, wanted=not wanted)
            case And(items):
                return self._joined([(item, wanted) for item in items], place, all_wanted=wanted)
            case Or(items):
                return self._joined(
                    [(item, wanted) for item in items], place, all_wanted=not wanted
                )
            case _:
                return self._joined([(condition, wanted)], place, all_wanted=True)

    def _joined(self, literals: Sequence[Literal], place: Place, *, all_wanted: bool) -> Term:
        """All of the literals, or any of them.

        Questions about the same related record are asked in one go.
        """
        terms: list[Term] = []
        asked: dict[Hops, list[Literal]] = {}
        for condition, wanted in _spread(literals, all_wanted=all_wanted):
            if isinstance(condition, Everything | And | Or):
                terms.append(self.term(condition, place, wanted=wanted))
            elif hops := _walked(condition):
                literal = (_at_the_end(condition), wanted)
                if holds_of_none(condition, self.scope):
                    # True where the path ends early; only its complement is a question about a
                    # record that is there.
                    literal = (Not(literal[0]), not wanted)
                asked.setdefault(hops, []).append(literal)
            else:
                term = self._single(condition, place)
                terms.append(term if wanted else term.negated())
        for hops, same in asked.items():
            assert isinstance(place, Row)
            terms.append(self._through(hops, same, place, all_wanted=all_wanted))
        terms = [self._hoisted(term, place) for term in terms]
        return all_of(terms) if all_wanted else any_of(terms)

    def _through(
        self, hops: Hops, literals: Sequence[Literal], row: Row, *, all_wanted: bool
    ) -> Term:
        """Literals about the record that the hops lead to, if there is one.

        "There is one for which A and not B" and "there is none for which A or B" are the two
        questions that can be asked; the others are complements of these.
        """
        if not all_wanted:
            literals = [(condition, not wanted) for condition, wanted in literals]
        if any(wanted for _, wanted in literals):
            term = through(
                row, hops, lambda last: self._joined(literals, last, all_wanted=True), self.scope
            )
        else:
            some = [(condition, True) for condition, _ in literals]
            term = through(
                row, hops, lambda last: self._joined(some, last, all_wanted=False), self.scope
            ).negated()
        return term if all_wanted else term.negated()

    def _single(self, condition: Condition, place: Place) -> Term:
        """A condition that is not made of others and walks no path."""
        if isinstance(place, ItemRow):
            match condition:
                case Comparison(Item(), test):
                    return value_term(test, place.value, self.scope)
            raise TypeError(f"{condition} is no test of an item")
        match condition:
            case Comparison(Field(_, attribute) as field, test):
                if attribute.kind.many:
                    return items_term(field, test, place, self.scope)
                return value_term(test, row_value(place, attribute, self.scope), self.scope)
            case Comparison(Link(hops), _):
                column = key_column(place, hops).sql
                return Term(column.is_not(None), 1, opposite=column.is_(None))
            case Comparison(Aggregate() as aggregate, test):
                return aggregate_term(aggregate, test, place, self.scope, self.inside)
            case Any():
                return any_term(condition, place, self.scope, self.inside)
            case EventCount():
                return event_count_term(condition, place, self.scope, self.inside)
            case EventEdge():
                return event_edge_term(condition, place, self.scope, self.inside)
            case InSegment(hops, type, _, segment):
                member = self.scope.tables.member(type).alias()
                select = sa.select(member.c.record_id).where(member.c.segment_id == segment)
                return Keys(select, member.c.record_id, TRUE).hold(
                    key_column(place, hops), self.scope
                )
            case _:
                raise TypeError(f"{condition} is not a single condition")

    def _hoisted(self, term: Term, place: Place) -> Term:
        """A clause too deep for SQLite's parser, asked as membership in a CTE."""
        if not self.scope.sqlite or term.stack <= TOO_DEEP or isinstance(place, ItemRow):
            return term
        table = place.table
        cte = sa.select(table.c.id).select_from(table).where(term.sql).correlate(None).cte()
        inside = table.c.id.in_(sa.select(cte.c.id))
        return Term(inside, term.cost, 12, opposite=table.c.id.not_in(sa.select(cte.c.id)))


def _spread(literals: Iterable[Literal], *, all_wanted: bool) -> Iterator[Literal]:
    """Without Not, and without And or Or where they only continue the list."""
    for condition, wanted in literals:
        while isinstance(condition, Not):
            condition, wanted = condition.item, not wanted
        continues = And if wanted == all_wanted else Or
        if isinstance(condition, continues):
            yield from _spread(((item, wanted) for item in condition.items), all_wanted=all_wanted)
        else:
            yield condition, wanted


# ---------------------------------------------------------------- paths


def _walked(condition: Condition) -> Hops:
    """The hops that lead to another table before the condition can be asked."""
    match condition:
        case Comparison(Field(hops, attribute), _):
            return hops[:-1] if attribute.kind.many else hops
        case Comparison(Link(hops), _) | InSegment(hops, _, _, _):
            return hops[:-1]
        case Comparison(Aggregate(_, many, _, _), _) | Any(many, _):
            return many.hops[:-1]
        case _:
            return ()


def _at_the_end(condition: Condition) -> Condition:
    """The same condition as the record at the end of the hops would ask it."""
    walked = len(_walked(condition))
    match condition:
        case Comparison(operand, test):
            match operand:
                case Field(hops, attribute):
                    return Comparison(Field(hops[walked:], attribute), test)
                case Link(hops):
                    return Comparison(Link(hops[walked:]), test)
                case Aggregate():
                    return Comparison(replace(operand, many=_shortened(operand.many, walked)), test)
        case Any():
            return replace(condition, many=_shortened(condition.many, walked))
        case InSegment(hops, _, _, _):
            return replace(condition, hops=hops[walked:])
    raise TypeError(f"{condition} walks no path")


def _shortened(many: Many | Field, walked: int) -> Many | Field:
    return replace(many, hops=many.hops[walked:])
