"""Servers on both stores, and a Chatwoot."""

from collections.abc import Callable, Iterator

import pytest

from segctl.store.opening import Store
from tests.http.running import FakeChatwoot, Server, fake_chatwoot, start


@pytest.fixture
def serve(segctl_process, store: Store) -> Callable[..., Server]:
    """Start `segctl serve` on the store of the test."""
    return lambda *words, **more: start(segctl_process, store, *words, **more)


@pytest.fixture
def server(serve) -> Server:
    return serve()


@pytest.fixture
def chatwoot() -> Iterator[FakeChatwoot]:
    with fake_chatwoot() as fake:
        yield fake
