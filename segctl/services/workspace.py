"""The settings of the workspace: what changes members or history lives in the store."""

from collections.abc import Callable
from dataclasses import dataclass
import datetime as dt
import math
import re
from typing import Any
from zoneinfo import available_timezones

from segctl.errors import InvalidValue, NotFound, did_you_mean
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.tables import Workspace
from segctl.store.workspace import load_workspace

Value = str | int | float | None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its value, and its value in a new store."""

    key: str
    value: Value
    default: Value
    help: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A setting that was set. `stale`: how many segments go stale by it."""

    key: str
    before: Value
    after: Value
    stale: int = 0


def _zone(text: str) -> str:
    zones = available_timezones() - {"localtime"}
    if text in zones:
        return text
    raise ValueError(
        f'there is no time zone "{text}"',
        did_you_mean(text, zones) or 'use a name such as "Europe/Warsaw"',
    )


def _number(low: float, high: float, unit: str, *, whole: bool = False) -> Callable[[str], Value]:
    kind = "whole number" if whole else "number"

    def read(text: str) -> Value:
        try:
            number = int(text) if whole else float(text)
        except ValueError:
            number = math.nan
        if low <= number <= high:
            return number
        raise ValueError(f'"{text}" is not a {kind} of {unit} from {low:,g} to {high:,g}', None)

    return read


def _change(text: str) -> Value:
    if text.lower() in ("none", ""):
        return None
    if re.fullmatch(r"\d{1,12}", text):
        return str(int(text))
    if re.fullmatch(r"\d{1,6}(\.\d{1,3})?%", text):
        return text
    raise ValueError(f'"{text}" is not a largest change', "write 500, 20% or none")


def _one_of(*words: str, nothing: str | None = None) -> Callable[[str], Value]:
    """One of the words; `nothing` is the one that stands for no value."""

    def read(text: str) -> Value:
        word = text.lower().replace("-", "_")
        if word not in words:
            hint = did_you_mean(word, words)
            raise ValueError(f'"{text}" is none of {", ".join(words)}', hint)
        return None if word == nothing else word

    return read


_CENTURY = 36_500.0
_ROWS = 10**12

_KEYS: dict[str, tuple[Callable[[str], Value], str]] = {
    "timezone": (_zone, "IANA zone in which conditions read days, weeks, months and wall clocks."),
    "min_interval": (
        _number(1, 525_600, "minutes", whole=True),
        "Shortest interval that a segment may have, in minutes.",
    ),
    "max_change": (
        _change,
        "Largest change of a segment's members that a recalculation makes: 500, 20% or none. "
        "A segment's own guard beats it.",
    ),
    "heavy_seconds": (
        _number(0.001, 86_400, "seconds"),
        "A recalculation that takes longer flags its segment as too heavy.",
    ),
    "heavy_share": (
        _number(0.001, 1, "share"),
        "So does one that takes more than this share of the day's time of all segments.",
    ),
    "full_every_days": (
        _number(0, _CENTURY, "days"),
        "After so many days a segment is recalculated in full.",
    ),
    "trace_keep_days": (_number(0, _CENTURY, "days"), "How long the trace of writes is kept."),
    "trace_keep_rows": (
        _number(0, _ROWS, "rows", whole=True),
        "How many rows of it are kept at most.",
    ),
    "change_keep_days": (
        _number(0, _CENTURY, "days"),
        "How long it is kept who entered and left which segment.",
    ),
    "change_keep_rows": (
        _number(0, _ROWS, "rows", whole=True),
        "How many rows of that are kept at most.",
    ),
    "run_keep_days": (_number(0, _CENTURY, "days"), "How long recalculations are kept."),
    "assignment_source": (
        _one_of("live", "stored"),
        "How chats are assigned: live, by the conditions evaluated for the contact at that moment, "
        "or by the stored members.",
    ),
    "group_strategy": (
        _one_of("round_robin", "least_open", "none", nothing="none"),
        "How a group's chats are given to its members: round_robin, least_open, or none: to the "
        "group alone. A group's own strategy beats it.",
    ),
}


def show(store: Store) -> list[Setting]:
    """Every setting, in a fixed order."""
    with store.read() as session:
        workspace = load_workspace(session)
    return [
        Setting(key, getattr(workspace, key), Workspace.model_fields[key].default, help)
        for key, (_, help) in _KEYS.items()
    ]


def set_value(store: Store, key: str, text: str, *, now: dt.datetime, actor: str) -> Changed:
    """Set one setting; NotFound for its name, InvalidValue for the value.

    Another timezone makes every segment that looks at the calendar stale.
    """
    if key not in _KEYS:
        raise NotFound(
            f'the workspace has no setting "{key}"',
            hint=did_you_mean(key, _KEYS) or "the settings are " + ", ".join(_KEYS),
        )
    try:
        value = _KEYS[key][0](text.strip())
    except ValueError as error:
        raise InvalidValue(f"{key}: {error.args[0]}", hint=error.args[1], key=key) from None
    with store.write() as session:
        workspace = load_workspace(session)
        before: Any = getattr(workspace, key)
        if before == value:
            return Changed(key, before, value)
        setattr(workspace, key, value)
        session.add(workspace)
        session.flush()
        stale = 0
        if key == "timezone":
            from segctl.services import segments

            stale = len(segments.rehash(session))
        audit.record(
            session,
            now=now,
            actor=actor,
            action="set",
            subject_type="workspace",
            subject=key,
            before=before,
            after=value,
        )
    return Changed(key, before, value, stale)
