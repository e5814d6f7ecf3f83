"""What a person is told about a condition that cannot be accepted.

golden/errors.txt holds blocks of four lines: the type and the condition, carets below the place,
the message, the hint. SEGCTL_GOLDEN=write writes it anew, to be read before it is kept.
"""

from collections.abc import Iterator
from dataclasses import dataclass
import os
from pathlib import Path

import pytest

from segctl.catalog import ObjectType
from segctl.conditions.carets import excerpt
from segctl.conditions.parser import parse
from segctl.errors import ConditionError, ExitCode
from tests.conditions.names import CATALOG, NAMES

FILE = Path(__file__).parent / "golden" / "errors.txt"


@dataclass(frozen=True)
class Block:
    type: ObjectType
    text: str
    told: str


def blocks() -> Iterator[Block]:
    for block in FILE.read_text("utf-8").strip("\n").split("\n\n"):
        first, _, told = block.partition("\n")
        type, _, text = first.partition(": ")
        yield Block(ObjectType(type), text, told)


def refusal(text: str, type: ObjectType = ObjectType.CONTACT) -> ConditionError:
    with pytest.raises(ConditionError) as refused:
        parse(text, type, CATALOG, NAMES)
    return refused.value


def told(block: Block) -> str:
    error = refusal(block.text, block.type)
    shown, carets = excerpt(error).split("\n")
    assert shown == f"  {block.text}"
    lines = [" " * len(block.type) + carets, f"error: {error.message}"]
    return "\n".join([*lines, f"hint: {error.hint}"] if error.hint else lines)


@pytest.mark.parametrize("block", list(blocks()), ids=lambda block: block.text)
def test_a_mistake_is_told_with_its_place_and_a_hint(block: Block) -> None:
    if os.environ.get("SEGCTL_GOLDEN") != "write":
        assert told(block) == block.told


def test_the_golden_file_holds_every_kind_of_mistake_once() -> None:
    found = list(blocks())
    if os.environ.get("SEGCTL_GOLDEN") == "write":
        text = "\n\n".join(f"{b.type}: {b.text}\n{told(b)}" for b in found)
        FILE.write_text(text + "\n", "utf-8")
    assert len(found) >= 120
    assert len({(b.type, b.text) for b in found}) == len(found)


def test_a_bad_condition_is_an_error_of_usage() -> None:
    error = refusal('industri = "x"')
    assert error.exit_code is ExitCode.USAGE
    assert error.fields == {"attribute": "industri", "object_type": "contact"}


def test_the_place_is_counted_in_code_points() -> None:
    error = refusal('city = "😀" and industri = 1')
    assert error.text[error.start : error.end] == "industri"


def test_the_leftmost_mistake_is_told_before_later_ones() -> None:
    assert refusal("a == 1 and b == 2 and (").start == 2


def test_grammar_is_checked_before_names() -> None:
    assert (
        refusal("unknown = 1 and (").message == "the condition ends where a condition is expected"
    )


def test_a_name_of_sixty_thousand_characters_is_shortened() -> None:
    error = refusal("a" * 60_000 + " = 1")
    assert len(error.message) < 120
    assert error.end - error.start == 60_000


def test_control_characters_do_not_reach_the_message() -> None:
    error = refusal('status = "a\x1b[31mb"')
    assert "\x1b" not in error.message
    assert "\x1b" not in excerpt(error)


def test_the_nearest_choice_of_a_related_record_is_proposed() -> None:
    error = refusal('contact.status = "visiter"', ObjectType.DEAL)
    assert error.hint == 'did you mean "visitor"?'
    assert error.fields["choices"] == ["visitor", "user"]
