"""How many rows a statement wrote."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session


def written(session: Session, statement: sa.Insert | sa.Delete) -> int:
    """Run a statement; how many rows it wrote.

    psycopg has to be asked to keep the number, and sqlite3 knows none of a statement that begins
    with WITH, which deep conditions do.
    """
    done: Any = session.execute(statement, execution_options={"preserve_rowcount": True})
    number = int(done.rowcount)
    if number < 0:
        number = int(session.execute(sa.text("SELECT changes()")).scalar_one())
    return number
