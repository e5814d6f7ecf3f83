"""What all tests share: stores of both kinds, the command line, the clock.

Every test that has `store` runs twice, on SQLite and on Postgres. An empty store is made once a
run and copied; nothing is shared between two tests.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
import datetime as dt
import io
from itertools import count
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
import pytest

from tests import postgres

if TYPE_CHECKING:
    from segctl.store.opening import Store

ROOT = Path(__file__).parent.parent
NOW = dt.datetime(2026, 3, 15, 12, 0, tzinfo=dt.UTC)
STORES = ("sqlite", "postgresql")

_SLOW = (HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large)
settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=_SLOW)
settings.register_profile("ci", max_examples=200, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("SEGCTL_HYPOTHESIS", "ci" if os.environ.get("CI") else "dev"))


# ---------------------------------------------------------------- one Postgres a run


def pytest_configure(config: pytest.Config) -> None:
    """The process that all workers descend from keeps the server's watchdog."""
    if not hasattr(config, "workerinput"):
        run = postgres.one_run()
        run.__enter__()
        config.add_cleanup(lambda: run.__exit__(None, None, None))


@pytest.fixture(scope="session")
def postgres_server() -> postgres.Server:
    """The run's server. Without Postgres binaries the tests fail and say what to install."""
    try:
        return postgres.server()
    except postgres.NoPostgres as error:
        pytest.fail(str(error), pytrace=False)


_numbers = count(1)


@contextmanager
def _database(server: postgres.Server, template: str) -> Iterator[str]:
    """The address of a fresh database, dropped afterwards."""
    name = f"t_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{next(_numbers)}"
    server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    try:
        yield server.url(name)
    finally:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def postgres_url(postgres_server: postgres.Server) -> Iterator[str]:
    """The address of an empty database."""
    with _database(postgres_server, "template0") as url:
        yield url


# ---------------------------------------------------------------- stores


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from segctl.store.opening import create_store

    path = tmp_path_factory.mktemp("template") / "store.sqlite"
    create_store(f"sqlite:///{path}", now=NOW).close()
    return path


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: postgres.Server) -> str:
    """The name of a database that holds an empty store, made by the first worker."""
    from segctl.store.opening import create_store

    name = "empty_store"
    folder = postgres_server.folder.parent
    with postgres.locked(folder / "template.lock"):
        if not (folder / "template").exists():
            postgres_server.execute(f"DROP DATABASE IF EXISTS {name}")
            postgres_server.execute(f"CREATE DATABASE {name} TEMPLATE template0")
            create_store(postgres_server.url(name), now=NOW).close()
            (folder / "template").touch()
    return name


@pytest.fixture
def sqlite_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The address of an SQLite store without records."""
    # The template is closed, so the file is whole without its WAL.
    path = tmp_path / "store.sqlite"
    shutil.copyfile(_sqlite_template, path)
    path.chmod(0o600)
    return f"sqlite:///{path}"


@pytest.fixture
def postgres_store_url(postgres_server: postgres.Server, _postgres_template: str) -> Iterator[str]:
    """The address of a Postgres store without records."""
    with _database(postgres_server, _postgres_template) as url:
        yield url


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest) -> str:
    """The address of a store without records, once for each kind."""
    name = "sqlite_url" if request.param == "sqlite" else "postgres_store_url"
    url: str = request.getfixturevalue(name)
    return url


@contextmanager
def _opened(url: str) -> Iterator["Store"]:
    from segctl.store.opening import open_store

    store = open_store(url)
    try:
        yield store
    finally:
        store.close()


@pytest.fixture
def store(store_url: str) -> Iterator["Store"]:
    """An open store without records, once for each kind."""
    with _opened(store_url) as opened:
        yield opened


@pytest.fixture
def sqlite_store(sqlite_url: str) -> Iterator["Store"]:
    with _opened(sqlite_url) as opened:
        yield opened


@pytest.fixture
def postgres_store(postgres_store_url: str) -> Iterator["Store"]:
    with _opened(postgres_store_url) as opened:
        yield opened


# ---------------------------------------------------------------- the command line


@dataclass(frozen=True)
class Result:
    """What a call gave back."""

    code: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)

    @property
    def lines(self) -> list[str]:
        return self.stdout.splitlines()

    def ok(self) -> "Result":
        """Itself, if the call went well."""
        assert self.code == 0, f"exit code {self.code}\n{self.stderr}\n{self.stdout}"
        return self


def _address(store: "Store | str | Path | None") -> list[str]:
    if store is None:
        return []
    return ["--store", str(getattr(store, "url", store))]


def _bytes(input: str | bytes | None) -> bytes:
    return input.encode() if isinstance(input, str) else input or b""


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home and a working folder without any configuration; the working folder."""
    for name in list(os.environ):
        if name.startswith(("SEGCTL_", "XDG_")) and not name.startswith("SEGCTL_TEST_"):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "TZ", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def segctl(clean_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Call the command line in this process: `segctl("segments", "list", store=store)`."""
    from segctl.cli.main import run

    def call(
        *words: object,
        input: str | bytes | None = None,
        store: "Store | str | Path | None" = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
        with monkeypatch.context() as patch:
            for name, value in (env or {}).items():
                patch.setenv(name, value)
            patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(_bytes(input)), "utf-8"))
            with redirect_stdout(out), redirect_stderr(err):
                try:
                    code = run([*_address(store), *map(str, words)])
                except SystemExit as error:
                    code = error.code if isinstance(error.code, int) else 1
        texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
        return Result(int(code), *texts)

    return call


class Processes:
    """Call the command line as a process of its own."""

    words = (sys.executable, "-m", "segctl")

    def __init__(self) -> None:
        self.started: list[subprocess.Popen[bytes]] = []

    def start(
        self,
        *words: object,
        store: "Store | str | Path | None" = None,
        env: Mapping[str, str] | None = None,
        **more: Any,
    ) -> "subprocess.Popen[bytes]":
        """Start a call and do not wait for it."""
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = subprocess.Popen(
            [*self.words, *_address(store), *map(str, words)],
            env={**os.environ, **(env or {})},
            **{**pipes, **more},
        )
        self.started.append(process)
        return process

    def end(self) -> None:
        """Stop what a failed test has left running, and close its pipes."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()

    def __call__(
        self,
        *words: object,
        input: str | bytes | None = None,
        store: "Store | str | Path | None" = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
        **more: Any,
    ) -> Result:
        process = self.start(*words, store=store, env=env, **more)
        out, err = process.communicate(_bytes(input), timeout=timeout)
        return Result(process.returncode, (out or b"").decode(), (err or b"").decode())


@pytest.fixture
def segctl_process(clean_environment: Path) -> Iterator[Processes]:
    """Call the command line as a real process: `segctl_process("recalc", "--all", store=url)`."""
    processes = Processes()
    yield processes
    processes.end()


# ---------------------------------------------------------------- data


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real data sets that stand beside the project; a test without them is skipped."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data sets (../shared/data) are not on this machine")
    return folder


def rows(text: str) -> Sequence[Mapping[str, Any]]:
    """The objects of NDJSON."""
    return [json.loads(line) for line in text.splitlines()]
