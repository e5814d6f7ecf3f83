"""Text → tokens. Never fails: what cannot be read becomes a BAD token."""

from enum import Enum, auto
import re
from typing import NamedTuple


class Kind(Enum):
    WORD = auto()
    """A name or a keyword; which one, the parser decides."""
    TEXT = auto()
    """A quoted text, quotes and escapes included."""
    NUMBER = auto()
    """Without a sign."""
    MOMENT = auto()
    """A date, with or without a time and an offset."""
    SYMBOL = auto()
    BAD = auto()
    END = auto()


class Token(NamedTuple):
    kind: Kind
    text: str
    start: int
    end: int
    word: str
    """The lower-case word of a WORD, the symbol of a SYMBOL, else empty."""


# re.ASCII keeps \d, \w and the case of keywords to ASCII, as grammar.lark has it.
_TOKEN = re.compile(
    r"""
      (?P<skip> [ \t\r\n\f\v]+ | \#[^\n]* )
    | (?P<text> "[^"\\]*(?:\\.[^"\\]*)*" | '[^'\\]*(?:\\.[^'\\]*)*' )
    | (?P<moment> \d{4}-\d\d-\d\d
                  (?: T\d\d:\d\d (?: :\d\d (?: \.\d{1,6} )? )? (?: Z | [+-]\d\d:\d\d )? )?
                  (?![\w.:]) )
    | (?P<bad_number> \.\d[\w.]* | \d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}(?:[Tt]?[\w:.]*) )
    | (?P<number> \d+(?:\.\d+)? (?![\w.]) )
    | (?P<word> [A-Za-z_]\w* )
    | (?P<foreign> ===? | !== | <> | <=> | => | =< | =~ | !~ | && | \|\| | ->>? | :: )
    | (?P<symbol> <= | >= | != | [=<>(),.+\-] )
    | (?P<bad> ["'].* | \d[\w.]* | . )
    """,
    re.VERBOSE | re.ASCII | re.DOTALL,
)
_KINDS = {
    "text": Kind.TEXT,
    "moment": Kind.MOMENT,
    "number": Kind.NUMBER,
    "word": Kind.WORD,
    "symbol": Kind.SYMBOL,
}


def tokenize(text: str) -> list[Token]:
    """All tokens but spaces and comments, up to the first BAD one, and an END."""
    tokens = []
    for found in _TOKEN.finditer(text):
        group = found.lastgroup
        if group == "skip":
            continue
        kind = _KINDS.get(group or "", Kind.BAD)
        matched = found[0]
        word = matched.lower() if kind is Kind.WORD or kind is Kind.SYMBOL else ""
        tokens.append(Token(kind, matched, found.start(), found.end(), word))
        if kind is Kind.BAD:
            # Nothing is read beyond it, and a hostile text may hold thousands of them.
            break
    tokens.append(Token(Kind.END, "", len(text), len(text), ""))
    return tokens
