"""Indexes that a workspace adds on attributes, so that its conditions find records faster."""

from collections.abc import Sequence
import datetime as dt

from sqlalchemy.orm import Session

from segctl.catalog import ObjectType, Storage, did_you_mean
from segctl.engine.interruption import interruptible
from segctl.errors import AlreadyExists, NotFound, UsageError
from segctl.store import audit, indexes
from segctl.store.attribute_ddl import is_column
from segctl.store.indexes import Index
from segctl.store.opening import Store
from segctl.store.workspace import load_catalog


def list_indexes(store: Store) -> list[Index]:
    """Those that were added, by name. What a failed attempt left behind is not `valid`."""
    with store.read() as session:
        return indexes.list_indexes(session)


def on_attribute(store: Store, type: ObjectType, name: str) -> list[Index]:
    """Those that an attribute is in; they go when it is dropped."""
    with store.read() as session:
        return indexes.indexes_on(session, type, name)


def add(
    store: Store, type: ObjectType, attributes: Sequence[str], *, now: dt.datetime, actor: str
) -> Index:
    """Add an index on one attribute or several, in their order.

    On Postgres others read and write meanwhile; on SQLite they only read. AlreadyExists if an index
    begins with these attributes, UsageError for what no index can serve.
    """
    with store.read() as session:
        _check(session, type, attributes)
        left = [i.name for i in indexes.list_indexes(session) if not i.valid]
    name = indexes.index_name(type, attributes)
    if store.dialect == "sqlite":
        with store.write() as session:
            _check(session, type, attributes)
            with interruptible(session):
                indexes.create_sqlite(session, type, attributes)
            _audit(session, "add", name, now, actor, after=_plain(type, attributes))
            return _named(session, name)
    if name in left:
        indexes.drop_postgres(store, name)
    indexes.create_postgres(store, type, attributes)
    with store.write() as session:
        _audit(session, "add", name, now, actor, after=_plain(type, attributes))
        return _named(session, name)


def drop(store: Store, name: str, *, now: dt.datetime, actor: str) -> Index:
    """Drop an index that was added, a failed one included; NotFound for every other."""
    if store.dialect == "sqlite":
        with store.write() as session:
            index = _named(session, name)
            indexes.drop(session, name)
            _audit(session, "drop", name, now, actor, before=_plain(index.type, index.attributes))
            return index
    with store.read() as session:
        index = _named(session, name)
    indexes.drop_postgres(store, name)
    with store.write() as session:
        _audit(session, "drop", name, now, actor, before=_plain(index.type, index.attributes))
    return index


def _named(session: Session, name: str) -> Index:
    known = {index.name: index for index in indexes.list_indexes(session)}
    if name not in known:
        raise NotFound(
            f'no index "{name}" was added',
            hint=did_you_mean(name, known) or "segctl store index list shows them",
        )
    return known[name]


def _check(session: Session, type: ObjectType, attributes: Sequence[str]) -> None:
    catalog = load_catalog(session)
    if not attributes:
        raise UsageError("an index needs an attribute", hint=f"segctl attributes list {type}")
    if len(set(attributes)) < len(attributes):
        raise UsageError("an index names each attribute once")
    for name in attributes:
        relation = catalog.relation(type, name)
        if relation is not None:
            served = relation.storage is Storage.COLUMN
            raise UsageError(
                f"{relation} is a relation, which needs no further index",
                hint="it has one already" if served else None,
            )
        attribute = catalog.attribute(type, name)
        if attribute.kind.many:
            raise AlreadyExists(f"the items of {attribute} are indexed already")
        if not is_column(attribute) and not attribute.standard:
            raise UsageError(
                f"{attribute} is a value in the JSON of events, and no index serves that",
                hint="events are found by contact, name and time",
            )
    there = indexes.serving(session, type, attributes)
    if there is not None:
        raise AlreadyExists(f"the index {there} serves {type}({', '.join(attributes)}) already")


def _plain(type: ObjectType, attributes: Sequence[str]) -> dict[str, object]:
    return {"type": type.value, "attributes": list(attributes)}


def _audit(
    session: Session,
    action: str,
    name: str,
    now: dt.datetime,
    actor: str,
    *,
    before: object = None,
    after: object = None,
) -> None:
    audit.record(
        session,
        now=now,
        actor=actor,
        action=action,
        subject_type="index",
        subject=name,
        before=before,
        after=after,
    )
