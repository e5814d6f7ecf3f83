"""The triggers that trace every write to records, items, links and events, by whatever program.

A trace row says: this record changed (`object_type`, `record_id`); with `relation`, `old_id` and
`new_id`, that it left one related record for another. Without a `record_id`, any record of the type
may have changed. Inserting and updating trace the record; deleting traces it with the parents that
it had; a moved child traces the old and the new parent. The parents of a new child are found
through the child.

The triggers belong to the code, not to the migrations: whoever upgrades a store puts them in anew,
because SQLite drops the triggers of a table that is rebuilt. A changed trigger needs a new schema
version, or two versions of segctl would mend the store in turns.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import sqlalchemy as sa
from sqlalchemy.orm import Session

from segctl.catalog import ObjectType
from segctl.store import triggers_postgres, triggers_sqlite


def verify_triggers(session: Session) -> list[str]:
    """The names of triggers that are missing, disabled or not as they should be; only reads."""
    expected, found = _dialect(session).expected(session), _dialect(session).found(session)
    return sorted(name for name, text in expected.items() if found.get(name) != text)


def install_triggers(session: Session) -> list[str]:
    """Put in whatever `verify_triggers` names, and return that.

    What happened without a trigger is not known, so every record of its types counts as changed.
    On Postgres this waits for the writers of the tables, as long as `lock_timeout` says.
    """
    wrong = verify_triggers(session)
    if wrong:
        for type in sorted(_dialect(session).install(session, frozenset(wrong))):
            mark_type(session, type)
    return wrong


def drop_triggers(session: Session) -> None:
    """Take all of them out, before tables are rebuilt; `install_triggers` brings them back."""
    _dialect(session).drop(session)


@contextmanager
def suspended_triggers(session: Session) -> Iterator[None]:
    """Trace nothing in the block, which changes no value that anybody reads."""
    triggers = _dialect(session)
    triggers.drop(session)
    yield
    triggers.install(session, frozenset(triggers.expected(session)))


def mark_type(session: Session, type: ObjectType) -> None:
    """Trace that any record of the type may have changed: every segment that reads it goes full."""
    session.execute(sa.text("INSERT INTO trace (object_type) VALUES (:type)"), {"type": type.value})


def _dialect(session: Session) -> ModuleType:
    return triggers_postgres if session.get_bind().dialect.name == "postgresql" else triggers_sqlite
