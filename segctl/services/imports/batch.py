"""One chunk of converted rows against what the store has: created, updated, unchanged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import datetime as dt
import json
from typing import Any, Final

from segctl.catalog import Attribute, ObjectType, Relation, ValueType
from segctl.services.imports.columns import is_kept
from segctl.store.writing import KEEP, RecordWriter, Row, encoder

EVENT_ATTRIBUTES: Final = "attributes"
"""The column of an event's own attributes, a JSON object."""


Sets = Mapping[int, set[Any]]
"""Id: items, or ids of related records."""


@dataclass(slots=True)
class Rows:
    """Rows column by column; every list has one value per row, KEEP where the row says nothing.

    `values` holds attributes and `<relation>_id` columns by name; of events, their own attributes
    are in `event_attributes`. `unwritten` are attributes that a dry run has not really created.
    """

    keys: list[Any]
    lines: list[int]
    values: dict[str, list[Any]] = field(default_factory=dict)
    event_attributes: dict[str, list[Any]] = field(default_factory=dict)
    items: dict[Attribute, list[Any]] = field(default_factory=dict)
    links: dict[Relation, list[Any]] = field(default_factory=dict)
    unwritten: list[list[Any]] = field(default_factory=list)
    sparse: bool = True
    """Whether any column can have KEEP; else only created_at and updated_at do."""

    def __len__(self) -> int:
        return len(self.keys)

    def taken(self, positions: Sequence[int]) -> "Rows":
        """Only the rows at these positions."""

        def take(values: list[Any]) -> list[Any]:
            return [values[position] for position in positions]

        return Rows(
            take(self.keys),
            take(self.lines),
            {name: take(values) for name, values in self.values.items()},
            {name: take(values) for name, values in self.event_attributes.items()},
            {attribute: take(values) for attribute, values in self.items.items()},
            {relation: take(values) for relation, values in self.links.items()},
            [take(values) for values in self.unwritten],
            self.sparse,
        )


@dataclass(slots=True)
class Counts:
    matched: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0


class Applier:
    """Writes rows whose keys differ from each other."""

    def __init__(
        self,
        writer: RecordWriter,
        *,
        update: bool,
        now: dt.datetime,
    ) -> None:
        self._writer = writer
        self._update = update
        encode = encoder(ValueType.DATETIME, writer.dialect.name)
        self._now = encode(now) if encode else now
        self._kept = [name for name in ("created_at", "updated_at") if name in writer.columns]
        self.counts = Counts()

    def apply(self, rows: Rows, existing: Mapping[str, Row]) -> list[int]:
        """Create the rows whose key is new, update the others where they differ; the ids of all.

        `existing` are the records of the keys, as the writer gives them.
        """
        if not existing:
            return self._create(rows)
        new = [at for at, key in enumerate(rows.keys) if key not in existing]
        old = [at for at, key in enumerate(rows.keys) if key in existing]
        ids = [existing[key][0] if key in existing else 0 for key in rows.keys]
        if new:
            for at, id in zip(new, self._create(rows.taken(new)), strict=True):
                ids[at] = id
        if not self._update:
            self.counts.matched += len(old)
        elif old:
            matched = rows.taken(old) if new else rows
            self._compare(matched, [existing[key] for key in matched.keys])
        return ids

    # -------------------------------------------------------------- new ones

    def _create(self, rows: Rows) -> list[int]:
        count = len(rows)
        ids = self._writer.allocate(count)
        columns = [self._new_column(name, rows) for name in self._writer.columns]
        self._writer.insert(list(zip(ids, *columns, strict=True)))
        for attribute, items in rows.items.items():
            self._writer.change_items(attribute, _pairs(ids, items), [])
        for relation, links in rows.links.items():
            self._writer.change_links(relation, _pairs(ids, links), [])
        self.counts.created += count
        return ids

    def _new_column(self, name: str, rows: Rows) -> list[Any]:
        if name == EVENT_ATTRIBUTES:
            return [_dumped(_changed({}, given)) for given in _objects(rows)]
        values = rows.values.get(name)
        default = self._now if name in self._kept else None
        if values is None:
            return [default] * len(rows)
        if not rows.sparse and name not in self._kept:
            return values
        return [default if value is KEEP else value for value in values]

    # -------------------------------------------------------------- known ones

    def _compare(self, rows: Rows, stored: Sequence[Row]) -> None:
        """Update the records that a row wants different. `stored` are rows of (id, *columns)."""
        differing = self._differing(rows, stored)
        self.counts.unchanged += len(rows) - len(differing)
        if not differing:
            return
        changed = rows.taken(differing)
        # Read them again, now that nobody else can change them.
        fresh = self._writer.locked([stored[at] for at in differing])
        here = [at for at, row in enumerate(fresh) if row is not None]
        if len(here) < len(fresh):
            self._create(changed.taken([at for at, row in enumerate(fresh) if row is None]))
            changed = changed.taken(here)
        if here:
            self._change(changed, [row for row in fresh if row is not None])

    def _differing(self, rows: Rows, stored: Sequence[Row]) -> list[int]:
        before = _columns(stored)
        differing = set[int]()
        for wanted, old in zip(self._wanted(rows, before), before[1:], strict=True):
            if wanted != old:
                pairs = zip(wanted, old, strict=True)
                differing |= {at for at, (new, value) in enumerate(pairs) if new != value}
        for values in rows.unwritten:
            differing |= {at for at, value in enumerate(values) if value not in (None, KEEP)}
        ids = [row[0] for row in stored]
        for given, existing in self._sets(rows, ids):
            for at, (id, some) in enumerate(zip(ids, given, strict=True)):
                if some is not KEEP and some != existing.get(id, set()):
                    differing.add(at)
        return sorted(differing)

    def _change(self, rows: Rows, stored: Sequence[Row]) -> None:
        wanted = zip(*self._wanted(rows, _columns(stored)), strict=True)
        given = rows.values.get("updated_at", [KEEP] * len(rows))
        touched = self._writer.columns.index("updated_at") if "updated_at" in self._kept else None
        changes = []
        for new, old, moved in zip(wanted, stored, given, strict=True):
            row = [old[0], *new]
            if touched is not None and moved is KEEP:
                row[touched + 1] = self._now
            changes.append(tuple(self._written(row)))
        if changes:
            self._writer.update(changes)
        ids = [row[0] for row in stored]
        for attribute, items in rows.items.items():
            added, removed = _difference(ids, items, self._writer.items(attribute, ids))
            self._writer.change_items(attribute, added, removed)
        for relation, links in rows.links.items():
            added, removed = _difference(ids, links, self._writer.links(relation, ids))
            self._writer.change_links(relation, added, removed)
        self.counts.updated += len(rows)

    def _wanted(self, rows: Rows, before: Sequence[list[Any]]) -> list[list[Any]]:
        """What the records would be, column by column. `before` has the ids first."""
        wanted = []
        for name, stored in zip(self._writer.columns, before[1:], strict=True):
            values = rows.values.get(name)
            if name == EVENT_ATTRIBUTES:
                wanted.append(list(map(_merged, stored, _objects(rows))))
            elif values is None:
                wanted.append(stored)
            elif not rows.sparse and name not in self._kept:
                wanted.append(values)
            else:
                pairs = zip(values, stored, strict=True)
                wanted.append([old if new is KEEP else new for new, old in pairs])
        return wanted

    def _written(self, row: list[Any]) -> list[Any]:
        """A row of (id, *columns) as the driver takes it."""
        if EVENT_ATTRIBUTES in self._writer.columns:
            at = self._writer.columns.index(EVENT_ATTRIBUTES) + 1
            if not isinstance(row[at], str):
                row[at] = _dumped(row[at])
        return row

    def _sets(self, rows: Rows, ids: Sequence[int]) -> list[tuple[list[Any], Sets]]:
        """Of each multi-valued attribute and relation: what the rows give, what the store has."""
        items = [(given, self._writer.items(a, ids)) for a, given in rows.items.items()]
        return items + [(given, self._writer.links(r, ids)) for r, given in rows.links.items()]


def kept_columns(type: ObjectType, attributes: Mapping[str, Attribute]) -> list[str]:
    """The columns that an import writes whether they are given or not."""
    return [name for name, attribute in attributes.items() if is_kept(attribute)]


def _columns(stored: Sequence[Row]) -> list[list[Any]]:
    """At least one row of (id, *columns), column by column."""
    return list(map(list, zip(*stored, strict=True)))


def _pairs(ids: Sequence[int], sets: Sequence[Any]) -> list[tuple[int, Any]]:
    """(id, value) for every value of every row that has some."""
    return [
        (id, value)
        for id, values in zip(ids, sets, strict=True)
        if values is not KEEP
        for value in values
    ]


def _difference(
    ids: Sequence[int], given: Sequence[Any], existing: Mapping[int, set[Any]]
) -> tuple[list[tuple[int, Any]], list[tuple[int, Any]]]:
    """(id, value) pairs to add and to remove."""
    added, removed = [], []
    for id, some in zip(ids, given, strict=True):
        if some is KEEP:
            continue
        there = existing.get(id, set())
        added += [(id, value) for value in some - there]
        removed += [(id, value) for value in there - some]
    return added, removed


def _objects(rows: Rows) -> list[dict[str, Any]]:
    """Of each row, the event attributes that it gives; None for those it empties."""
    names = list(rows.event_attributes)
    return [
        {name: value for name, value in zip(names, values, strict=True) if value is not KEEP}
        for values in zip(*rows.event_attributes.values(), strict=True)
    ]


def _changed(old: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = {**old, **given}
    return {name: value for name, value in merged.items() if value is not None or name not in given}


def _merged(stored: Any, given: dict[str, Any]) -> Any:
    """The stored object with what is given; the very same value if that changes nothing."""
    old = json.loads(stored) if isinstance(stored, str) else stored
    new = _changed(old, given)
    same = old == new and all(
        isinstance(value, bool) == isinstance(old[name], bool) for name, value in new.items()
    )
    if same:
        return stored
    return _dumped(new)


def _dumped(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False)
