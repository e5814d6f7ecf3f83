"""A place in the tokens of a text: looking, taking, counting levels, and refusing."""

from collections.abc import Iterator
from contextlib import contextmanager

from segctl.catalog import RESERVED
from segctl.conditions import hints
from segctl.conditions.limits import MAX_COMPARISONS, MAX_LEVELS
from segctl.conditions.source import Source
from segctl.conditions.syntax import Word
from segctl.conditions.tokens import Kind, Token, tokenize
from segctl.errors import ConditionError


class Cursor:
    """Walks the tokens from left to right, so that the leftmost mistake is the one reported."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._tokens = tokenize(source.text)
        self._at = 0
        self._levels = 0
        self._comparisons = 0

    def peek(self, ahead: int = 0) -> Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def next(self) -> Token:
        token = self._tokens[self._at]
        if token.kind is not Kind.END:
            self._at += 1
        return token

    @property
    def end(self) -> int:
        """Where the last taken token ends."""
        return self._tokens[self._at - 1].end if self._at else 0

    def sees(self, *words: str) -> bool:
        """Whether the next token is one of these keywords or symbols."""
        return self.peek().word in words

    def take(self, *words: str) -> Token | None:
        return self.next() if self.sees(*words) else None

    def expect(self, word: str, what: str | None = None) -> Token:
        token = self.take(word)
        if token is None:
            raise self.unexpected(what or f'"{word}"')
        return token

    def sees_name(self) -> bool:
        token = self.peek()
        return token.kind is Kind.WORD and token.word not in RESERVED

    def as_word(self, token: Token) -> Word:
        return Word(token.text, token.start, token.end)

    # ------------------------------------------------------------ limits

    @contextmanager
    def level(self, token: Token) -> Iterator[None]:
        """One level deeper, opened by `token`."""
        if self._levels == MAX_LEVELS:
            raise self.source.error(
                token.start,
                token.end,
                f"a condition is at most {MAX_LEVELS} levels deep, counting brackets and not",
                "put the inner part into a segment of its own and refer to it with in segment",
                limit="levels",
            )
        self._levels += 1
        try:
            yield
        finally:
            self._levels -= 1

    def count_comparison(self, token: Token) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise self.source.error(
                token.start,
                token.end,
                f"a condition has at most {MAX_COMPARISONS} comparisons",
                "use in (…) for several values of one attribute, or put parts into segments"
                " of their own",
                limit="comparisons",
            )

    # ------------------------------------------------------------ refusing

    def error(self, token: Token, message: str, hint: str | None = None) -> ConditionError:
        return self.source.error(token.start, token.end, message, hint)

    def unexpected(self, wanted: str, hint: str | None = None) -> ConditionError:
        """The next token is not what the language wants here."""
        token = self.peek()
        if token.kind is Kind.BAD:
            message, own_hint = hints.bad_token(token)
            return self.error(token, message, own_hint)
        previous = self.peek(-1) if self._at else None
        if token.word == "," and previous and previous.kind is Kind.NUMBER and hint is None:
            hint = "numbers are written without separators: 1000, not 1,000"
        if token.kind is Kind.END:
            # The caret stands one column after the last word, not after trailing comments.
            return self.source.error(
                self.end, self.end, f"the condition ends where {wanted} is expected", hint
            )
        return self.error(token, f"expected {wanted}, found {hints.describe(token)}", hint)
