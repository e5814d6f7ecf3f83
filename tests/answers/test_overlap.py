"""`segctl overlap` and set algebra over stored members, on both stores."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st
import pytest

from segctl.catalog import ObjectType
from segctl.errors import SegctlError, SetError, UsageError
from segctl.services import set_algebra
from segctl.services.overlap import Intersection, overlap
from segctl.services.set_expression import (
    MAX_LEVELS,
    MAX_NAMES,
    Expression,
    Name,
    Operation,
    Operator,
    parse,
)
from segctl.store.opening import Store
from tests.engine.workspace import add, companies, edit, recalc, segment, sql, stored


@pytest.fixture
def run(segctl, store: Store):
    def call(*words: object, **more):
        return segctl(*words, store=store, **more)

    return call


@pytest.fixture
def numbers(store: Store) -> Store:
    """Companies of the sizes 1 to 12, and who is even, divisible by three, small."""
    companies(store, range(1, 13))
    segment(store, "Even", f"size in ({', '.join(str(n) for n in range(2, 13, 2))})")
    segment(store, "Threes", "size in (3, 6, 9, 12)")
    segment(store, "Small ones", "size <= 4")
    segment(store, "Even-Odd", "everything")
    segment(store, "Big", "size > 1", type="company")
    segment(store, "Deals", "everything", type="deal")
    recalc(store)
    return store


# ---------------------------------------------------------------- overlap


def test_every_intersection_is_counted(numbers: Store):
    found = overlap(numbers, ["even", "Threes", "Small ones"])
    members = [set(stored(numbers, name)) for name in ("Even", "Threes", "Small ones")]
    expected = set()
    for places in product((False, True), repeat=3):
        inside = [m for m, chosen in zip(members, places, strict=True) if chosen]
        outside = [m for m, chosen in zip(members, places, strict=True) if not chosen]
        if inside:
            rest = set.intersection(*inside) - set().union(*outside)
            if rest:
                chosen = tuple(place for place, there in enumerate(places) if there)
                expected.add(Intersection(chosen, len(rest)))
    assert set(found.intersections) == expected
    assert [each.count for each in found.intersections] == sorted(
        (each.count for each in found.intersections), reverse=True
    )
    assert found.union == len(set.union(*members))
    assert found.together(0, 1) == len(members[0] & members[1])
    assert found.type is ObjectType.COMPANY


def test_deleted_records_are_left_out(numbers: Store):
    sql(numbers, "DELETE FROM company WHERE size = 6")
    found = overlap(numbers, ["Even", "Threes"])
    assert (found.together(0, 1), found.union) == (1, 7)


def test_the_two_tables_fit_a_terminal(run, numbers: Store):
    seen = run("overlap", "Even", "Threes", "Small ones", env={"COLUMNS": "60"}).ok()
    assert max(map(len, seen.lines)) <= 60
    first, *_ = seen.lines
    assert first.split() == ["Segment", "Members", "Counted", "A", "B", "C"]
    assert "A  Even" in seen.stdout
    bars = seen.lines[seen.lines.index("") + 2 :]
    assert bars[0].startswith("● · ·   2  █")
    assert [line[:5] for line in bars] == ["● · ·", "● ● ·", "● · ●", "· ● ·", "· · ●", "· ● ●"]
    assert "33%" in seen.stdout


def test_many_segments_still_fit(run, store: Store):
    companies(store, range(5))
    names = [f"Number {n} of a rather long name" for n in range(12)]
    for place, name in enumerate(names):
        segment(store, name, f"size >= {place % 5}")
    recalc(store)
    seen = run("overlap", *names, env={"COLUMNS": "100"}).ok()
    assert max(map(len, seen.lines)) <= 110
    assert "Counted" not in seen.stdout
    assert "…" in seen.stdout


def test_json_holds_the_matrix_and_the_intersections(run, numbers: Store):
    found = run("overlap", "Even", "Threes", "-o", "json").ok().json
    assert list(found) == ["type", "segments", "union", "matrix", "intersections"]
    assert found["matrix"] == [[6, 2], [2, 4]]
    assert found["intersections"][0] == {"segments": ["Even"], "count": 4}
    lines = run("overlap", "Even", "Threes", "-o", "csv").ok().lines
    assert lines == ["segments,count", "Even,4", "Threes,2", "Even;Threes,2"]
    assert run("overlap", "Even", "Threes", "-o", "count").ok().stdout == "3\n"
    assert run("overlap", "Even", "Threes", "-o", "csv", "--limit", "1").ok().lines[1:] == [
        "Even,4"
    ]


def test_what_is_cut_off_is_said(run, numbers: Store):
    assert "2 more with 4 in all" in run("overlap", "Even", "Threes", "--limit", "1").ok().stderr


def test_empty_and_equal_segments(run, store: Store):
    companies(store, [1])
    segment(store, "None", "size > 5")
    segment(store, "No one", "size > 6")
    recalc(store)
    assert "nobody is in any of them" in run("overlap", "None", "No one").ok().stdout
    edit(store, "None", where="size > 0")
    assert '"None" is stale' in run("overlap", "None", "No one").ok().stderr
    edit(store, "No one", where="everything")
    recalc(store)
    assert "all" in run("overlap", "None", "No one").ok().stdout


def test_overlap_refuses_what_has_no_answer(run, numbers: Store):
    assert "two segments" in run("overlap", "Even").stderr
    with pytest.raises(UsageError, match="named twice"):
        overlap(numbers, ["Even", "even"])
    with pytest.raises(UsageError, match="of one type"):
        overlap(numbers, ["Even", "Deals"])
    with pytest.raises(UsageError, match="at most 20"):
        overlap(numbers, ["Even"] * 21)
    segment(numbers, "New", "size > 3")
    with pytest.raises(SegctlError, match="never counted"):
        overlap(numbers, ["Even", "New"])
    assert run("overlap", "Even", "Odd").code == 5


# ---------------------------------------------------------------- the grammar


def written(expression: Expression) -> str:
    """With all brackets there can be."""
    match expression:
        case Name(name):
            return name
        case Operation(operator, first, second):
            return f"({written(first)}{operator}{written(second)})"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("A", "A"),
        ("A & B", "(A&B)"),
        ("A&B&C", "((A&B)&C)"),
        ("A|B|C", "((A|B)|C)"),
        ("A-B-C", "((A-B)-C)"),
        ("A & B - C - D", "(((A&B)-C)-D)"),
        ("(A | B) - C", "((A|B)-C)"),
        ("A - (B & C)", "(A-(B&C))"),
        ("A | (B - C)", "(A|(B-C))"),
        ("((A))", "A"),
        ('"A b" & \'c "d\'', '(A b&c "d)'),
        (r'"a\"b" | "c\\d"', '(a"b|c\\d)'),
        ("#12&7", "(#12&7)"),
        ("Größe|Ünï", "(Größe|Ünï)"),
        ("  A\n &\tB ", "(A&B)"),
    ],
)
def test_what_an_expression_means(text: str, meaning: str):
    assert written(parse(text)) == meaning


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("A | B - C", "-", "brackets have to say"),
        ("A - B & C", "&", "brackets have to say"),
        ("A & B | C", "|", "brackets have to say"),
        ("A - B | C", "|", "brackets have to say"),
        ("A &", "", "missing at the end"),
        ("& A", "&", 'missing before "&"'),
        ("A & & B", "&", 'missing before "&"'),
        ("(A", "(", "not closed"),
        ("A)", ")", "closes nothing"),
        ("()", ")", "missing before"),
        ("Big deals & A", "deals", "no operator before"),
        ('A "B"', '"B"', "no operator before"),
        ("(A B)", "B", "no operator before"),
        ("A (B)", "(", "no operator before"),
        ('"A', '"A', "quote is not closed"),
        ("A & 'B", "'B", "quote is not closed"),
        ('"" & A', '""', "name is empty"),
        ('" " & A', '" "', "name is empty"),
        ("", "", "missing at the end"),
    ],
)
def test_a_mistake_is_pointed_at(text: str, place: str, said: str):
    with pytest.raises(SetError, match=said) as error:
        parse(text)
    assert text[error.value.start : error.value.end] == place


def test_names_with_blanks_are_proposed_in_quotes():
    with pytest.raises(SetError) as error:
        parse("A & Big won deals | B")
    assert '"Big won deals"' in error.value.hint


def test_nothing_is_too_large_to_be_refused():
    with pytest.raises(SetError, match="deep"):
        parse("(" * (MAX_LEVELS + 1) + "A" + ")" * (MAX_LEVELS + 1))
    assert parse("(" * MAX_LEVELS + "A" + ")" * MAX_LEVELS)
    with pytest.raises(SetError, match="at most 100 segments"):
        parse("|".join(["A"] * (MAX_NAMES + 1)))
    with pytest.raises(SetError, match="10,000 characters"):
        parse("A" * 10_001)


@given(st.text("AB \"'&|-()\\\n", max_size=30))
def test_any_text_is_an_expression_or_a_set_error(text: str):
    error = None
    try:
        parse(text)
    except SetError as caught:
        error = caught
    assert error is None or 0 <= error.start <= error.end <= len(text)


# ---------------------------------------------------------------- the members


def ids(store: Store, text: str, **more) -> list[int]:
    with set_algebra.stored(store, text, **more) as found:
        return [row["id"] for row in found.rows]


@pytest.mark.parametrize(
    ("text", "sizes"),
    [
        ("Even & Threes", [6, 12]),
        ("Even | Threes", [2, 3, 4, 6, 8, 9, 10, 12]),
        ("Even - Threes", [2, 4, 8, 10]),
        ('Even & Threes - "Small ones"', [6, 12]),
        ('"Small ones" - Even', [1, 3]),
        ('("Small ones" | Threes) - Even', [1, 3, 9]),
        ('Threes - ("Small ones" & Threes)', [6, 9, 12]),
        ("Even - Even", []),
        ("#1 & 2", [6, 12]),
    ],
)
def test_the_members_are_those_of_the_sets(numbers: Store, text: str, sizes: list[int]):
    of = dict(sql(numbers, "SELECT id, size FROM company"))
    assert [of[id] for id in ids(numbers, text)] == sizes
    assert set_algebra.count(numbers, text).count == len(sizes)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> Expression:
    if depth == 0 or draw(st.booleans()):
        return Name(draw(st.sampled_from(["Even", "Threes", "Small ones", "Big"])), 0, 0)
    operator = draw(st.sampled_from(list(Operator)))
    return Operation(operator, draw(expressions(depth - 1)), draw(expressions(depth - 1)))


def text_of(expression: Expression) -> str:
    match expression:
        case Name(name):
            return f'"{name}"'
        case Operation(operator, first, second):
            return f"({text_of(first)} {operator} {text_of(second)})"


@given(st.data())
def test_random_expressions_are_what_python_makes_of_them(numbers: Store, data: st.DataObject):
    sets = {name: set(stored(numbers, name)) for name in ("Even", "Threes", "Small ones", "Big")}

    def members(expression: Expression) -> set[int]:
        match expression:
            case Name(name):
                return sets[name]
            case Operation(operator, first, second):
                one, other = members(first), members(second)
                return {"&": one & other, "|": one | other, "-": one - other}[operator]

    for _ in range(3):
        expression = data.draw(expressions())
        text = text_of(Operation(Operator.AND, expression, expression))
        assert ids(numbers, text) == sorted(members(expression))


def test_a_segment_that_is_called_like_the_text_wins(run, numbers: Store):
    assert not set_algebra.is_expression(numbers, "Even-Odd")
    assert run("segments", "count", "Even-Odd").ok().stdout == "12\n"
    segment(numbers, "Even & Threes", "size = 6")
    recalc(numbers, "Even & Threes")
    assert run("segments", "count", "Even & Threes").ok().stdout == "1\n"
    assert run("segments", "count", "(Even & Threes)").ok().stdout == "2\n"
    segment(numbers, "Even & Threes", "everything", type="deal")
    assert not set_algebra.is_expression(numbers, "Even & Threes")


def test_the_command_lists_and_counts(run, numbers: Store):
    result = run("segments", "members", "Even & Threes", "--columns", "size", "-o", "csv").ok()
    assert result.lines == ["size", "6", "12"]
    assert [line.split('" was')[0] for line in result.stderr.splitlines()] == ['"Even', '"Threes']
    assert run("segments", "members", "Even & Threes", "-o", "count").ok().stdout == "2\n"
    assert len(run("segments", "members", "Even | Threes", "--limit", "3", "-o", "ids").lines) == 3
    found = run("segments", "count", "Even & Threes", "-o", "json").ok().json
    assert (found["expression"], found["type"], found["count"]) == ("Even & Threes", "company", 2)
    assert [each["name"] for each in found["segments"]] == ["Even", "Threes"]
    assert run("segments", "count", "Even & Threes").ok().stdout == "2\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("members", "Even & Threes", "--live"), "without --live"),
        (("members", "Even & Threes", "--diff"), "without --diff"),
        (("members", "Even & Threes", "--as-of", "1d"), "without --as-of"),
        (("count", "Even & Threes", "--live"), "without --live"),
        (("count", "Even & Nobody"), "^^^^^^"),
        (("count", "Even & Deals"), "only segments of one type"),
        (("count", "Even & Threes", "--type", "deal"), "of deal"),
        (("count", "Even-Odd & Big"), 'there is a segment "Even-Odd"'),
        (("count", "Evan-Odd"), 'did you mean "Even-Odd"?'),
        (("count", "Even &"), "missing at the end"),
    ],
)
def test_bad_words(run, numbers: Store, words, said):
    result = run("segments", *words)
    assert (result.code, result.stdout) == (2, "")
    assert said in result.stderr


def test_a_name_of_several_types_takes_the_one_that_all_have(run, numbers: Store):
    add(numbers, "deal", [{"name": "One"}])
    segment(numbers, "Even", "everything", type="deal")
    recalc(numbers)
    assert run("segments", "count", "Even | Deals").ok().stdout == "1\n"
    assert run("segments", "count", "Even | Threes").ok().stdout == "8\n"
    result = run("segments", "count", "(Even)")
    assert result.code == 2
    assert "--type company" in result.stderr
    assert run("segments", "count", "(Even)", "--type", "deal").ok().stdout == "1\n"


def test_members_that_were_never_counted_are_not_nobody(run, numbers: Store):
    segment(numbers, "New", "size > 3")
    result = run("segments", "count", "Even | New")
    assert result.code == 1
    assert '"New" was never counted' in result.stderr


def test_a_name_without_operators_stays_a_name(run, numbers: Store):
    result = run("segments", "count", "Nobody")
    assert result.code == 5
    assert "there is no segment" in result.stderr
