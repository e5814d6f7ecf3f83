"""Text functions that mean the same in SQLite as in Python.

SQLite folds ASCII only and has no regular expressions, so its connections get these two.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

FOLD = "segctl_fold"
MATCHES = "segctl_matches"

_PATTERNS_KEPT = 64
"""Compiled patterns that are kept; each may take up to the 8 MiB that RE2 allows by default."""


def fold(text: str) -> str:
    """Lower case in the root locale, with final sigma read as sigma, and nothing else."""
    return text.lower().replace("ς", "σ")


def matches(pattern: str, text: str) -> bool:
    """Whether the RE2 `pattern` occurs anywhere in `text`; ValueError if it is not a pattern."""
    return searcher(pattern)(text)


@lru_cache(maxsize=_PATTERNS_KEPT)
def searcher(pattern: str) -> Callable[[str], bool]:
    """A compiled RE2 pattern, as the question whether it occurs in a text; ValueError if bad."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        search = re2.compile(pattern, options).search
    except re2.error as error:
        raise ValueError(f"not a pattern: {_words(error)}") from None

    def occurs(text: str) -> bool:
        # Bytes, because for a str the module also counts the code points before the match. A lone
        # surrogate, which only a foreign JSON value can hold, becomes a question mark.
        return search(text.encode("utf-8", "replace")) is not None

    return occurs


def _words(error: Exception) -> str:
    words = error.args[0] if error.args else ""
    return words.decode(errors="replace") if isinstance(words, bytes) else str(words)


def _sql_fold(value: Any) -> str | None:
    return fold(value) if isinstance(value, str) else None


def _sql_matches(pattern: Any, value: Any) -> int | None:
    if not isinstance(pattern, str) or not isinstance(value, str):
        return None
    return int(matches(pattern, value))


def register(dbapi_connection: Any) -> None:
    """Give a new SQLite connection segctl_fold(text) and segctl_matches(pattern, text).

    Both are NULL for NULL and for whatever is not text.
    """
    dbapi_connection.create_function(FOLD, 1, _sql_fold, deterministic=True)
    dbapi_connection.create_function(MATCHES, 2, _sql_matches, deterministic=True)
