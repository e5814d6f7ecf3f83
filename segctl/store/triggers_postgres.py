"""Trace triggers of a Postgres store: one function per table, a trigger per kind of statement.

They see a statement's rows at once, so bulk writes stay fast. SECURITY DEFINER lets a program write
records without a right on the trace; the fixed search_path keeps the function from meaning anything
else; ENABLE ALWAYS lets it fire for replicated and restored rows too.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import SEGMENT_TYPES, ObjectType
from segctl.store.records import RECORD_TYPES, to_one

PREFIX = "segctl_trace_"

_SETTINGS = "search_path=pg_catalog, pg_temp"
_KINDS = {"INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}
"""Kinds of statement and their bits in pg_trigger.tgtype; no other bit: AFTER, per statement."""
_OLD = "old_rows"
_NEW = "new_rows"


@dataclass(frozen=True, slots=True)
class Traced:
    """A traced table: what goes untraced without it, and the statements per kind."""

    table: str
    types: tuple[ObjectType, ...]
    bodies: Mapping[str, tuple[str, ...]]

    @property
    def function(self) -> str:
        return PREFIX + self.table

    def trigger(self, kind: str) -> str:
        return f"{PREFIX}{self.table}_{kind.lower()}"


def expected(session: Session) -> Mapping[str, str]:
    """Name -> what matters of every function and trigger."""
    schema = _schema(session)
    wanted: dict[str, str] = {}
    for traced in tables(schema):
        wanted[f"{traced.function}()"] = f"True {[_SETTINGS]} {_body(traced)}"
        for kind, bit in _KINDS.items():
            wanted[traced.trigger(kind)] = (
                f"A {bit} {traced.table} {traced.function} {_old(kind)} {_new(kind)}"
            )
    return wanted


def found(session: Session) -> Mapping[str, str]:
    """Name -> the same of the functions and triggers that are there."""
    functions = sa.text(
        "SELECT proname, prosecdef, proconfig, prosrc FROM pg_catalog.pg_proc "
        "WHERE pronamespace = current_schema()::regnamespace AND starts_with(proname, :prefix)"
    )
    there = {
        f"{name}()": f"{definer} {settings} {source}"
        for name, definer, settings, source in session.execute(functions, {"prefix": PREFIX})
    }
    triggers = sa.text(
        "SELECT t.tgname, t.tgenabled, t.tgtype, c.relname, p.proname, t.tgoldtable, t.tgnewtable "
        "FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
        "JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal "
        "AND starts_with(t.tgname, :prefix)"
    )
    for name, *parts in session.execute(triggers, {"prefix": PREFIX}):
        there[name] = " ".join(
            str(part.decode() if isinstance(part, bytes) else part) for part in parts
        )
    return there


def install(session: Session, names: frozenset[str]) -> set[ObjectType]:
    """Put in anew whatever belongs to a table of the named ones; the types that it traces."""
    schema = _schema(session)
    types: set[ObjectType] = set()
    for traced in tables(schema):
        own = {f"{traced.function}()", *map(traced.trigger, _KINDS)}
        if own & names:
            for statement in _statements(traced, schema):
                session.connection().exec_driver_sql(statement.replace("%", "%%"))
            types.update(traced.types)
    return types


def drop(session: Session) -> None:
    query = sa.text(
        "SELECT t.tgname, c.relname FROM pg_catalog.pg_trigger t "
        "JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
        "WHERE c.relnamespace = current_schema()::regnamespace AND NOT t.tgisinternal "
        "AND starts_with(t.tgname, :prefix)"
    )
    for name, table in session.execute(query, {"prefix": PREFIX}).all():
        session.connection().exec_driver_sql(f'DROP TRIGGER "{name}" ON "{table}"')


def tables(schema: str) -> Iterator[Traced]:
    """All traced tables; `schema` is where the trace is, quoted."""
    record = f"INSERT INTO {schema}.trace (object_type, record_id)"
    related = f"INSERT INTO {schema}.trace (object_type, record_id, relation, old_id, new_id)"
    for type in RECORD_TYPES:
        yield _records(
            type, record, related, f"INSERT INTO {schema}.trace (object_type) VALUES ('{type}')"
        )
    for type in SEGMENT_TYPES:
        gone = f"{record} SELECT DISTINCT '{type}', record_id FROM {_OLD}"
        here = f"{record} SELECT DISTINCT '{type}', record_id FROM {_NEW}"
        whole = f"INSERT INTO {schema}.trace (object_type) VALUES ('{type}')"
        bodies = {
            "INSERT": (here,),
            "UPDATE": (gone, here),
            "DELETE": (gone,),
            "TRUNCATE": (whole,),
        }
        yield Traced(f"{type}_item", (type,), bodies)
    gone = f"{related} SELECT 'deal', deal_id, 'products', product_id, NULL FROM {_OLD}"
    here = f"{related} SELECT 'deal', deal_id, 'products', NULL, product_id FROM {_NEW}"
    whole = f"INSERT INTO {schema}.trace (object_type) VALUES ('deal'), ('product')"
    yield Traced(
        "deal_product",
        (ObjectType.DEAL, ObjectType.PRODUCT),
        {"INSERT": (here,), "UPDATE": (gone, here), "DELETE": (gone,), "TRUNCATE": (whole,)},
    )


def _records(type: ObjectType, record: str, related: str, whole: str) -> Traced:
    here = f"{record} SELECT '{type}', id FROM {_NEW}"
    gone = f"{record} SELECT '{type}', id FROM {_OLD}"
    renumbered = f"NOT EXISTS (SELECT FROM {_NEW} n WHERE n.id = o.id)"
    update = [here, f"{record} SELECT '{type}', o.id FROM {_OLD} o WHERE {renumbered}"]
    delete = [gone]
    if to_one(type):
        left = ", ".join(f"('{r.name}', o.{r.column})" for r in to_one(type))
        moved = ", ".join(f"('{r.name}', o.{r.column}, n.{r.column})" for r in to_one(type))
        leave = (
            f"{related} SELECT '{type}', o.id, r.relation, r.old_id, NULL FROM {_OLD} o "
            f"CROSS JOIN LATERAL (VALUES {left}) AS r(relation, old_id) WHERE r.old_id IS NOT NULL"
        )
        update += [
            f"{related} SELECT '{type}', n.id, r.relation, r.old_id, r.new_id FROM {_OLD} o "
            f"JOIN {_NEW} n ON n.id = o.id "
            f"CROSS JOIN LATERAL (VALUES {moved}) AS r(relation, old_id, new_id) "
            "WHERE r.old_id IS DISTINCT FROM r.new_id",
            f"{leave} AND {renumbered}",
        ]
        delete.append(leave)
    bodies = {
        "INSERT": (here,),
        "UPDATE": tuple(update),
        "DELETE": tuple(delete),
        "TRUNCATE": (whole,),
    }
    return Traced(type.value, (type,), bodies)


def _body(traced: Traced) -> str:
    branches = "ELS".join(  # IF … ELSIF …
        f"IF TG_OP = '{kind}' THEN\n"
        + "".join(f"  {statement};\n" for statement in traced.bodies[kind])
        for kind in _KINDS
    )
    return f"BEGIN\n{branches}END IF;\nRETURN NULL;\nEND"


def _statements(traced: Traced, schema: str) -> Iterator[str]:
    function = f"{schema}.{traced.function}()"
    yield (
        f"CREATE OR REPLACE FUNCTION {function} RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER "
        f"SET search_path = pg_catalog, pg_temp AS $segctl${_body(traced)}$segctl$"
    )
    # Firing needs no right to execute; without one nobody can hang the function on a table of his.
    yield f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC"
    for kind in _KINDS:
        name = traced.trigger(kind)
        seen = [f"OLD TABLE AS {_OLD}"] if _old(kind) else []
        seen += [f"NEW TABLE AS {_NEW}"] if _new(kind) else []
        referencing = f"REFERENCING {' '.join(seen)} " if seen else ""
        yield f"DROP TRIGGER IF EXISTS {name} ON {schema}.{traced.table}"
        yield (
            f"CREATE TRIGGER {name} AFTER {kind} ON {schema}.{traced.table} {referencing}"
            f"FOR EACH STATEMENT EXECUTE FUNCTION {function}"
        )
        yield f"ALTER TABLE {schema}.{traced.table} ENABLE ALWAYS TRIGGER {name}"


def _old(kind: str) -> str | None:
    return _OLD if kind in ("UPDATE", "DELETE") else None


def _new(kind: str) -> str | None:
    return _NEW if kind in ("UPDATE", "INSERT") else None


def _schema(session: Session) -> str:
    """The schema of the store, quoted."""
    return str(session.execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one())
