"""The patterns of `matches`: what is read, and that every engine takes them to mean the same."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
import psycopg
import pytest

from segctl.conditions.pattern import PatternError, check, to_postgres, to_re2
from segctl.store.functions import matches

# ---------------------------------------------------------------- what a pattern matches

TABLE: list[tuple[str, str, bool]] = [
    ("a", "bab", True),
    ("a", "BAB", False),
    ("^a", "ba", False),
    ("a$", "ba", True),
    ("a$", "ba\n", False),
    ("^b", "a\nb", False),
    ("a$", "a\nb", False),
    ("^$", "", True),
    ("a.b", "a\nb", True),
    ("a.b", "a😀b", True),
    ("^.$", "é", True),
    ("^.$", "e\u0301", False),
    ("[^a]", "\n", True),
    ("[^a]", "a", False),
    (r"\d", "٣", False),
    (r"\d", "3", True),
    (r"\D", "٣", True),
    (r"\w", "é", False),
    (r"\W", "é", True),
    (r"^\w+$", "aZ_09", True),
    (r"\s", "\u00a0", False),
    (r"\s", "\v", True),
    (r"\S", "\u00a0", True),
    (r"[\d_]+$", "a1_", True),
    (r"^[^\d]$", "1", False),
    (r"^[\D]$", "x", True),
    (r"^[\Da]$", "1", False),
    ("[[:alpha:]]", "é", False),
    ("[[:punct:]]", "-", True),
    ("[[:space:]x]", "\t", True),
    ("[^[:upper:]]", "A", False),
    ("[[:word:]]", "_", True),
    ("[]a]", "]", True),
    ("[^]a]", "]", False),
    ("[a^]", "^", True),
    ("[a-]", "-", True),
    ("[-a]", "-", True),
    (r"[a\-z]", "m", False),
    (r"[\]\\]", "\\", True),
    ("[[a]", "[", True),
    ("[é-ü]", "ö", True),
    (r"\bab\b", "x ab!", True),
    (r"\bab\b", "xab", False),
    (r"\bab", "éab", True),
    (r"a\b", "aé", True),
    (r"a\b", "a1", False),
    ("(a|b)c", "bc", True),
    ("a|", "x", True),
    ("()", "x", True),
    ("^(|a)$", "", True),
    ("a*?b", "aab", True),
    ("^a{2}$", "aa", True),
    ("^a{2}$", "aaa", False),
    ("^a{2,}$", "aaaa", True),
    ("^a{1,2}?$", "aaa", False),
    ("^a{0}$", "", True),
    ("^a{0}$", "a", False),
    ("^(a?){3}$", "aaa", True),
    ("^(a?){3}$", "", True),
    ("^(a?){3}$", "aaaa", False),
    ("^(a*|b)*$", "abba", True),
    ("^(a|){2}$", "a", True),
    ("(^a|b)*c", "bc", True),
    ("(^)*a", "ba", True),
    ("^(ab?)+$", "abaab", True),
    (r"\.", "a", False),
    (r"\.", ".", True),
    (r"\$\^\*\(", "$^*(", True),
    ("%", "%", True),
    ("}]", "}]", True),
    (r"\{2}", "{2}", True),
    (r"a\tb\n", "a\tb\n", True),
    (r"\\d", r"\d", True),
    ("ſ", "s", False),
    ("\u212a", "k", False),
    (r"\*\*\*=a", "***=a", True),
    ("a^b", "a^b", False),
    ("^^a$$", "a", True),
]
_NAMES = [f"{pattern} in {text!r}" for pattern, text, _ in TABLE]


@pytest.mark.parametrize(("pattern", "text", "expected"), TABLE, ids=_NAMES)
def test_a_pattern_means_what_the_language_says_in_re2(
    pattern: str, text: str, expected: bool
) -> None:
    check(pattern)
    assert matches(to_re2(pattern), text) is expected


def test_a_pattern_means_what_the_language_says_in_postgres(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        found = [(p, t, in_postgres(connection, p, t)) for p, t, _ in TABLE]
    assert found == TABLE


def in_postgres(connection: psycopg.Connection, pattern: str, text: str) -> bool:
    query = 'SELECT %s COLLATE "C" ~ %s'
    row = connection.execute(query, (text, to_postgres(pattern))).fetchone()
    assert row is not None
    return bool(row[0])


def test_a_pattern_does_not_depend_on_the_collation(postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        for collation in ("C", "und-x-icu", "tr-x-icu"):
            query = f'SELECT %s COLLATE "{collation}" ~ %s'
            for pattern, text, expected in TABLE:
                row = connection.execute(query, (text, to_postgres(pattern))).fetchone()
                assert row == (expected,), (collation, pattern, text)


# ---------------------------------------------------------------- what is refused

REFUSED = {
    "(": (0, 1),
    ")": (0, 1),
    "a)": (1, 2),
    "*a": (0, 1),
    "a**": (2, 3),
    "a*+": (2, 3),
    "a???": (3, 4),
    "a{2}{3}": (4, 7),
    "a{": (1, 2),
    "a{,3}": (1, 2),
    "{2}": (0, 3),
    "a{3,2}": (1, 6),
    "a{256}": (1, 6),
    "a{9999999999}": (1, 13),
    "^*": (0, 2),
    r"\b+": (0, 3),
    "[": (0, 1),
    "[]": (0, 1),
    "[^]": (0, 1),
    "[a": (0, 1),
    "[b-a]": (1, 4),
    r"[a-\d]": (1, 5),
    r"[\d-a]": (1, 4),
    "[a-c-e]": (4, 5),
    r"[\b]": (1, 3),
    r"[^\d\D]": (0, 7),
    "[[:foo:]]": (1, 8),
    "[[:^alpha:]]": (1, 11),
    "[[=a=]]": (1, 6),
    "[[.a.]]": (1, 6),
    "[[:<:]]": (1, 6),
    "\\": (0, 1),
    r"\1": (0, 2),
    r"\0": (0, 2),
    r"\B": (0, 2),
    r"\A": (0, 2),
    r"\z": (0, 2),
    r"\p{L}": (0, 2),
    r"\x41": (0, 2),
    r"\u0041": (0, 2),
    r"\y": (0, 2),
    r"\e": (0, 2),
    r"\é": (0, 2),
    "(?i)a": (0, 3),
    "(?s:a)": (0, 3),
    "(?=a)": (0, 3),
    "(?!a)": (0, 3),
    "(?<=a)": (0, 3),
    "(?<!a)": (0, 3),
    "(?P<n>a)": (0, 3),
    "(?<n>a)": (0, 3),
    "(?>a)": (0, 3),
    "(?#a)": (0, 3),
    "(?": (0, 2),
    "(" * 65 + ")" * 65: (64, 65),
    "(?:a{100}){11}": (0, 14),
    "(?:(?:a{10}){10}){11}": (0, 21),
    "(?:abcdef){255}(?:abcdefghijklmnopq){255}": (0, 41),
    r"(?:\ba?){30}": (0, 12),
    "(?:[^a]?[^b]?){30}": (0, 18),
}


@pytest.mark.parametrize(("pattern", "place"), REFUSED.items(), ids=list(REFUSED))
def test_what_the_language_does_not_have_is_refused_with_its_place(
    pattern: str, place: tuple[int, int]
) -> None:
    with pytest.raises(PatternError) as refused:
        check(pattern)
    assert (refused.value.start, refused.value.end) == place


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:(?:a{10}){10}){10}",
        "a{0,255}",
        "(?:a?){255}",
        "|".join(f"^{i}$" for i in range(150)),
        "|".join(rf"\bw{i}\b" for i in range(120)),
        "(" * 64 + "a" + ")*" * 64,
        "x" * 1000,
        ".{255}.{255}.{255}",
    ],
    ids=lambda pattern: pattern[:20],
)
def test_the_largest_patterns_are_taken_by_both_engines(pattern: str, postgres_url: str) -> None:
    check(pattern)
    matches(to_re2(pattern), "aaa")
    with psycopg.connect(postgres_url) as connection:
        connection.execute("SET statement_timeout = '20s'")
        in_postgres(connection, pattern, "aaa")


# ---------------------------------------------------------------- any pattern, any text

_ALPHABET = "abA1_- \n\té²ſ😀.*^$\\"
_CLASSES = st.sampled_from(
    [
        *r". \d \w \s \D \W \S [ab] [^ab] [a-c1] [^\d_]".split(),
        *r"[[:alpha:]é] [^[:punct:]] [\W\d] [é-😀] [^é] []^-]".split(),
    ]
)
_LITERALS = st.sampled_from(
    [f"\\{c}" if c in ".*^$\\" else c for c in _ALPHABET if c not in "\n\t"] + [r"\n", r"\t"]
)
_PLACES = st.sampled_from(("^", "$", r"\b"))
_COUNTS = st.sampled_from(
    ("", "", "", "*", "+", "?", "{2}", "{0,2}", "{2,}", "{0}", "*?", "{1,3}?")
)


def _extend(inner: SearchStrategy[str]) -> SearchStrategy[str]:
    group = st.builds("({}{})".format, st.sampled_from(("", "?:")), inner)
    return st.one_of(
        st.builds("{}{}".format, inner, inner),
        st.builds("{}|{}".format, inner, inner),
        st.builds("{}{}".format, group, _COUNTS),
        group,
    )


PATTERNS = st.recursive(
    st.one_of(
        st.builds("{}{}".format, _LITERALS, _COUNTS),
        st.builds("{}{}".format, _CLASSES, _COUNTS),
        _PLACES,
        st.just("()"),
    ),
    _extend,
    max_leaves=8,
)
TEXTS = st.text(st.sampled_from(_ALPHABET), max_size=8)


def test_re2_and_postgres_agree_on_random_patterns_and_texts(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:

        @given(PATTERNS, st.lists(TEXTS, min_size=1, max_size=12))
        @settings(max_examples=settings().max_examples * 10)
        def agree(pattern: str, texts: list[str]) -> None:
            if refusal(pattern):
                return
            rows = connection.execute(
                "SELECT t ~ %s FROM unnest(%s::text[]) WITH ORDINALITY AS u(t, n) ORDER BY n",
                (to_postgres(pattern), texts),
            )
            assert [row[0] for row in rows] == [matches(to_re2(pattern), t) for t in texts]

        agree()


@given(st.one_of(st.text(max_size=40), st.text("ab01{}()[]*+?|\\^$-:.,dDwWsSbé", max_size=20)))
@settings(max_examples=settings().max_examples * 5)
def test_any_text_is_a_pattern_or_refused(pattern: str) -> None:
    if "\0" in pattern:
        return  # No condition can hold one.
    error = refusal(pattern)
    if error is None:
        assert to_re2(pattern).isascii()
        assert to_postgres(pattern).isascii()
    else:
        assert 0 <= error.start < error.end <= max(1, len(pattern))
        assert error.pattern == pattern


def refusal(pattern: str) -> PatternError | None:
    try:
        check(pattern)
    except PatternError as error:
        return error
    return None


def characters() -> Iterator[tuple[str, str]]:
    """Patterns for every printable ASCII character: by itself, and alone in a class."""
    for code in range(0x20, 0x7F):
        character = chr(code)
        written = character if character.isalnum() else f"\\{character}"
        yield f"^{written}$", character
        yield f"^[{written}]$", character


def test_every_ascii_character_matches_itself_alone(postgres_url: str) -> None:
    everything = [chr(code) for code in range(1, 0x100)]
    with psycopg.connect(postgres_url) as connection:
        for pattern, character in characters():
            rows = connection.execute(
                "SELECT t FROM unnest(%s::text[]) t WHERE t ~ %s",
                (everything, to_postgres(pattern)),
            )
            assert [row[0] for row in rows] == [character], pattern
            assert [c for c in everything if matches(to_re2(pattern), c)] == [character], pattern
