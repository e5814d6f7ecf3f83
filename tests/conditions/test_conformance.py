"""What conditions mean, by examples that any implementation could run: conformance/*.toml.

A file holds records by label and rows: a condition and the labels of the records that satisfy it,
or the start of the error. Every row is read three ways: by truth on stored records, and by SQL on
SQLite and Postgres. The answers were worked out from the language's definition, not by running it.

    type, now, zone     what the rows are about, unless a row says otherwise
    [attributes.TYPE]   custom attributes: a kind, or the list of choices of a choice; a list that
                        starts with "multichoice" declares that
    [records.TYPE]      label = { attribute = value, relation = label(s), … }
    [segments]          "NAME" = { type = TYPE, members = "labels" }
    [[row]]             name, where, and members = "labels" or error = "start of the message"
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
import datetime as dt
from functools import cache
from pathlib import Path
import shutil
import tomllib
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.orm import Session

from segctl.catalog import RELATIONS, Attribute, Catalog, ObjectType, ValueType
from segctl.conditions.parser import parse
from segctl.conditions.sql import Scope, matching
from segctl.conditions.stored import stored_record
from segctl.conditions.time import Clock
from segctl.conditions.truth import holds
from segctl.errors import ConditionError
from segctl.services import attributes
from segctl.store.opening import Store, open_store
from segctl.store.records import record_tables
from segctl.store.types import instant_text
from segctl.store.workspace import load_catalog
from tests import postgres
from tests.conditions.loading import load
from tests.conditions.strategies import SegmentPool, Workspace

FOLDER = Path(__file__).parent / "conformance"
READINGS = ("truth", "sqlite", "postgresql")


# ---------------------------------------------------------------- reading the files


@dataclass(frozen=True)
class Example:
    """One row of a file; `expected` are labels in any order, or the start of the error."""

    file: str
    name: str
    type: ObjectType
    where: str
    clock: Clock
    expected: frozenset[str] | str


@dataclass(frozen=True)
class Fixture:
    """The records and segments of a file."""

    file: str
    workspace: Workspace
    labels: Mapping[ObjectType, Mapping[int, str]]
    segments: SegmentPool


@cache
def document(file: str) -> dict[str, Any]:
    return tomllib.loads((FOLDER / file).read_text("utf-8"))


def examples() -> Iterator[Example]:
    for path in sorted(FOLDER.glob("*.toml")):
        content = document(path.name)
        for row in content["row"]:
            given = {"zone": "UTC", "type": "contact", **content, **row}
            unknown = set(row) - {"name", "where", "members", "error", "type", "now", "zone"}
            assert not unknown, f"{path.name}: {row['name']}: {unknown}"
            expected = row["error"] if "error" in row else frozenset(row["members"].split())
            yield Example(
                path.name,
                row["name"],
                ObjectType(given["type"]),
                row["where"],
                Clock(given["now"].astimezone(dt.UTC), ZoneInfo(given["zone"])),
                expected,
            )


def _attribute(type: str, name: str, kind: str | list[str]) -> Attribute:
    choices = tuple(kind) if isinstance(kind, list) else ()
    if choices and choices[0] == "multichoice":
        value_type, choices = ValueType.MULTICHOICE, choices[1:]
    else:
        value_type = ValueType.CHOICE if choices else ValueType(str(kind))
    return Attribute(ObjectType(type), name, value_type, choices, standard=False)


@cache
def fixture(file: str) -> Fixture:
    content = document(file)
    custom = tuple(
        _attribute(type, name, kind)
        for type, listed in content.get("attributes", {}).items()
        for name, kind in listed.items()
    )
    workspace = Workspace(Catalog(custom, version=1))
    ids: dict[tuple[ObjectType, str], int] = {}
    given = {ObjectType(type): rows for type, rows in content.get("records", {}).items()}
    for type, rows in given.items():
        for label in rows:
            ids[type, label] = workspace.add(type).id
    for type, rows in given.items():
        for label, values in rows.items():
            _fill(workspace, type, ids, ids[type, label], values)
    segments: dict[ObjectType, list[tuple[int, str]]] = {}
    for number, (name, segment) in enumerate(content.get("segments", {}).items(), start=1):
        type = ObjectType(segment["type"])
        segments.setdefault(type, []).append((number, name))
        members = {(number, ids[type, label]) for label in segment["members"].split()}
        workspace.members.setdefault(type, set()).update(members)
    labels: dict[ObjectType, dict[int, str]] = {}
    for (type, label), id in ids.items():
        labels.setdefault(type, {})[id] = label
    return Fixture(file, workspace, labels, SegmentPool(segments))


def _fill(
    workspace: Workspace,
    type: ObjectType,
    ids: Mapping[tuple[ObjectType, str], int],
    id: int,
    values: Mapping[str, Any],
) -> None:
    row = workspace.rows[type][id]
    known = workspace.catalog.attributes[type]
    for name, value in values.items():
        relation = RELATIONS[type].get(name)
        if relation is None and type is ObjectType.EVENT and not known[name].standard:
            # As it stands in the JSON, so that a file can hold values of the wrong type.
            row.raw[name] = _json(value)
        elif relation is None and known[name].kind.many:
            row.lists[name] = tuple(value)
        elif relation is None:
            row.values[name] = value.astimezone(dt.UTC) if isinstance(value, dt.datetime) else value
        elif relation.to_many:
            assert type is ObjectType.DEAL, "name the one side"
            workspace.links |= {(id, ids[relation.target, label]) for label in value.split()}
        else:
            row.ones[name] = ids[relation.target, value]


def _json(value: Any) -> Any:
    if isinstance(value, dt.datetime):
        return instant_text(value)
    return value.isoformat() if isinstance(value, dt.date) else value


# ---------------------------------------------------------------- one store a file

Stores = Callable[[str, str], Store]


@pytest.fixture(scope="session")
def stores(
    _sqlite_template: Path,
    tmp_path_factory: pytest.TempPathFactory,
    request: pytest.FixtureRequest,
    worker_id: str,
) -> Iterator[Stores]:
    """`stores(dialect, file)`: a store of that kind that holds the file's records."""
    opened: dict[tuple[str, str], Store] = {}
    servers: dict[str, postgres.Server] = {}

    def address(dialect: str, file: str) -> str:
        if dialect == "sqlite":
            path = tmp_path_factory.mktemp("conformance") / "store.sqlite"
            shutil.copyfile(_sqlite_template, path)
            return f"sqlite:///{path}"
        # Asked for here, so that the other readings need no Postgres.
        server: postgres.Server = request.getfixturevalue("postgres_server")
        template = request.getfixturevalue("_postgres_template")
        name = f"conformance_{worker_id}_{file.removesuffix('.toml')}"
        servers[name] = server
        server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
        return server.url(name)

    def get(dialect: str, file: str) -> Store:
        if (dialect, file) not in opened:
            store = opened[dialect, file] = open_store(address(dialect, file))
            _set_up(store, fixture(file).workspace)
        return opened[dialect, file]

    yield get
    for store in opened.values():
        store.close()
    for name, server in servers.items():
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _set_up(store: Store, workspace: Workspace) -> None:
    now = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    attributes.add_all(store, workspace.catalog.custom, now=now, actor="tests")
    with store.write() as session:
        load(session, record_tables(load_catalog(session)), workspace)


# ---------------------------------------------------------------- the test

ALL = list(examples())


def test_there_are_enough_rows_and_every_name_is_used_once() -> None:
    names = [(example.file, example.name) for example in ALL]
    assert len(names) == len(set(names))
    assert len(names) >= 300


def _name(example: Example) -> str:
    return f"{example.file.removesuffix('.toml')}: {example.name}"


ANSWERED = [example for example in ALL if not isinstance(example.expected, str)]
REFUSED = [example for example in ALL if isinstance(example.expected, str)]


@pytest.mark.parametrize("example", ANSWERED, ids=_name)
@pytest.mark.parametrize("reading", READINGS)
def test_a_condition_means_what_the_language_says(
    example: Example, reading: str, stores: Stores
) -> None:
    records = fixture(example.file)
    store = stores("sqlite" if reading == "truth" else reading, example.file)
    with store.read() as session:
        members = _members(reading, example, session, records)
    labels = records.labels.get(example.type, {})
    assert sorted(labels[id] for id in members) == sorted(example.expected)


@pytest.mark.parametrize("example", REFUSED, ids=_name)
def test_what_the_language_does_not_say_is_refused_with_its_reason(example: Example) -> None:
    records = fixture(example.file)
    with pytest.raises(ConditionError) as refused:
        parse(example.where, example.type, records.workspace.catalog, records.segments)
    assert str(refused.value).startswith(str(example.expected))


def _members(reading: str, example: Example, session: Session, records: Fixture) -> list[int]:
    catalog = load_catalog(session)
    tables = record_tables(catalog)
    condition = parse(example.where, example.type, catalog, records.segments)
    if reading != "truth":
        scope = Scope(tables, reading, example.clock)
        return list(session.execute(matching(condition, example.type, scope)).scalars())
    ids = [row.id for row in records.workspace.records(example.type)]
    found = {id: stored_record(session, tables, example.type, id) for id in ids}
    return [
        id for id, record in found.items() if record and holds(condition, record, example.clock)
    ]
