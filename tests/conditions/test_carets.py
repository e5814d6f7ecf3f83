"""The line with carets below the place of an error."""

import subprocess
import sys
import time
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.conditions.carets import excerpt
from segctl.errors import ConditionError


def shown(text: str, start: int, end: int) -> str:
    return excerpt(ConditionError("bad", text=text, start=start, end=end))


def place(text: str, word: str) -> str:
    start = text.index(word)
    return shown(text, start, start + len(word))


def width(text: str) -> int:
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def test_the_place_is_marked_below_the_line() -> None:
    assert place('company.industri = "Software"', "industri") == (
        '  company.industri = "Software"\n'
        "          ^^^^^^^^"
    )  # fmt: skip


def test_a_place_behind_the_last_word_gets_one_caret() -> None:
    assert shown("status =", 8, 8) == "  status =\n          ^"


def test_the_first_character_can_be_marked() -> None:
    assert shown("= 3", 0, 1) == "  = 3\n  ^"


def test_of_several_lines_the_one_with_the_place_is_shown_with_its_number() -> None:
    text = 'status = "won"\nand industri = "x"\nand value > 5\n'
    assert place(text, "industri") == '  2 | and industri = "x"\n          ^^^^^^^^'


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_every_line_ending_ends_a_line(ending: str) -> None:
    text = ending.join(("vip", "and bad = 3", "and vip"))
    assert place(text, "bad") == "  2 | and bad = 3\n          ^^^"


def test_a_single_line_with_a_line_end_has_no_number() -> None:
    assert place("bad = 3\n", "bad") == "  bad = 3\n  ^^^"


def test_a_place_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    text = "created_at between 2026-02-01\nand 2026-01-01"
    assert place(text, "2026-02-01\nand 2026-01-01") == (
        "  1 | created_at between 2026-02-01\n"
        "                         ^^^^^^^^^^"
    )  # fmt: skip


def test_tabs_are_shown_as_spaces_and_keep_the_place() -> None:
    assert place("\tvip\tand bad", "bad") == "      vip    and bad\n                 ^^^"


def test_wide_and_combining_characters_keep_the_place() -> None:
    assert (
        place('city = "日本" and bad', "bad") == '  city = "日本" and bad\n                    ^^^'
    )
    text = 'city = "e\u0301" and bad'
    first, carets = place(text, "bad").split("\n")
    assert width(first[: first.index("bad")]) == carets.index("^")


def test_a_wide_character_is_marked_over_its_whole_width() -> None:
    assert place("日本 = 3", "日本") == "  日本 = 3\n  ^^^^"


def test_control_characters_become_visible_and_harmless() -> None:
    text = 'city = "\x1b[31m\x07\u202e\x9b" and bad'
    first, carets = place(text, "bad").split("\n")
    assert first == '  city = "␛[31m␇\ufffd\ufffd" and bad'
    assert first[carets.index("^") :] == "bad"


def test_half_surrogates_and_nul_can_be_printed() -> None:
    assert shown("a \ud800 b", 2, 3) == "  a \ufffd b\n    ^"
    assert shown("a \x00 b", 2, 3).encode() == "  a ␀ b\n    ^".encode()


def test_of_a_long_line_a_window_around_the_place_is_shown() -> None:
    text = "vip and " * 50 + "bad = 3" + " and vip" * 50
    first, carets = place(text, "bad").split("\n")
    assert len(first) <= 80
    assert first.startswith("  …")
    assert first.endswith("…")
    at = carets.index("^")
    assert first[at : at + 3] == "bad"
    assert carets.strip() == "^^^"


def test_a_place_longer_than_the_window_is_marked_as_far_as_it_is_shown() -> None:
    first, carets = shown("x" * 1000, 0, 1000).split("\n")
    assert len(first) <= 80
    assert first.endswith("…")
    assert len(carets) <= len(first)


def test_a_line_that_just_fits_is_shown_whole() -> None:
    text = "bad".ljust(74, "x")
    assert shown(text, 0, 3).split("\n")[0] == f"  {text}"


def test_an_error_without_a_text_has_no_excerpt() -> None:
    assert shown("", 0, 0) == ""
    assert shown(" \n ", 0, 0) == ""


def test_a_huge_line_costs_no_more_than_a_long_one() -> None:
    text = "x" * 5_000_000 + " bad " + "x" * 5_000_000
    start = time.perf_counter()
    excerpt(ConditionError("bad", text=text, start=5_000_001, end=5_000_004))
    assert time.perf_counter() - start < 2


@given(st.text(max_size=120), st.integers(0, 130), st.integers(0, 130))
def test_any_place_in_any_text_can_be_shown(text: str, start: int, end: int) -> None:
    drawn = shown(text, start, end)
    if not drawn:
        assert not text.strip()
        return
    first, carets = drawn.split("\n")
    assert set(carets) <= {" ", "^"}
    assert carets.rstrip().count("^") == len(carets.strip())
    assert width(first) <= 90
    drawn.encode()
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in first + carets)


def test_importing_it_imports_neither_the_language_nor_the_catalog() -> None:
    code = "import segctl.conditions.carets, sys; print(*[m for m in sys.modules if 'segctl' in m])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {
        "segctl",
        "segctl.conditions",
        "segctl.conditions.carets",
        "segctl.errors",
    }
