"""docs/conditions.md says what is so."""

from collections.abc import Iterator
from pathlib import Path
import re

import pytest

from segctl.catalog import RELATIONS, RESERVED, ObjectType
from segctl.conditions import limits, pattern_reader
from segctl.conditions.parser import parse
from segctl.conditions.pattern_classes import NAMED
from segctl.conditions.printer import to_text
from tests.conditions.names import CATALOG, NAMES

PAGE = (Path(__file__).parent.parent.parent / "docs" / "conditions.md").read_text("utf-8")
WORDS = " ".join(PAGE.split())


def examples() -> Iterator[tuple[ObjectType, str]]:
    for type, block in re.findall(r"```condition ?(\w*)\n(.*?)```", PAGE, re.DOTALL):
        for line in block.splitlines():
            yield ObjectType(type or "contact"), line


@pytest.mark.parametrize(("type", "text"), list(examples()))
def test_every_example_is_a_condition(type: ObjectType, text: str) -> None:
    tree = parse(text, type, CATALOG, NAMES)
    assert parse(to_text(tree), type, CATALOG, NAMES) == tree


def test_there_are_examples_of_everything() -> None:
    assert len(list(examples())) > 40


def test_the_reserved_words_are_all_listed() -> None:
    listed = re.search(r"never be names: `([a-z ]+)`", WORDS)
    assert listed is not None
    assert set(listed[1].split()) == RESERVED


@pytest.mark.parametrize(
    "row",
    [
        f"| text | {limits.MAX_BYTES // 1024} KiB of UTF-8 |",
        f"| comparisons | {limits.MAX_COMPARISONS} |",
        f"| levels of brackets and `not` | {limits.MAX_LEVELS} |",
        f"| relations to one in a path | {limits.MAX_HOPS} |",
        f"inside each other | {limits.MAX_NESTED} |",
        f"| values in a list | {limits.MAX_VALUES:,} |",
        f"| N in `N days` and `N times` | {limits.MAX_AMOUNT:,} |",
        f"| pattern | {limits.MAX_PATTERN:,} characters |",
        f"counts, at most {pattern_reader.MAX_COUNT};",
        f"multiply to more than {pattern_reader.MAX_PRODUCT:,}, if groups are more than"
        f" {pattern_reader.MAX_GROUPS} deep",
        f"more than {pattern_reader.MAX_SIZE:,} characters or more than"
        f" {pattern_reader.MAX_OPTIONAL} parts",
    ],
)
def test_the_limits_are_those_of_the_code(row: str) -> None:
    assert row in WORDS


def test_the_named_classes_are_all_listed() -> None:
    listed = re.search(r"the named ones are ([a-z, ]+) and (\w+)", WORDS)
    assert listed is not None
    assert {*listed[1].split(", "), listed[2]} == set(NAMED)


def test_every_relation_is_listed() -> None:
    table = PAGE[PAGE.index("| relation |") : PAGE.index("A relation to one continues")]
    for type in ObjectType:
        for relation in RELATIONS[type].values():
            assert re.search(rf"\b{relation.name}\b", table), relation
