"""Bare databases with the record tables of CATALOG, without a store around them."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from segctl.store import functions
from segctl.store.ddl import schema_statements
from tests.conditions.strategies import CATALOG


def make_schema(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        for statement in schema_statements(engine.dialect.name, CATALOG):
            connection.exec_driver_sql(statement)


@pytest.fixture
def sqlite() -> Iterator[sa.Engine]:
    """An SQLite database in memory."""
    engine = sa.create_engine("sqlite://")
    sa.event.listen(engine, "connect", lambda connection, _: functions.register(connection))
    make_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres(postgres_url: str) -> Iterator[sa.Engine]:
    url = sa.make_url(postgres_url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, connect_args={"prepare_threshold": None})
    make_schema(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> sa.Engine:
    """Either of them, one after the other."""
    engine: sa.Engine = request.getfixturevalue(request.param)
    return engine
