"""What the audit log knows of one record, found and taken out of it.

An entry about the record loses its values whole. An entry about something else loses them where
they name the record: under a relation to it, or as a whole word in a text. Only what identifies a
record counts for the latter: a city that many live in names nobody.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
import re
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import PLURALS, RELATIONS, Catalog, ObjectType, ValueType
from segctl.store.records import RecordTables
from segctl.store.tables import AuditEntry

_entry: sa.Table = AuditEntry.__table__  # type: ignore[attr-defined]

ERASED: Final = {"erased": True}
"""What stands in an entry in the place of erased values."""
ERASED_TEXT: Final = "(erased)"
IDENTIFYING: Final = frozenset("name first_name last_name email phone website url".split())
"""Standard attributes whose value may name a record, if no other of its type has the same."""
SHORTEST: Final = 4
"""Shorter texts stand everywhere and name nobody."""
BATCH: Final = 1_000
"""Entries that are looked at together."""


@dataclass
class Subject:
    """A record that is to be forgotten. `names` are what it was called: `#12`, external ids."""

    type: ObjectType
    id: int
    names: set[str] = field(default_factory=set)
    texts: dict[str, set[str]] = field(default_factory=dict)
    """Attribute: its values, today's and those that the audit log remembers."""
    others: set[tuple[str, str]] = field(default_factory=set)
    """Subject type and subject of what goes with it: its events and conversations."""

    def learn(self, catalog: Catalog, values: object) -> None:
        """Take what identifies the record from its values or from an entry about it."""
        if not isinstance(values, Mapping):
            return
        external = values.get("external_id")
        if isinstance(external, str):
            self.names.add(external)
        for name, attribute in catalog.attributes[self.type].items():
            value = values.get(name)
            telling = name in IDENTIFYING or not attribute.standard
            if isinstance(value, str) and attribute.kind is ValueType.STRING and telling:
                self.texts.setdefault(name, set()).add(value)


def learn_from_log(session: Session, catalog: Catalog, subject: Subject) -> None:
    """Follow the record through the log: its earlier names and the values under each."""
    query = sa.select(_entry.c.subject, _entry.c.before, _entry.c.after).where(
        _entry.c.subject_type == subject.type.value
    )
    known = 0
    while known != len(subject.names):  # a name that is found may lead to an older one
        known = len(subject.names)
        for called, before, after in _stream(session, query):
            if called in subject.names or _external(before) in subject.names:
                subject.learn(catalog, before)
                subject.learn(catalog, after)


def deleted_record(session: Session, type: ObjectType, ref: str) -> tuple[int, object] | None:
    """Id and last values of a record of that name that was deleted, as far as the log tells."""
    query = sa.select(_entry.c.subject, _entry.c.before).where(
        _entry.c.subject_type == type.value, _entry.c.action == "delete"
    )
    found = None
    for called, before in _stream(session, query.order_by(_entry.c.id)):
        id = before.get("id") if isinstance(before, Mapping) else None
        if isinstance(id, int) and (called == ref or ref == f"#{id}"):
            found = (id, before)
    return found


def telling_texts(session: Session, tables: RecordTables, subject: Subject) -> set[str]:
    """The texts that name this record and no other of its type."""
    table = tables.record(subject.type)
    found = {name for name in subject.names if not name.startswith("#")}
    for name, values in subject.texts.items():
        if name not in table.c:
            continue
        column = table.c[name]
        shared = sa.select(column).where(column.in_(values), table.c.id != subject.id).distinct()
        found |= values - set(session.execute(shared).scalars())
    return {text for text in found if len(text) >= SHORTEST}


def words(texts: Iterable[str]) -> re.Pattern[str] | None:
    """Finds one of the texts as a whole word, ignoring case; None where there are none."""
    longest_first = sorted(texts, key=len, reverse=True)
    if not longest_first:
        return None
    any_of = "|".join(map(re.escape, longest_first))
    return re.compile(rf"(?<!\w)(?:{any_of})(?!\w)", re.IGNORECASE)


def erase_from_log(session: Session, subject: Subject, texts: Iterable[str]) -> int:
    """Take the record's values out of all entries; how many entries lost some."""
    pattern = words(texts)
    columns = ("id", "subject_type", "subject", "before", "after")
    query = sa.select(*(_entry.c[name] for name in columns)).order_by(_entry.c.id)
    changed: list[dict[str, Any]] = []
    for id, kind, called, before, after in _stream(session, query):
        new = _without(subject, pattern, kind, called, before, after)
        if new != (called, before, after):
            changed.append({"entry": id, "called": new[0], "was": new[1], "became": new[2]})
    if changed:
        update = sa.update(_entry).where(_entry.c.id == sa.bindparam("entry"))
        statement = update.values(
            subject=sa.bindparam("called"),
            before=sa.bindparam("was"),
            after=sa.bindparam("became"),
        )
        session.connection().execute(statement, changed)
    return len(changed)


def _without(
    subject: Subject,
    pattern: re.Pattern[str] | None,
    kind: str,
    called: str,
    before: Any,
    after: Any,
) -> tuple[str, Any, Any]:
    """Subject, before and after of an entry without the record's values."""
    own = kind == subject.type.value and (
        called in subject.names or _external(before) in subject.names
    )
    if own or (kind, called) in subject.others:
        return f"#{subject.id}" if own else called, _emptied(before), _emptied(after)
    if _holds(subject, pattern, kind, before):
        before = ERASED
    if _holds(subject, pattern, kind, after):
        after = ERASED
    if pattern is not None and pattern.search(called):
        called = ERASED_TEXT
    return called, before, after


def _emptied(value: Any) -> Any:
    return None if value is None else ERASED


def _holds(
    subject: Subject,
    pattern: re.Pattern[str] | None,
    kind: str,
    value: Any,
    key: str | None = None,
) -> bool:
    """Whether a JSON value names the record. `key` is what it stands under."""
    match value:
        case Mapping():
            return any(_holds(subject, pattern, kind, v, str(k)) for k, v in value.items())
        case list():
            return any(_holds(subject, pattern, kind, item, key) for item in value)
        case str() if value in subject.names and _leads_to(kind, key, subject.type):
            return True
        case str():
            return pattern is not None and pattern.search(value) is not None
        case _:
            return False


def _leads_to(kind: str, key: str | None, type: ObjectType) -> bool:
    """Whether entries about such a thing name a record of the type under the key."""
    if key in (type.value, PLURALS[type]):
        return True
    if kind not in set(ObjectType) or key is None:
        return False
    relation = RELATIONS[ObjectType(kind)].get(key)
    return relation is not None and relation.target is type


def _external(before: object) -> object:
    """The external id that an entry says the record had."""
    return before.get("external_id") if isinstance(before, Mapping) else None


def _stream(session: Session, query: sa.Select[Any]) -> Iterator[Any]:
    streamed = {"yield_per": BATCH, "stream_results": True}
    return iter(session.execute(query, execution_options=streamed))
