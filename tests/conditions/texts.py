"""Random texts that are almost conditions: for tests of the reader, not of meaning."""

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.conditions.printer import to_text
from tests.conditions.strategies import CATALOG, conditions

WORDS = (
    *"and or not in is has between where any no true false everything".split(),
    *"set empty contains starts ends with matches segment all only before after on more".split(),
    *"less than ago from now last next this ignoring case at least most fewer exactly".split(),
    *"today yesterday tomorrow of event first anniversary count sum avg min max times".split(),
    *"day days month weeks hours quarter year like null then name item EVENT Not IN Count".split(),
    *"status tags company deals created_at score value".split(),
)
OTHERS = (
    *("=", "!=", "<", "<=", ">", ">=", "(", ")", "(", ")", ",", ".", "+", "-", '"x"', "'y'"),
    *('"2026-01-31"', "2026-01-31", "2026-01-31T10:00", "2026-02-30", "2026-1-1", "5", "0.5"),
    *(
        "1e5",
        "-3",
        "==",
        "&&",
        "||",
        "<>",
        ";",
        '"',
        "\\",
        "# comment\n",
        "\n",
        "é",
        "\u00a0",
        "\x00",
    ),
    *('""', "1_000", "365", "%", "!"),
)
_TOKENS = st.one_of(
    st.sampled_from(WORDS), st.sampled_from(WORDS), st.sampled_from(OTHERS), st.sampled_from(OTHERS)
)

PIECES = tuple(
    piece.strip() + " "
    for piece in """
    status = | "won" | tags has | has any ( | in ( | in last 3 days | in this month | in segment
    event "x" | no event "x" | first event "x" | last event "x" | where | amount > 100
    at least 2 times | more than 3 times | any deals | no deals | count(deals) | exactly 1 time
    sum(deals.value where | not | and | or | ( | ) | is set | is not | before today | on 2026-01-31
    between | 1 and 2 | today and now | more than 3 days | ago | from now | with ( | with | flag
    ignoring case | created_at | > | = 5 | anniversary of | - 30 days | + 1 month | everything
    company. | contains | starts with | "x", | item | name | last | first | event | count
    """.replace("\n", "|").split("|")
    if piece.strip()
)


def soups() -> SearchStrategy[str]:
    """Words and symbols of the language, and of others, in any order."""
    tokens = st.lists(_TOKENS, max_size=12)
    return st.builds(lambda words, glue: glue.join(words), tokens, st.sampled_from((" ", " ", "")))


def rows_of_pieces() -> SearchStrategy[str]:
    """Larger pieces in any order: more of them are conditions."""
    return st.lists(st.sampled_from(PIECES), min_size=1, max_size=8).map("".join)


@st.composite
def printed(draw: DrawFn, depth: int = 2) -> tuple[ObjectType, str]:
    """A valid condition and its type."""
    type = draw(st.sampled_from(SEGMENT_TYPES))
    return type, to_text(draw(conditions(type, CATALOG, depth=depth)))


@st.composite
def mutated(draw: DrawFn) -> tuple[ObjectType, str]:
    """A valid condition with a few words or characters taken out, doubled or replaced."""
    type, text = draw(printed())
    for _ in range(draw(st.integers(1, 3))):
        words = draw(st.booleans())
        parts = text.split(" ") if words else list(text)
        if not parts:
            break
        at = draw(st.integers(0, len(parts) - 1))
        replacement = draw(st.sampled_from(("", parts[at] * 2, None, None)))
        if replacement is None:
            replacement = draw(_TOKENS if words else st.characters())
        parts[at] = replacement
        text = (" " if words else "").join(parts)
    return type, text


def any_texts() -> SearchStrategy[str]:
    """All of the above, and plain noise."""
    return st.one_of(
        soups(),
        rows_of_pieces(),
        mutated().map(lambda pair: pair[1]),
        printed().map(lambda pair: pair[1]),
        st.text(),
        st.text(st.characters(categories=["Cs", "Cc", "Cf", "Nd", "Lu", "Zs"])),
    )
