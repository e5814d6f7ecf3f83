"""The guard `max_change`: how much of a segment one recalculation may change."""

import re

from segctl.engine.history import Counts
from segctl.errors import GuardStopped, InvalidValue

NONE = "none"
"""The guard that lets everything pass, where a more general one would not."""

_SHARE = re.compile(r"\d{1,6}(\.\d{1,3})?%")
_NUMBER = re.compile(r"\d{1,12}")


def parse_max_change(text: str) -> str:
    """`500`, `20%` or `none` in the stored form; InvalidValue otherwise."""
    word = text.strip().lower()
    if word == NONE or _SHARE.fullmatch(word):
        return word
    if _NUMBER.fullmatch(word):
        return str(int(word))
    raise InvalidValue(
        f'"{text}" is not a largest change of members', hint="write 500, 20% or none"
    )


def passes(limit: str | None, counts: Counts) -> bool:
    """Whether a recalculation changes no more than `limit`.

    A first fill changes nothing, and a share of no members is no limit.
    """
    if limit is None or limit == NONE or counts.before is None:
        return True
    if limit.endswith("%"):
        if counts.before == 0:
            return True
        allowed = counts.before * float(limit[:-1]) / 100
    else:
        allowed = float(limit)
    return counts.entered + counts.left <= allowed


def check_change(limit: str | None, counts: Counts, name: str) -> None:
    """GuardStopped if a recalculation changes more than `limit`."""
    if not passes(limit, counts):
        raise GuardStopped(
            f'"{name}" was not changed: {counts.entered:,} would enter and {counts.left:,} leave '
            f"of {counts.before:,} members, more than its limit of {limit} allows",
            hint=f'if that is right: segctl recalc "{name}" --max-change none',
            entered=counts.entered,
            left=counts.left,
            count=counts.before,
            limit=limit,
        )
