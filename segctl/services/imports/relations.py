"""Texts to the records that they name, for `--relate`."""

from collections.abc import Mapping, Sequence
import datetime as dt
import re
from typing import Any, Final

from segctl.catalog import MAX_KEY, Relation, Storage, ValueType
from segctl.errors import InvalidValue
from segctl.services.imports.mapping import RelationTarget
from segctl.services.imports.options import OnMissing, Rejection
from segctl.services.values import Reading, parser, quoted, split_items
from segctl.store.writing import KEEP, RecordWriter, encoder

_MEMORY: Final = 100_000
"""Keys per relation whose record is remembered."""

_BY_NUMBER: Final = re.compile(r"#([1-9][0-9]{0,17})")


class Resolver:
    """Finds the records that the values of one relation's column name.

    A to-one relation yields an id or None, products yield a frozenset of ids; KEEP stays KEEP.
    """

    def __init__(
        self,
        target: RelationTarget,
        reading: Reading,
        value_map: Mapping[str, str],
        on_missing: OnMissing,
        writer: RecordWriter,
        now: dt.datetime,
    ) -> None:
        self.target = target
        self.relation: Relation = target.relation
        self.created = 0
        self.left_empty = 0
        """Rows without a relation, or without a part of it, because of OnMissing.NULL."""
        self._key = target.key
        self._many = target.relation.storage is Storage.LINK
        self._reading = reading
        self._map = value_map
        self._parse = parser(target.key, reading)
        self._on_missing = on_missing
        self._writer = writer
        self._now = now
        self._known: dict[Any, int | str | None] = {}
        """Key: id, None if there is no such record, or why it cannot be told."""

    def resolve(
        self, values: Sequence[Any], lines: Sequence[int]
    ) -> tuple[list[Any], dict[int, Rejection]]:
        """Ids for values, and by position why there is none."""
        keys: list[Any] = []
        wrong: dict[int, Rejection] = {}
        for position, raw in enumerate(values):
            try:
                keys.append(KEEP if raw is KEEP else self._keys(raw))
            except InvalidValue as error:
                keys.append(None)
                wrong[position] = self._rejection(lines[position], raw, error.message, error.hint)
        self._learn({key for some in keys if some and some is not KEEP for key in some})
        ids: list[Any] = []
        for position, some in enumerate(keys):
            if some is KEEP or position in wrong:
                ids.append(KEEP if some is KEEP else None)
                continue
            found, problem = self._look_up(some)
            if problem is not None:
                wrong[position] = self._rejection(lines[position], values[position], problem)
            ids.append(frozenset(found) if self._many else next(iter(found), None))
        return ids, wrong

    def _keys(self, raw: Any) -> tuple[Any, ...]:
        """What the value asks for: keys, without repeats."""
        if self._many:
            texts = split_items(raw, self._reading)
        else:
            texts = [raw]
        mapped = (self._map.get(text, text) if isinstance(text, str) else text for text in texts)
        return tuple(
            dict.fromkeys(key for text in mapped if (key := self._parse(text)) is not None)
        )

    def _look_up(self, keys: tuple[Any, ...]) -> tuple[list[int], str | None]:
        found: list[int] = []
        missing = False
        for key in keys:
            answer = self._known[key]
            if isinstance(answer, str):
                return [], answer
            if answer is None:
                if self._on_missing is OnMissing.REJECT:
                    return [], self._no_record(key)
                missing = True
            else:
                found.append(answer)
        self.left_empty += missing
        return found, None

    def _no_record(self, key: Any) -> str:
        by = "" if self._key.name == "external_id" else f" whose {self._key.name} is"
        return f"there is no {self.relation.target}{by} {quoted(key)}"

    def _rejection(self, line: int, raw: Any, reason: str, hint: str | None = None) -> Rejection:
        return Rejection(line, reason, self.target.source.name, raw, hint=hint)

    def _learn(self, keys: set[Any]) -> None:
        """Look up what is not known yet, and create what is missing if that is wanted."""
        if len(self._known) > _MEMORY:
            self._known.clear()
        unknown = sorted(keys - self._known.keys())
        if not unknown:
            return
        found = self._writer.find(self._key, unknown)
        for key in unknown:
            ids = found.get(key, [])
            if len(ids) > 1:
                several = f"several {self.relation.target} records have"
                self._known[key] = f"{several} the {self._key.name} {quoted(key)}"
            else:
                self._known[key] = ids[0] if ids else None
        self._learn_numbers(unknown)
        missing = [key for key in unknown if self._known[key] is None]
        if missing and self._on_missing is OnMissing.CREATE:
            self._create(missing)

    def _learn_numbers(self, keys: Sequence[Any]) -> None:
        """`#12` is the record with the id 12, unless that is an external id."""
        if self._key.name != "external_id":
            return
        numbers = {
            int(named[1]): key
            for key in keys
            if self._known[key] is None and (named := _BY_NUMBER.fullmatch(key))
        }
        if numbers:
            for number in self._writer.having_ids(self.relation.target, sorted(numbers)):
                self._known[numbers[number]] = number

    def _create(self, keys: Sequence[Any]) -> None:
        """Records with nothing but the key, which is their external id too where that is free."""
        target = self.relation.target
        writer = self._writer.other(
            target, ("external_id", self._key.name, "created_at", "updated_at")
        )
        ids = writer.allocate(len(keys))
        external = dict(zip(keys, map(str, keys), strict=True))
        if self._key.name != "external_id":
            external = {key: text for key, text in external.items() if len(text) <= MAX_KEY}
            taken = writer.existing(list(external.values()))
            external = {key: text for key, text in external.items() if text not in taken}
        encode = encoder(ValueType.DATETIME, writer.dialect.name) or _same
        values = {"created_at": encode(self._now), "updated_at": encode(self._now)}
        rows = []
        for id, key in zip(ids, keys, strict=True):
            values |= {self._key.name: key, "external_id": external.get(key)}
            rows.append((id, *(values[column] for column in writer.columns)))
            self._known[key] = id
        writer.insert(rows)
        self.created += len(rows)


def _same(value: Any) -> Any:
    return value
