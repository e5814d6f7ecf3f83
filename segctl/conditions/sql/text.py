"""Tests of text: exact by code point, or folded.

Folding every value would mean a call into Python (SQLite) or ICU (Postgres) for each row. Both
stores fold ASCII cheaply by themselves (`lower` and LIKE on SQLite, `lower` in the C collation on
Postgres), and that decides nearly always: an ASCII text can only be found elsewhere where one of
the few other characters that fold to ASCII letters stands, and any other text only in values that
hold a character beyond ASCII.
"""

from collections.abc import Sequence
import json
import re
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from segctl.conditions.fold import fold
from segctl.conditions.nodes import Matches, Part, TextIn, TextPart
from segctl.conditions.pattern import to_postgres, to_re2
from segctl.conditions.sql.scope import Scope, Value
from segctl.conditions.sql.terms import FALSE, Clause, Sql, Term, all_of, any_of
from segctl.store.functions import FOLD, MATCHES

_FEW = 16
"""Values that are bound one by one; more of them are bound as one list."""
_LIKE_BYTES = 50_000
"""SQLite refuses longer patterns."""

KELVIN = "\u212a"
"""The only character besides K that folds to k."""
DOTTED_I = "\u0130"
"""Folds to i and a combining dot, so it can end a match that ends in i."""

_BEYOND_ASCII = "*[^\x01-\x7f]*"
"""A GLOB pattern."""
_ANY = "\0"
"""Stands for any character in a text that becomes a pattern; no text holds it."""
_TELLING = 2
"""Characters that a pattern must know to be worth asking first."""
_PLAIN_RUN = re.compile(r"[\x01-\x7f]+")


def text_term(test: TextIn | TextPart | Matches, value: Value, scope: Scope) -> Term:
    match test:
        case TextIn(values, ignoring_case=False):
            return one_of(value, values, sa.Text(), scope)
        case TextIn(values):
            return _one_of_folded(value, values, scope)
        case TextPart(part, text):
            return _part(value, part, fold(text), scope)
        case Matches(pattern):
            if scope.sqlite:
                found: Clause = getattr(sa.func, MATCHES)(
                    to_re2(pattern), value.sql, type_=sa.Boolean
                )
            else:
                found = value.sql.op("~", is_comparison=True)(to_postgres(pattern))
            return Term(found, value.cost + 25, value.stack + 6)
        case _:
            assert_never(test)


# ---------------------------------------------------------------- lists


def one_of(
    value: Value, values: Sequence[Any], type_: sa.types.TypeEngine[Any], scope: Scope
) -> Term:
    """Whether the value is one of those given."""
    values = list(dict.fromkeys(values))
    if not values:
        return FALSE
    if len(values) == 1:
        wanted = sa.literal(values[0], type_)
        return Term(
            value.sql == wanted,
            value.cost,
            value.stack + 2,
            opposite=value.sql.is_distinct_from(wanted),
        )
    return Term(among(value.sql, values, type_, scope), value.cost + 2, value.stack + 12)


def among(
    sql: Sql,
    values: Sequence[Any],
    type_: sa.types.TypeEngine[Any],
    scope: Scope,
    *,
    inside: bool = True,
) -> Clause:
    """`sql IN (values)`, or NOT IN: a long list is one parameter."""
    if len(values) <= _FEW:
        bound = [sa.literal(value, type_) for value in values]
        return sql.in_(bound) if inside else sql.not_in(bound)
    if not scope.sqlite:
        array = sa.literal(list(values), ARRAY(type_))
        return sql == sa.any_(array) if inside else sql != sa.all_(array)
    if any(isinstance(value, float) for value in values):
        # JSON would carry them as decimals, and not every SQLite reads those to the nearest float.
        bound = [sa.literal(value, type_) for value in values]
        return sql.in_(bound) if inside else sql.not_in(bound)
    listed = sa.func.json_each(json.dumps(list(values), ensure_ascii=False)).table_valued("value")
    chosen = sa.select(listed.c.value)
    return sql.in_(chosen) if inside else sql.not_in(chosen)


# ---------------------------------------------------------------- folded


def _folded(value: Value, scope: Scope) -> Sql:
    """The value folded as fold() does, by the store itself or by Python."""
    if scope.sqlite:
        folded: Sql = getattr(sa.func, FOLD)(value.sql, type_=sa.Text)
        return folded
    lowered = sa.func.lower(sa.collate(value.sql, "und-x-icu"), type_=sa.Text)
    return sa.func.replace(lowered, "ς", "σ", type_=sa.Text)


def _beyond_ascii(value: Value, scope: Scope) -> Clause:
    if scope.sqlite:
        return value.sql.op("GLOB", is_comparison=True)(_BEYOND_ASCII)
    return sa.func.octet_length(value.sql) > sa.func.char_length(value.sql)


def _holds(value: Value, characters: Sequence[str], scope: Scope) -> Clause:
    """Whether one of the characters stands in the value."""
    place = sa.func.instr if scope.sqlite else sa.func.strpos
    return sa.or_(*(place(value.sql, character) > 0 for character in characters))


def _one_of_folded(value: Value, values: Sequence[str], scope: Scope) -> Term:
    folded = list(dict.fromkeys(map(fold, values)))
    plain = [text for text in folded if text.isascii()]
    lowered = Value(
        sa.func.lower(value.sql, type_=sa.Text), value.kind, value.cost + 3, value.stack + 2
    )
    terms = []
    if plain:
        terms.append(_apart(one_of(lowered, plain, sa.Text(), scope)))
    if len(plain) < len(folded):
        guard, asked = _beyond_ascii(value, scope), folded
    else:
        guard, asked = _holds(value, KELVIN, scope), [text for text in plain if "k" in text]
    if asked:
        exact = one_of(Value(_folded(value, scope), value.kind), asked, sa.Text(), scope)
        terms.append(_both(guard, exact.sql, value))
    return any_of(terms)


def _apart(term: Term) -> Term:
    """Without its opposite, which a part of a disjunction must not offer."""
    return Term(term.sql, term.cost, term.stack)


def _part(value: Value, part: Part, text: str, scope: Scope) -> Term:
    """Whether the folded value contains, starts or ends with the folded text."""
    like = _like(value, part, text, scope)
    exact = _part_of_folded(value, part, text, scope)
    if like is None:
        # So long that few values can hold it; folding doubles the length of a text at most.
        long_enough = sa.func.length(value.sql) >= (len(text) + 1) // 2
        return _both(long_enough, exact, value)
    if not text.isascii():
        terms = [_both(_beyond_ascii(value, scope), exact, value)]
        if scope.sqlite and (run := _plain_run(text)):
            known = _like(value, Part.CONTAINS, run, scope)
            assert known is not None
            terms.append(Term(known, value.cost + 4, value.stack + 6))
        return all_of(terms)
    others = [KELVIN] if "k" in text else []
    if text.endswith("i") and part is not Part.ENDS:
        others.append(DOTTED_I)
    quick = Term(like, value.cost + 4, value.stack + 6)
    if not others:
        return quick
    found = any_of([quick, _both(_holds(value, others, scope), exact, value)])
    loose = re.sub("k", _ANY, text)
    loose = loose[:-1] + _ANY if DOTTED_I in others else loose
    if len(loose) - loose.count(_ANY) < _TELLING:
        return found
    # What matches has some character where the odd ones may stand: one LIKE settles most values.
    possible = _like(value, part, loose, scope)
    assert possible is not None
    return all_of([Term(possible, value.cost + 4, value.stack + 6), found])


def _both(guard: Clause, exact: Clause, value: Value) -> Term:
    """What costs a call of the full folding, only where the guard lets it."""
    return Term(sa.and_(guard, exact), value.cost + 10, value.stack + 18, "and")


def _plain_run(text: str) -> str:
    """The longest part of a folded text that stands, but for ASCII case, in all that matches."""
    return max(_PLAIN_RUN.findall(re.sub("[ki]", _ANY, text)), key=len, default="")


def _like(value: Value, part: Part, text: str, scope: Scope) -> Clause | None:
    """LIKE with ASCII folding, or None if the pattern is too long for SQLite."""
    special = any(character in text for character in "%_\\")
    if special:
        text = re.sub(r"([%_!])", r"!\1", text)
    text = text.replace(_ANY, "_")
    pattern = ("" if part is Part.STARTS else "%") + text + ("" if part is Part.ENDS else "%")
    if scope.sqlite and len(pattern.encode()) > _LIKE_BYTES:
        return None
    folded = value.sql if scope.sqlite else sa.func.lower(value.sql, type_=sa.Text)
    return folded.like(pattern, escape="!" if special else None)


def _part_of_folded(value: Value, part: Part, text: str, scope: Scope) -> Clause:
    """By the full folding, without patterns: nothing in the text is special."""
    folded = _folded(value, scope)
    match part:
        case Part.CONTAINS:
            place = sa.func.instr if scope.sqlite else sa.func.strpos
            return place(folded, text) > 0
        case Part.STARTS:
            return sa.func.substr(folded, 1, len(text), type_=sa.Text) == text
        case Part.ENDS:
            if scope.sqlite:
                return sa.func.substr(folded, -len(text), type_=sa.Text) == text
            return sa.func.right(folded, len(text), type_=sa.Text) == text
        case _:
            assert_never(part)
