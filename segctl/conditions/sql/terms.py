"""Clauses, and how they are joined so that the stores neither waste time nor run out of stack."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa

Sql = sa.ColumnElement[Any]
Clause = sa.ColumnElement[bool]

DEEP = 30
"""Stack from which on operands are ordered by depth rather than by cost."""
TOO_DEEP = 56
"""Stack from which on a clause moves into a CTE.

SQLite's parser holds 100 symbols, of which INSERT … WITH … CASE WHEN around it take up to 25.
"""
_WIDE = 100
"""Operands that are joined in one list. SQLite's expression trees are at most 1,000 high."""


@dataclass(frozen=True, slots=True)
class Term:
    """A clause that is true, or false or NULL for "not", and what is known about it.

    `cost` is relative to one comparison of a column; `stack` counts the symbols that SQLite's
    parser holds while it reads the clause; `joined` says that it is a bare list of AND or OR.
    `opposite` is the exact complement where there is a better one than `(…) IS NOT TRUE`.
    """

    sql: Clause
    cost: int = 1
    stack: int = 6
    joined: Literal["and", "or"] | None = None
    opposite: Clause | None = None

    def negated(self) -> "Term":
        """Its exact complement: true where this one is false or NULL."""
        if self is TRUE:
            return FALSE
        if self is FALSE:
            return TRUE
        if self.opposite is not None:
            return Term(self.opposite, self.cost, self.stack + 1, opposite=self.sql)
        return Term(is_not_true(self.sql), self.cost, self.stack + 1)


TRUE = Term(sa.true(), 0, 1)
FALSE = Term(sa.false(), 0, 1)

_SQL_TRUE: Sql = sa.literal_column("TRUE", sa.Boolean())


def is_not_true(clause: Clause) -> Clause:
    """`(clause) IS NOT TRUE`, which is never NULL."""
    return clause.op("IS NOT", precedence=20, is_comparison=True)(_SQL_TRUE)


def _is_true(clause: Clause) -> Clause:
    return clause.op("IS", precedence=20, is_comparison=True)(_SQL_TRUE)


def all_of(terms: Sequence[Term]) -> Term:
    """AND, the cheapest first."""
    return _joined("and", terms, neutral=TRUE, decisive=FALSE)


def any_of(terms: Sequence[Term]) -> Term:
    """OR, the cheapest first."""
    return _joined("or", terms, neutral=FALSE, decisive=TRUE)


def _joined(
    word: Literal["and", "or"], terms: Sequence[Term], neutral: Term, decisive: Term
) -> Term:
    if any(term is decisive for term in terms):
        return decisive
    kept = [term for term in terms if term is not neutral]
    if not kept:
        return neutral
    if len(kept) == 1:
        return kept[0]
    if max(term.stack for term in kept) > DEEP:
        # The first operand is read with the emptiest stack.
        kept.sort(key=lambda term: -term.stack)
    else:
        kept.sort(key=lambda term: term.cost)
    if len(kept) > _WIDE:
        chunks = [kept[i : i + _WIDE] for i in range(0, len(kept), _WIDE)]
        kept = [_closed(_joined(word, chunk, neutral, decisive)) for chunk in chunks]
    join = sa.and_ if word == "and" else sa.or_
    stack = max(
        term.stack + (2 if place else 0) + (1 if term.joined == "or" else 0)
        for place, term in enumerate(kept)
    )
    return Term(join(*(term.sql for term in kept)), sum(term.cost for term in kept), stack, word)


def _closed(term: Term) -> Term:
    """Kept from being spliced into a longer list of the same kind."""
    return Term(_is_true(term.sql), term.cost, term.stack + 1)
