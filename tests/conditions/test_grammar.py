"""grammar.lark is the specification of the reader: both accept the same texts."""

from functools import cache
from importlib.resources import files
import re

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.lark import from_lark
import lark
import pytest

from segctl.conditions.reader import read
from segctl.conditions.source import check_source
from segctl.errors import ConditionError
from tests.conditions.texts import any_texts, mutated, printed, rows_of_pieces, soups


@cache
def grammar() -> lark.Lark:
    text = files("segctl.conditions").joinpath("grammar.lark").read_text("utf-8")
    return lark.Lark(text, parser="lalr", lexer="contextual", g_regex_flags=re.ASCII)


def grammar_accepts(text: str) -> bool:
    try:
        grammar().parse(text)
    except lark.UnexpectedInput:
        return False
    return True


def reader_accepts(text: str) -> bool | None:
    """None where a limit decides, which a grammar cannot express."""
    try:
        read(check_source(text))
    except ConditionError as error:
        return None if "limit" in error.fields else False
    return True


def check_agreement(text: str) -> None:
    reads = reader_accepts(text)
    if reads is not None and not re.search("[\0\ud800-\udfff]", text):
        assert reads == grammar_accepts(text), text


@given(st.one_of(soups(), rows_of_pieces(), rows_of_pieces()))
@settings(max_examples=settings().max_examples * 5)
@example("first event 'a' where b with (c)")
@example("event 'a' where b more than 3 times")
@example("event 'a' where b in last 3 days in last 3 days")
@example("x = today -30 days")
@example("x = 5 -30")
@example("x = -30 and y in (-1, - 1)")
@example("event in (event.event) and first.event = last")
@example("event # comment\n 'x' # more")
@example("anniversary # of\n of of on of")
@example("count # (\n (count.count where count) = 3")
@example("has has (1)")
@example("event 'x' where not not a = 1 and event 'x' where not (a)")
@example("a in () and b has any ()")
@example("a in (1,) or a in (,)")
@example("a = 5b")
@example("a = 5.")
@example("a in last 5b days")
@example("a > now - 5.5 days")
@example("a in this month and b in next months and event 'x' in this years")
@example("event 'x' fewer than 2 time in last 3 days")
@example("event 'x' in last 3 days exactly 2 times at most 3 times")
@example("a.not = 3")
def test_the_reader_and_the_grammar_accept_the_same_soups(text: str) -> None:
    check_agreement(text)


@given(mutated())
@settings(max_examples=settings().max_examples * 3)
def test_the_reader_and_the_grammar_accept_the_same_mutated_conditions(
    pair: tuple[object, str],
) -> None:
    check_agreement(pair[1])


@given(any_texts())
def test_the_reader_and_the_grammar_accept_the_same_texts(text: str) -> None:
    check_agreement(text)


@given(printed(depth=3))
def test_the_grammar_accepts_every_printed_condition(pair: tuple[object, str]) -> None:
    assert grammar_accepts(pair[1])


_WORDS_THAT_LOOK_AHEAD = {
    "EVENT": st.just("event"),
    "EDGE": st.sampled_from(("first", "last")),
    "ANNIVERSARY": st.just("anniversary"),
    "FUNCTION": st.sampled_from(("count", "sum", "avg", "min", "max")),
    "NAME": st.sampled_from(("a", "first", "last", "event", "count", "on", "item", "of", "now")),
    "COMMENT": st.just("# x\n"),
    "SPACE": st.just(" "),
    "TEXT": st.sampled_from(('"x"', "'a\\'b'")),
    "AMOUNT": st.sampled_from(("1", "30", "0.5")),
    "NUMBER": st.sampled_from(("1", "-3.5")),
    "MOMENT": st.sampled_from(("2026-01-31", "2026-01-31T10:00Z")),
}


@cache
def generated() -> st.SearchStrategy[str]:
    return from_lark(grammar(), start="start", explicit=_WORDS_THAT_LOOK_AHEAD)


@given(st.deferred(lambda: generated()))
# It gives up on what grows too deep, which is more than half.
@settings(max_examples=20, suppress_health_check=list(HealthCheck))
def test_the_reader_agrees_with_what_the_grammar_generates(text: str) -> None:
    check_agreement(text)


@pytest.mark.parametrize("text", ["", "  ", "# only a comment", "\n\n"])
def test_neither_accepts_an_empty_text(text: str) -> None:
    assert not grammar_accepts(text)
    assert reader_accepts(text) is False
