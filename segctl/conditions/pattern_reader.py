"""Text of a `matches` pattern → its tree, or PatternError."""

import re

from segctl.conditions.limits import MAX_PATTERN
from segctl.conditions.pattern_classes import (
    CLASSES,
    CONTROLS,
    NAMED,
    PUNCTUATION,
    REFUSED_ESCAPES,
)
from segctl.conditions.pattern_measures import optional_parts, product, repeated, size
from segctl.conditions.pattern_tree import (
    LAST_CODE_POINT,
    Alternatives,
    AnyCharacter,
    Assertion,
    Character,
    CharacterClass,
    Pattern,
    PatternError,
    Place,
    Ranges,
    Sequence,
    complement,
    union,
)

MAX_COUNT = 255
MAX_PRODUCT = 1_000
MAX_GROUPS = 64
"""Of groups inside each other."""
MAX_SIZE = 5_000
"""Characters and ranges once every count is written out."""
MAX_OPTIONAL = 48
"""Parts that may be empty once every count is written out; ^, $ and \\b weigh as several."""
_COUNT = re.compile(r"\{(\d+)(?:(,)(\d*))?\}", re.ASCII)


def read_pattern(text: str) -> Pattern:
    """The tree; PatternError with the place of what the language does not have."""
    return _Reader(text).whole()


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._groups = 0

    def whole(self) -> Pattern:
        if len(self._text) > MAX_PATTERN:
            raise self._error(
                0,
                len(self._text),
                f"there are more than {MAX_PATTERN:,} characters",
                "split it into several conditions",
            )
        pattern = self._alternatives()
        if self._at < len(self._text):
            raise self._error(self._at, self._at + 1, "this bracket closes nothing", "write \\)")
        multiplied = product(pattern)
        if multiplied > MAX_PRODUCT:
            raise self._error(
                0,
                len(self._text),
                f"counts inside counts multiply to {multiplied:,}, and {MAX_PRODUCT:,} is the most",
                "use smaller counts, or * and +",
            )
        if (written := size(pattern)) > MAX_SIZE:
            raise self._error(
                0,
                len(self._text),
                f"written out without counts it has {written:,} characters, and {MAX_SIZE:,} is the"
                " most",
                "use smaller counts, or * and +",
            )
        if optional_parts(pattern) > MAX_OPTIONAL:
            raise self._error(
                0,
                len(self._text),
                f"written out without counts it has more than {MAX_OPTIONAL} parts that may be"
                " empty, where ^, $ and \\b count as several",
                "use smaller counts, or split it into several conditions",
            )
        return pattern

    def _error(self, start: int, end: int, message: str, hint: str | None = None) -> PatternError:
        return PatternError(message, start, end, hint, self._text)

    def _peek(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._text[at] if at < len(self._text) else ""

    # ------------------------------------------------------------ structure

    def _alternatives(self) -> Pattern:
        items = [self._sequence()]
        while self._peek() == "|":
            self._at += 1
            items.append(self._sequence())
        return items[0] if len(items) == 1 else Alternatives(tuple(items))

    def _sequence(self) -> Pattern:
        items = []
        while self._peek() not in ("", "|", ")"):
            items.append(self._repeated())
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def _repeated(self) -> Pattern:
        start = self._at
        item = self._atom()
        counts = self._count()
        if counts is None:
            return item
        if isinstance(item, Assertion) and self._text[start] != "(":
            raise self._error(
                start, self._at, "a place in the text cannot be repeated", "leave it out"
            )
        if self._peek() == "?":
            self._at += 1
        second = self._at
        if self._peek() == "+":
            raise self._error(
                second, second + 1, "there are no possessive counts", "leave the + out"
            )
        if self._count() is not None:
            raise self._error(
                second,
                self._at,
                "two counts stand next to each other",
                "put the first one into a group: (…)",
            )
        low, high = counts
        return repeated(item, low, high)

    def _count(self) -> tuple[int, int | None] | None:
        match self._peek():
            case "*":
                self._at += 1
                return 0, None
            case "+":
                self._at += 1
                return 1, None
            case "?":
                self._at += 1
                return 0, 1
            case "{":
                return self._braces()
        return None

    def _braces(self) -> tuple[int, int | None]:
        found = _COUNT.match(self._text, self._at)
        if not found:
            raise self._error(
                self._at,
                self._at + 1,
                "{ begins a count, like {2}, {2,} or {2,5}",
                "write \\{ for the character itself",
            )
        start, self._at = self._at, found.end()
        for digits in (found[1], found[3]):
            if digits and (len(digits) > 9 or int(digits) > MAX_COUNT):
                raise self._error(start, self._at, f"a count is at most {MAX_COUNT}", "use * or +")
        low = int(found[1])
        if not found[2]:
            return low, low
        if not found[3]:
            return low, None
        high = int(found[3])
        if low > high:
            raise self._error(start, self._at, "this count is reversed", f"write {{{high},{low}}}")
        return low, high

    # ------------------------------------------------------------ atoms

    def _atom(self) -> Pattern:
        start, character = self._at, self._peek()
        self._at += 1
        match character:
            case ".":
                return AnyCharacter()
            case "^":
                return Assertion(Place.START)
            case "$":
                return Assertion(Place.END)
            case "(":
                return self._group(start)
            case "[":
                return self._class(start)
            case "\\":
                return self._escape(start)
            case "*" | "+" | "?":
                raise self._error(
                    start,
                    start + 1,
                    f"there is nothing before {character} to repeat",
                    f"write \\{character} for the character itself",
                )
            case "{":
                self._at = start
                self._braces()
                raise self._error(
                    start, self._at, "there is nothing before this count to repeat", "write \\{"
                )
        return Character(character)

    def _group(self, start: int) -> Pattern:
        if self._peek() == "?":
            self._refuse_extension(start)
        if self._groups == MAX_GROUPS:
            raise self._error(start, start + 1, f"groups are at most {MAX_GROUPS} levels deep")
        self._groups += 1
        pattern = self._alternatives()
        self._groups -= 1
        if self._peek() != ")":
            raise self._error(
                start, start + 1, "this group is never closed", "write \\( for the character itself"
            )
        self._at += 1
        return pattern

    def _refuse_extension(self, start: int) -> None:
        """Takes `?:`; refuses every other thing that begins with `(?`."""
        following = self._text[self._at + 1 : self._at + 3]
        if following.startswith(":"):
            self._at += 2
            return
        end = min(self._at + 2, len(self._text))
        if following[:1] in ("=", "!") or following in ("<=", "<!"):
            raise self._error(
                start,
                end,
                "there is no look-around",
                "join two conditions with and: … matches … and not … matches …",
            )
        if following.startswith(("P", "<", "'")):
            raise self._error(start, end, "groups have no names", "write (…)")
        if following.startswith("#"):
            raise self._error(
                start, end, "there are no comments", "put it after # outside the text"
            )
        if following.startswith(">"):
            raise self._error(start, end, "there are no atomic groups", "write (…)")
        raise self._error(
            start, end, "a pattern has no flags", "write both cases as a class, like [Aa]"
        )

    def _escape(self, start: int) -> Pattern:
        character = self._peek()
        if character == "b":
            self._at += 1
            return Assertion(Place.WORD_BOUNDARY)
        found = self._escaped(start)
        if isinstance(found, str):
            return Character(found)
        ranges, negated = found
        return CharacterClass(ranges, negated)

    def _escaped(self, start: int) -> str | tuple[Ranges, bool]:
        """After a backslash: a character, or a class and whether it is the other way round."""
        character = self._peek()
        self._at += 1
        if not character:
            raise self._error(start, start + 1, "a single backslash ends it", "write \\\\")
        if character in CONTROLS:
            return CONTROLS[character]
        if character.lower() in CLASSES:
            return CLASSES[character.lower()], character.isupper()
        if character in PUNCTUATION:
            return character
        if character in "123456789":
            raise self._error(
                start, self._at, "there are no back-references", "write out what repeats"
            )
        message, hint = REFUSED_ESCAPES.get(
            character, (f"\\{character} means nothing", f"write {character} alone")
        )
        raise self._error(start, self._at, message, hint)

    # ------------------------------------------------------------ classes

    def _class(self, start: int) -> Pattern:
        negated = self._peek() == "^"
        if negated:
            self._at += 1
        ranges: list[tuple[int, int]] = []
        first = self._at
        while self._peek() != "]" or self._at == first:
            if not self._peek():
                raise self._error(
                    start,
                    start + 1,
                    "this class is never closed",
                    "write \\[ for the character itself",
                )
            self._class_item(ranges, first)
        self._at += 1
        merged = union(ranges)
        if merged == ((0, LAST_CODE_POINT),):
            if negated:
                raise self._error(start, self._at, "no character is in this class")
            return AnyCharacter()
        return CharacterClass(merged, negated)

    def _class_item(self, ranges: list[tuple[int, int]], first: int) -> None:
        start = self._at
        low = self._member()
        dash = self._peek() == "-" and self._peek(1) not in ("]", "")
        if isinstance(low, list):
            if dash:
                raise self._error(
                    start,
                    self._at + 1,
                    "a class cannot begin a range",
                    "write \\- for the character itself",
                )
            ranges.extend(low)
            return
        if not dash:
            if low == "-" and self._text[start] == "-" and start != first and self._peek() != "]":
                raise self._error(
                    start, start + 1, "this - follows a range", "write \\- for the character itself"
                )
            ranges.append((ord(low), ord(low)))
            return
        self._at += 1
        high = self._member()
        if isinstance(high, list):
            raise self._error(
                start, self._at, "a class cannot end a range", "write \\- for the character itself"
            )
        if ord(low) > ord(high):
            raise self._error(start, self._at, "this range is reversed", f"write {high}-{low}")
        ranges.append((ord(low), ord(high)))

    def _member(self) -> str | list[tuple[int, int]]:
        """One character of a class, or the ranges of a class inside it."""
        start, character = self._at, self._peek()
        if character == "[" and self._peek(1) in (":", ".", "="):
            return self._named(start)
        self._at += 1
        if character != "\\":
            return character
        if self._peek() == "b":
            raise self._error(start, start + 2, "\\b is a place, not a character", "leave it out")
        found = self._escaped(start)
        if isinstance(found, str):
            return found
        ranges, negated = found
        return complement(ranges) if negated else list(ranges)

    def _named(self, start: int) -> list[tuple[int, int]]:
        kind = self._peek(1)
        end = self._text.find(f"{kind}]", start + 2)
        name = self._text[start + 2 : end] if end >= 0 else ""
        if kind != ":" or name not in NAMED:
            stop = end + 2 if end >= 0 else start + 2
            raise self._error(
                start,
                stop,
                "there is no such class",
                f"there are {', '.join(f'[:{n}:]' for n in NAMED)}",
            )
        self._at = end + 2
        return list(NAMED[name])
