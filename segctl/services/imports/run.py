"""An import from its first look at the file to its counts."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
import datetime as dt
import gc
from typing import Any, Final
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from segctl.catalog import Attribute, Catalog, ObjectType, Storage
from segctl.errors import FileError, UsageError
from segctl.services import attributes
from segctl.services.imports.batch import EVENT_ATTRIBUTES, Applier, Rows, kept_columns
from segctl.services.imports.chunks import Broken, Chunk, Reader
from segctl.services.imports.columns import Converter, attribute_converter, items_converter
from segctl.services.imports.inference import infer
from segctl.services.imports.mapping import Mapper
from segctl.services.imports.options import (
    ImportOptions,
    ImportResult,
    OnDuplicate,
    OnError,
    Progress,
    Rejection,
    no_progress,
)
from segctl.services.imports.readers import reader
from segctl.services.imports.rejects import Rejections, RejectsFile
from segctl.services.imports.relations import Resolver
from segctl.services.imports.repeats import Repeats
from segctl.services.imports.sources import source
from segctl.services.values import Reading, quoted
from segctl.store import audit
from segctl.store.opening import Store
from segctl.store.records import record_tables
from segctl.store.workspace import load_catalog, load_workspace
from segctl.store.writing import KEEP, RecordWriter, Row, record_writer

_COLLECT_AFTER: Final = 100_000
"""New objects after which Python looks for cycles; more than a chunk makes."""


def import_records(
    store: Store,
    options: ImportOptions,
    *,
    now: dt.datetime,
    actor: str,
    progress: Progress = no_progress,
) -> ImportResult:
    """Import a file in one transaction: all of it or nothing, rejected rows apart.

    FileError with line, column, value and reason for the first bad row, unless bad rows are
    skipped. UsageError and NotFound for options that do not fit the file or the catalog.
    """
    _check(options)
    with source(options) as opened:
        rows = reader(opened, options)
        with store.read() as session:
            reading = _reading(session, options)
            catalog = load_catalog(session)
        mapping = Mapper(options, rows, catalog).mapping()
        new, empty = infer(options.type, rows, mapping.new, reading, options.value_maps)
        with ExitStack() as undo:
            if new and not options.dry_run:
                _create_attributes(store, new, undo, now=now, actor=actor)
            result = _transfer(store, options, rows, new, empty, now, actor, progress)
            undo.pop_all()
            return result


def _create_attributes(
    store: Store, new: list[Attribute], undo: ExitStack, *, now: dt.datetime, actor: str
) -> None:
    """Add the attributes; `undo` takes them away again."""
    attributes.add_all(store, new, now=now, actor=actor)
    for attribute in new:
        undo.callback(attributes.drop, store, attribute.type, attribute.name, now=now, actor=actor)


class _RolledBack(Exception):
    """Ends the transaction of a dry run."""


def _transfer(
    store: Store,
    options: ImportOptions,
    rows: Reader,
    new: list[Attribute],
    empty: list[str],
    now: dt.datetime,
    actor: str,
    progress: Progress,
) -> ImportResult:
    with ExitStack() as stack:
        rejects = None
        if options.rejects is not None:
            rejects = stack.enter_context(RejectsFile(options.rejects, rows.columns))
        try:
            with store.write() as session:
                catalog = load_catalog(session)
                transfer = _Transfer(session, catalog, options, rows, new, rejects, now)
                transfer.run(progress)
                result = transfer.result(new, empty)
                if rejects is not None:
                    rejects.complete()
                if options.dry_run:
                    raise _RolledBack
                _note(session, result, now, actor)
        except _RolledBack:
            pass
        except FileError:
            if rejects is not None:
                rejects.place()
            raise
        if rejects is not None:
            rejects.place()
        return result


class _Transfer:
    """The rows of one file on their way into the store, chunk by chunk."""

    def __init__(
        self,
        session: Session,
        catalog: Catalog,
        options: ImportOptions,
        rows: Reader,
        new: list[Attribute],
        rejects: RejectsFile | None,
        now: dt.datetime,
    ) -> None:
        self._options = options
        self._rows = rows
        self._rejections = Rejections(options, rows.unit, rejects)
        reading = _reading(session, options)
        tables = record_tables(catalog)
        seen = Catalog((*catalog.custom, *(a for a in new if a not in catalog.custom)))
        self.mapping = Mapper(options, rows, seen).mapping()
        self._unwritten = {
            target.attribute.name
            for target in self.mapping.attributes
            if target.attribute in new and target.attribute not in catalog.custom
        }
        self._writer = self._make_writer(session, tables, seen)
        self._converters: dict[Attribute, Converter] = {}
        for target in self.mapping.attributes:
            attribute = target.attribute
            value_map = options.value_maps.get(attribute.name)
            if attribute.kind.many:
                self._converters[attribute] = items_converter(attribute, reading, value_map)
            else:
                self._converters[attribute] = attribute_converter(
                    attribute, reading, value_map, self._writer.dialect.name, rows.textual
                )
        self._resolvers = [
            Resolver(
                target,
                reading,
                options.value_maps.get(target.relation.name, {}),
                options.on_missing,
                self._writer,
                now,
            )
            for target in self.mapping.relations
        ]
        self._applier = Applier(self._writer, update=options.update, now=now)
        self._id_column = self._column_of("external_id")
        self._repeats = None
        if self._id_column is not None and options.on_duplicate is not OnDuplicate.LAST:
            self._repeats = Repeats(self._writer)
        self._duplicates = 0
        self._read = 0

    def _make_writer(self, session: Session, tables: Any, catalog: Catalog) -> RecordWriter:
        type = self._options.type
        columns = kept_columns(type, catalog.attributes[type])
        for target in self.mapping.attributes:
            attribute = target.attribute
            if type is ObjectType.EVENT and not attribute.standard:
                columns.append(EVENT_ATTRIBUTES)
            elif not attribute.kind.many:
                columns.append(attribute.name)
        columns += [
            t.relation.column
            for t in self.mapping.relations
            if t.relation.storage is Storage.COLUMN
        ]
        return record_writer(session, tables, type, columns)

    # -------------------------------------------------------------- rows

    def run(self, progress: Progress) -> None:
        """All rows of the file."""
        position = 0
        with self._writer.unchecked(), _few_collections():
            for chunk in self._rows.chunks():
                self._read += len(chunk)
                self._take(chunk)
                if chunk.position > position:
                    progress(chunk.position - position)
                    position = chunk.position

    def _take(self, chunk: Chunk) -> None:
        """Convert, check and write the rows of a chunk; nothing of it is written if one is bad
        and bad rows stop the import."""
        wrong: dict[int, Rejection] = {}
        repeats: Mapping[int, int] = {}
        existing: Mapping[str, Row] = {}
        rows = Rows([], [])
        if chunk.rows:
            rows = self._convert(chunk, wrong)
            if self._repeats is not None:
                existing = self._existing(rows)
                self._repeats.next_chunk(existing)
            repeats = self._settle(rows, chunk, existing, wrong)
        if self._options.on_duplicate is OnDuplicate.FIRST:
            self._duplicates += len(repeats)
        else:
            wrong |= {at: self._repeated(rows, at, line) for at, line in repeats.items()}
        bad = [Broken(rejection, chunk.rows[at]) for at, rejection in wrong.items()]
        self._rejections.add(sorted((*chunk.broken, *bad), key=lambda one: one.rejection.line))
        if wrong or repeats:
            good = [at for at in range(len(rows)) if at not in wrong and at not in repeats]
            rows = rows.taken(good)
        if self._repeats is None:
            for part in _distinct(rows):
                self._applier.apply(part, self._existing(part))
        elif len(rows):
            self._repeats.note(self._applier.apply(rows, existing), rows.lines)

    def _existing(self, rows: Rows) -> Mapping[str, Row]:
        keys = [key for key in rows.keys if key is not None]
        return self._writer.existing(keys) if keys else {}

    def _settle(
        self,
        rows: Rows,
        chunk: Chunk,
        existing: Mapping[str, Row],
        wrong: dict[int, Rejection],
    ) -> Mapping[int, int]:
        """Find what the rows relate to, and the rows that repeat the id of one before them.

        A row whose relation is wrong leaves its id to the next one that has it.
        """
        related: set[int] = set()
        while True:
            repeats: Mapping[int, int] = {}
            if self._repeats is not None:
                repeats = self._repeats.find(rows, existing, wrong.keys())
            if not self._resolvers:
                return repeats
            todo = set(range(len(rows))) - related - wrong.keys() - repeats.keys()
            if not todo:
                return repeats
            self._relate(rows, chunk, wrong, todo)
            related |= todo

    def _repeated(self, rows: Rows, at: int, earlier: int) -> Rejection:
        key = rows.keys[at]
        reason = f"the id {quoted(key)} is in {self._rows.unit} {earlier} already"
        return Rejection(rows.lines[at], reason, self._id_column, key)

    def _convert(self, chunk: Chunk, wrong: dict[int, Rejection]) -> Rows:
        """The stored values of the attributes; `wrong` says by position why a row has none."""
        columns = list(zip(*chunk.rows, strict=True))
        count, lines = len(chunk.rows), chunk.lines
        rows = Rows([None] * count, lines, sparse=not self._rows.textual)
        for target in self.mapping.attributes:
            attribute, at = target.attribute, target.source.index
            raw: Any = columns[at] if at is not None else (target.source.constant,) * count
            stored, bad = self._converters[attribute].convert(raw, target.source.name, lines)
            for position, rejection in bad.items():
                wrong.setdefault(position, rejection)
            if _in_object(attribute):
                rows.event_attributes[attribute.name] = stored
            elif attribute.kind.many:
                rows.items[attribute] = stored
            elif attribute.name in self._unwritten:
                rows.unwritten.append(stored)
            else:
                rows.values[attribute.name] = stored
        if self._id_column is not None:
            rows.values["external_id"] = rows.keys = [
                None if key is KEEP else key for key in rows.values["external_id"]
            ]
        self._check_required(rows, chunk, wrong)
        return rows

    def _check_required(self, rows: Rows, chunk: Chunk, wrong: dict[int, Rejection]) -> None:
        """Rows without an id, or events without a name or time, are wrong."""
        event = self._options.type is ObjectType.EVENT
        for name in ("name", "occurred_at") if event else ("external_id",):
            values = rows.values.get(name)
            if values is None or not (None in values or KEEP in values):
                continue
            for at, value in enumerate(values):
                if value is None or value is KEEP:
                    column = self._column_of(name)
                    what = f"the event has no {name}" if event else "the id is empty"
                    wrong.setdefault(at, Rejection(chunk.lines[at], what, column))

    def _relate(
        self, rows: Rows, chunk: Chunk, wrong: dict[int, Rejection], todo: set[int]
    ) -> None:
        """Find what the rows at the positions `todo` relate to."""
        everything = len(todo) == len(rows)
        for resolver in self._resolvers:
            relation, source = resolver.target.relation, resolver.target.source
            assert source.index is not None
            raw = [row[source.index] for row in chunk.rows]
            if not everything:
                raw = [value if at in todo else KEEP for at, value in enumerate(raw)]
            ids, bad = resolver.resolve(raw, chunk.lines)
            for position, rejection in bad.items():
                wrong.setdefault(position, rejection)
            many = relation.storage is Storage.LINK
            before = rows.links.get(relation) if many else rows.values.get(relation.column)
            if before is not None:
                ids = [id if at in todo else before[at] for at, id in enumerate(ids)]
            if many:
                rows.links[relation] = ids
                continue
            rows.values[relation.column] = ids
            if self._options.type is ObjectType.EVENT and relation.target is ObjectType.CONTACT:
                for at in todo:
                    if ids[at] is None or ids[at] is KEEP:
                        reason = "the event has no contact"
                        wrong.setdefault(at, Rejection(chunk.lines[at], reason, source.name))

    def _column_of(self, name: str) -> str | None:
        return next(
            (t.source.name for t in self.mapping.attributes if t.attribute.name == name), None
        )

    def result(self, new: list[Attribute], empty: list[str]) -> ImportResult:
        """What has become of all rows."""
        counts = self._applier.counts
        related: dict[ObjectType, int] = {}
        for resolver in self._resolvers:
            if resolver.created:
                related[resolver.relation.target] = resolver.created
        return ImportResult(
            type=self._options.type,
            source=self._options.name,
            rows=self._read,
            matched=counts.matched + self._duplicates,
            created=counts.created,
            updated=counts.updated,
            unchanged=counts.unchanged,
            rejected=self._rejections.count,
            rejections=tuple(self._rejections.first),
            ignored_columns=(*self.mapping.ignored, *empty),
            created_attributes=tuple(new),
            related_created=related,
            relations_left_empty=sum(resolver.left_empty for resolver in self._resolvers),
            dry_run=self._options.dry_run,
        )


@contextmanager
def _few_collections() -> Iterator[None]:
    """Rows are many objects without a cycle; looking for one takes a seventh of all time."""
    thresholds = gc.get_threshold()
    gc.set_threshold(max(_COLLECT_AFTER, thresholds[0]), *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)


def _distinct(rows: Rows) -> Iterator[Rows]:
    """The rows in parts that have every key once, in their order."""
    start = 0
    keys = set[str]()
    for at, key in enumerate(rows.keys):
        if key is not None and key in keys:
            yield rows.taken(range(start, at))
            start, keys = at, set()
        if key is not None:
            keys.add(key)
    if start < len(rows):
        yield rows.taken(range(start, len(rows))) if start else rows


def _in_object(attribute: Attribute) -> bool:
    """Whether it stands in the JSON object of an event."""
    return attribute.type is ObjectType.EVENT and not attribute.standard


def _check(options: ImportOptions) -> None:
    if options.limit_errors is not None and options.on_error is not OnError.SKIP:
        raise UsageError("--limit-errors needs --on-error skip")
    if not options.update and options.on_duplicate is OnDuplicate.LAST:
        raise UsageError("--no-update and --on-duplicate last exclude each other")


def _reading(session: Session, options: ImportOptions) -> Reading:
    return Reading(
        zone=ZoneInfo(load_workspace(session).timezone),
        date_formats=options.date_formats,
        nulls=frozenset(options.nulls),
        separator=options.separator,
    )


def _note(session: Session, result: ImportResult, now: dt.datetime, actor: str) -> None:
    """An entry in the audit trail."""
    after: dict[str, Any] = {
        "rows": result.rows,
        "created": result.created,
        "updated": result.updated,
        "rejected": result.rejected,
    }
    if result.related_created:
        after["related_created"] = {str(t): n for t, n in result.related_created.items()}
    audit.record(
        session,
        now=now,
        actor=actor,
        action="import",
        subject_type=result.type.value,
        subject=result.source,
        after=after,
    )
