"""Bare databases with the record tables of CATALOG, without a store around them.

They are made once a run and stay empty: a test loads what it needs and rolls back.
"""

from collections.abc import Iterator
import os

import pytest
import sqlalchemy as sa

from segctl.store import functions
from segctl.store.ddl import schema_statements
from tests.conditions.strategies import CATALOG
from tests.postgres import Server


def make_schema(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for statement in schema_statements(engine.dialect.name, CATALOG):
            connection.exec_driver_sql(statement)


@pytest.fixture(scope="session")
def sqlite() -> Iterator[sa.Engine]:
    """An SQLite database in memory."""
    engine = sa.create_engine("sqlite://")
    sa.event.listen(engine, "connect", lambda connection, _: functions.register(connection))
    make_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def postgres(postgres_server: Server) -> Iterator[sa.Engine]:
    name = f"conditions_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
    url = sa.make_url(postgres_server.url(name)).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, connect_args={"prepare_threshold": None})
    make_schema(engine)
    yield engine
    engine.dispose()
    postgres_server.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> sa.Engine:
    """Either of them, one after the other."""
    engine: sa.Engine = request.getfixturevalue(request.param)
    return engine
