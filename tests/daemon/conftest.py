"""Daemons for tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.processes import Daemons, Nursery


@pytest.fixture
def daemons(clean_environment: Path) -> Iterator[Daemons]:
    """Start daemons as processes: `daemons(store, "--lanes", "light")`."""
    made = Daemons()
    yield made
    made.end()


@pytest.fixture
def nursery(clean_environment: Path) -> Iterator[Nursery]:
    """Start daemons that are at work in a moment."""
    made = Nursery()
    yield made
    made.end()
