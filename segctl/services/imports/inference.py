"""What type a column has, judged by all of its values: for `--create-attributes`."""

from collections.abc import Mapping, Sequence
import datetime as dt
from decimal import Decimal
import re
from typing import Any, Final

from segctl.catalog import MAX_INTEGER, Attribute, ObjectType, ValueType
from segctl.errors import InvalidValue
from segctl.services.imports.chunks import Reader
from segctl.services.imports.mapping import NewAttribute
from segctl.services.values import Parser, Reading, parser
from segctl.store.writing import KEEP

_PREFERENCE: Final = (
    ValueType.BOOLEAN,
    ValueType.INTEGER,
    ValueType.FLOAT,
    ValueType.DATE,
    ValueType.DATETIME,
    ValueType.STRING,
)
_ANY: Final = frozenset(_PREFERENCE)
_TEXT: Final = frozenset((ValueType.STRING,))
_NUMBERS: Final = frozenset((ValueType.INTEGER, ValueType.FLOAT))
_WORDS: Final = frozenset(("true", "false", "yes", "no", "t", "f", "y", "n"))
# Leading zeros and plus signs belong to ids and telephone numbers.
_WHOLE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,15})")
_FRACTION: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,3})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ].*)?", re.DOTALL)
_MEMORY: Final = 10_000
"""Texts per column whose kinds are remembered."""


def infer(
    type: ObjectType,
    reader: Reader,
    new: Sequence[NewAttribute],
    reading: Reading,
    value_maps: Mapping[str, Mapping[str, str]],
) -> tuple[list[Attribute], list[str]]:
    """The attributes that the columns need, and the columns that have no value at all.

    Reads the whole file. A column is what all its values can be, the narrowest first: boolean,
    integer, float, date, datetime, else string; a list makes it tags.
    """
    if not new:
        return [], []
    guesses = [_Guess(reading, value_maps.get(one.name, {}), reader.textual) for one in new]
    positions = [one.source.index for one in new]
    for chunk in reader.chunks():
        columns = list(zip(*chunk.rows, strict=True))
        if columns:
            for guess, position in zip(guesses, positions, strict=True):
                if position is not None:
                    guess.look(columns[position])
    attributes, empty = [], []
    for one, guess in zip(new, guesses, strict=True):
        kind = guess.kind
        if kind is ValueType.TAGS and type is ObjectType.EVENT:
            kind = (
                ValueType.STRING
            )  # an attribute of an event has one value, so the lists are refused
        if kind is None:
            empty.append(one.source.name)
        else:
            attributes.append(Attribute(type, one.name, kind, standard=False))
    return attributes, empty


class _Guess:
    """The kinds that a column can still have."""

    def __init__(self, reading: Reading, value_map: Mapping[str, str], textual: bool) -> None:
        self._possible = _ANY
        self._listed = False
        self._seen = False
        self._map = value_map
        self._nulls = frozenset(("", *reading.nulls))
        self._textual = textual
        self._formats = bool(reading.date_formats)
        self._date = _parser(ValueType.DATE, reading)
        self._datetime = _parser(ValueType.DATETIME, reading)
        self._known: dict[str, frozenset[ValueType]] = {}

    @property
    def kind(self) -> ValueType | None:
        """The narrowest kind; None if there was no value."""
        if self._listed:
            return ValueType.TAGS
        if not self._seen:
            return None
        return next((kind for kind in _PREFERENCE if kind in self._possible), ValueType.STRING)

    def look(self, values: Sequence[Any]) -> None:
        """Take some values into account."""
        if self._possible == _TEXT and self._textual:
            return
        for raw in set(values) if self._textual else values:
            if raw is None or raw is KEEP:
                continue
            if isinstance(raw, str):
                self._look_at_text(self._map.get(raw, raw))
                continue
            self._seen = True
            self._listed = self._listed or isinstance(raw, (list, tuple))
            self._possible &= _kinds(raw)

    def _look_at_text(self, text: str) -> None:
        if text in self._nulls:
            return
        kinds = self._known.get(text)
        if kinds is None:
            kinds = self._text_kinds(text.strip())
            if len(self._known) < _MEMORY:
                self._known[text] = kinds
        self._seen = True
        self._possible &= kinds

    def _text_kinds(self, text: str) -> frozenset[ValueType]:
        if not text:
            return _ANY  # a blank is no number and no date
        times = self._times(text)
        if times and self._formats:
            return _TEXT | times
        if not self._textual:
            return _TEXT | times
        kinds = set(times)
        if text.lower() in _WORDS:
            kinds.add(ValueType.BOOLEAN)
        if _FRACTION.fullmatch(text):
            kinds.add(ValueType.FLOAT)
            if _WHOLE.fullmatch(text) and abs(int(text)) <= MAX_INTEGER:
                kinds.add(ValueType.INTEGER)
        return _TEXT | kinds

    def _times(self, text: str) -> frozenset[ValueType]:
        if not self._formats and not _DAY.fullmatch(text):
            return frozenset()
        try:
            self._datetime(text)
        except InvalidValue:
            return frozenset()
        try:
            self._date(text)
        except InvalidValue:
            return frozenset((ValueType.DATETIME,))
        # A midnight is a date only where nothing else stood in the column either.
        if _DAY.fullmatch(text) and len(text) > len("2026-01-31"):
            return frozenset((ValueType.DATETIME,))
        return frozenset((ValueType.DATE, ValueType.DATETIME))


def _kinds(raw: Any) -> frozenset[ValueType]:
    """The kinds that a typed value can have."""
    match raw:
        case bool():
            return _TEXT | {ValueType.BOOLEAN}
        case int():
            return _TEXT | (_NUMBERS if abs(raw) <= MAX_INTEGER else frozenset())
        case float() | Decimal():
            return _TEXT | {ValueType.FLOAT}
        case dt.datetime():
            return _TEXT | {ValueType.DATETIME}
        case dt.date():
            return _TEXT | {ValueType.DATE, ValueType.DATETIME}
        case _:
            return _TEXT


def _parser(kind: ValueType, reading: Reading) -> Parser:
    return parser(Attribute(ObjectType.CONTACT, "inferred", kind), reading)
