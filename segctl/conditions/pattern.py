"""The patterns of `matches`: parsed into a small tree and printed again for each engine.

The tree holds no engine's spelling, only characters, ranges of code points and counts, and it is
printed with nothing that engines read differently: every class is spelled out as ranges, so that
none depends on a locale, and every group is a non-capturing one. Laziness is read and dropped:
whether a text has a match somewhere does not depend on it.
"""

from functools import lru_cache
from typing import assert_never

from segctl.conditions.pattern_reader import read_pattern
from segctl.conditions.pattern_tree import (
    Alternatives,
    AnyCharacter,
    Assertion,
    Character,
    CharacterClass,
    Pattern,
    PatternError,
    Place,
    Repeat,
    Sequence,
)
from segctl.store.functions import searcher

__all__ = ["PatternError", "check", "to_postgres", "to_re2"]

_WORD = "[A-Za-z0-9_]"
# \y and \w of Postgres ask the locale; a boundary written with look-around asks nobody.
_POSTGRES_BOUNDARY = f"(?:(?<!{_WORD})(?={_WORD})|(?<={_WORD})(?!{_WORD}))"


@lru_cache(maxsize=1024)
def check(pattern: str) -> None:
    """Refuse, with PatternError, what the language does not have or RE2 would not compile."""
    printed = to_re2(pattern)
    try:
        searcher(printed)
    except ValueError as error:
        raise PatternError(
            f"the pattern is too complex ({error})", 0, len(pattern), "split it", pattern
        ) from error


@lru_cache(maxsize=1024)
def to_re2(pattern: str) -> str:
    """For RE2, to be searched (not matched from the start) in a text; PatternError."""
    return _re2(read_pattern(pattern))


@lru_cache(maxsize=1024)
def to_postgres(pattern: str) -> str:
    """For the `~` of Postgres on a UTF-8 database, whatever the collation; PatternError."""
    return _postgres(read_pattern(pattern))


def _re2(pattern: Pattern) -> str:
    match pattern:
        case Character(character):
            return _plain(character) or f"\\x{{{ord(character):X}}}"
        case AnyCharacter():
            return "(?s:.)"
        case CharacterClass(ranges, negated):
            spelled = "".join(
                f"\\x{{{low:X}}}-\\x{{{high:X}}}" if low < high else f"\\x{{{low:X}}}"
                for low, high in ranges
            )
            return f"[{'^' if negated else ''}{spelled}]"
        case Assertion(place):
            return {Place.START: r"\A", Place.END: r"\z", Place.WORD_BOUNDARY: r"\b"}[place]
        case Sequence(items):
            return "".join(map(_re2_item, items))
        case Alternatives(items):
            return "|".join(map(_re2, items))
        case Repeat(item):
            return f"{_grouped(item, _re2(item))}{_count(pattern)}"
        case _:
            assert_never(pattern)


def _re2_item(pattern: Pattern) -> str:
    text = _re2(pattern)
    return f"(?:{text})" if isinstance(pattern, Alternatives) else text


def _postgres(pattern: Pattern) -> str:
    match pattern:
        case Character(character):
            return _plain(character) or _code_point(ord(character))
        case AnyCharacter():
            return "."
        case CharacterClass(ranges, negated):
            spelled = "".join(
                # Postgres has no NUL, in texts or in patterns.
                f"{_code_point(max(low, 1))}-{_code_point(high)}"
                if low < high
                else _code_point(low)
                for low, high in ranges
                if high > 0
            )
            return f"[{'^' if negated else ''}{spelled}]"
        case Assertion(place):
            return {
                Place.START: r"\A",
                Place.END: r"\Z",
                Place.WORD_BOUNDARY: _POSTGRES_BOUNDARY,
            }[place]
        case Sequence(items):
            return "".join(map(_postgres_item, items)) or "(?:)"
        case Alternatives(items):
            return "|".join(map(_postgres, items))
        case Repeat(item):
            return f"{_grouped(item, _postgres(item))}{_count(pattern)}"
        case _:
            assert_never(pattern)


def _postgres_item(pattern: Pattern) -> str:
    text = _postgres(pattern)
    return f"(?:{text})" if isinstance(pattern, Alternatives) else text


def _plain(character: str) -> str | None:
    return character if character.isascii() and character.isalnum() else None


def _code_point(value: int) -> str:
    return f"\\u{value:04X}" if value <= 0xFFFF else f"\\U{value:08X}"


def _grouped(item: Pattern, text: str) -> str:
    single = isinstance(item, Character | AnyCharacter | CharacterClass)
    return text if single else f"(?:{text})"


def _count(repeat: Repeat) -> str:
    match repeat.low, repeat.high:
        case 0, None:
            return "*"
        case 1, None:
            return "+"
        case 0, 1:
            return "?"
        case low, None:
            return f"{{{low},}}"
        case low, high if low == high:
            return f"{{{low}}}"
        case low, high:
            return f"{{{low},{high}}}"
