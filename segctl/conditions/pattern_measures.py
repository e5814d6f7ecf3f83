"""How large a pattern is once its counts are written out, and counts put in their simplest form.

RE2 takes all that the limits here allow. Postgres decides them: it writes counts out and then
removes every way to pass without a character, which for a row of parts that may be empty, or with
places (`^`, `$`, `\\b`) between them, grows with the cube of their number.
"""

from segctl.conditions.pattern_tree import (
    Alternatives,
    Assertion,
    CharacterClass,
    Pattern,
    Repeat,
    Sequence,
)

_EMPTY = Sequence(())
_PLACE_COST = 4
_PLACE_COST_ENDLESS = 12
_COUNTS_PER_PART = 8


def repeated(item: Pattern, low: int, high: int | None) -> Pattern:
    """`item` from `low` to `high` times, without repeating what is empty anyway."""
    if high == 0:
        return _EMPTY
    if not consumes(item):
        # To be at a place twice is to be there.
        return item if low else _EMPTY
    if low == 0 and isinstance(item, Alternatives):
        kept = tuple(branch for branch in item.items if consumes(branch))
        item = kept[0] if len(kept) == 1 else Alternatives(kept)
    if nullable(item) and (rest := _without_empty(item)):
        return Repeat(rest, 0, high)
    return Repeat(item, low, high)


def _without_empty(pattern: Pattern) -> Pattern | None:
    """The same but for the empty text; None where that is not simply said."""
    match pattern:
        case Repeat(item, 0, high):
            inner = _without_empty(item)
            return Repeat(inner, 1, high) if inner else None
        case Alternatives(items):
            kept = [_without_empty(item) for item in items if item != _EMPTY]
            rest = tuple(item for item in kept if item)
            if not rest or len(rest) < len(kept):
                return None
            return rest[0] if len(rest) == 1 else Alternatives(rest)
    return None if nullable(pattern) else pattern


def consumes(pattern: Pattern) -> bool:
    """Whether it can match a text that is not empty."""
    match pattern:
        case Sequence(items) | Alternatives(items):
            return any(map(consumes, items))
        case Repeat(item):
            return consumes(item)
        case Assertion():
            return False
    return True


def nullable(pattern: Pattern) -> bool:
    """Whether it can match the empty text, at some place."""
    match pattern:
        case Sequence(items):
            return all(map(nullable, items))
        case Alternatives(items):
            return any(map(nullable, items))
        case Repeat(item, low):
            return low == 0 or nullable(item)
        case Assertion():
            return True
    return False


def _times(repeat: Repeat) -> int:
    return max(1, repeat.low if repeat.high is None else repeat.high)


def product(pattern: Pattern) -> int:
    """The largest product of counts inside each other."""
    match pattern:
        case Sequence(items) | Alternatives(items):
            return max(map(product, items), default=1)
        case Repeat(item):
            return _times(pattern) * product(item)
    return 1


def size(pattern: Pattern) -> int:
    """Characters and ranges once every count is written out."""
    match pattern:
        case Sequence(items) | Alternatives(items):
            return sum(map(size, items))
        case Repeat(item):
            return _times(pattern) * size(item)
        case CharacterClass(ranges):
            return len(ranges)
    return 1


def optional_parts(pattern: Pattern) -> int:
    """Parts that may be empty once every count is written out; a place weighs as several.

    Those at the two ends of the whole, or of one of its alternatives, cost nothing.
    """
    branches = pattern.items if isinstance(pattern, Alternatives) else (pattern,)
    return sum(
        _optional(_without_ends(branch), endless=False, with_place=False) for branch in branches
    )


def _without_ends(pattern: Pattern) -> Pattern:
    if isinstance(pattern, Assertion):
        return _EMPTY
    if not isinstance(pattern, Sequence):
        return pattern
    items = pattern.items
    first = 1 if items and isinstance(items[0], Assertion) else 0
    last = len(items) - (1 if items[first:] and isinstance(items[-1], Assertion) else 0)
    return Sequence(items[first:last])


def _optional(pattern: Pattern, *, endless: bool, with_place: bool) -> int:
    """`endless`: inside a * or the like; `with_place`: inside a repetition that has a place."""
    match pattern:
        case Assertion():
            return _PLACE_COST_ENDLESS if endless else _PLACE_COST
        case Sequence(items) | Alternatives(items):
            inner = sum(_optional(i, endless=endless, with_place=with_place) for i in items)
            empty_branch = isinstance(pattern, Alternatives) and any(map(nullable, items))
            return inner + (1 if empty_branch else 0)
        case Repeat(item, low, high):
            # Each end of a range of counts can be followed by the place.
            own = (high - low) // _COUNTS_PER_PART if with_place and high is not None else 0
            inner = _optional(
                item,
                endless=endless or high is None,
                with_place=with_place or (high != 1 and _has_place(item)),
            )
            return _times(pattern) * inner + own + (1 if low == 0 else 0)
    return 0


def _has_place(pattern: Pattern) -> bool:
    match pattern:
        case Assertion():
            return True
        case Sequence(items) | Alternatives(items):
            return any(map(_has_place, items))
        case Repeat(item):
            return _has_place(item)
    return False
