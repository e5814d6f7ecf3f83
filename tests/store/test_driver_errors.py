"""Each thing that a driver can say, in the words and with the exit code that a person needs."""

import sqlite3

import psycopg
import pytest

from segctl.errors import Busy, SegctlError, StoreError
from segctl.store.driver_errors import raise_translated, scrub
from segctl.store.filesystems import parse_mount_program


class SqliteError(sqlite3.OperationalError):
    def __init__(self, name: str, talk: str) -> None:
        super().__init__(talk)
        self.sqlite_errorname = name


def postgres_error(state: str, talk: str = "it said so") -> psycopg.Error:
    error = psycopg.errors.lookup(state)(talk) if state else psycopg.OperationalError(talk)
    assert isinstance(error, psycopg.Error)
    return error


def meaning(error: Exception) -> SegctlError:
    with pytest.raises(SegctlError) as caught:
        raise_translated(error, "PLACE")
    assert "PLACE" in caught.value.message or isinstance(caught.value, Busy | StoreError)
    return caught.value


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("SQLITE_BUSY", Busy, "another process"),
        ("SQLITE_BUSY_SNAPSHOT", Busy, "another process"),
        ("SQLITE_LOCKED", Busy, "another process"),
        ("SQLITE_FULL", StoreError, "disk is full"),
        ("SQLITE_READONLY_DBMOVED", StoreError, "read-only"),
        ("SQLITE_NOTADB", StoreError, "not a SQLite database"),
        ("SQLITE_CORRUPT_INDEX", StoreError, "damaged"),
        ("SQLITE_IOERR_READ", StoreError, "SQLITE_IOERR_READ"),
        ("SQLITE_CANTOPEN", StoreError, "cannot be opened"),
    ],
)
def test_what_sqlite_says_is_translated(name: str, kind: type[SegctlError], words: str) -> None:
    error = meaning(SqliteError(name, "talk"))
    assert type(error) is kind
    assert words in error.message


@pytest.mark.parametrize(
    ("state", "kind", "words"),
    [
        ("55P03", Busy, "holds a lock"),
        ("40001", Busy, "changed the same rows"),
        ("40P01", Busy, "waited for each other"),
        ("53100", StoreError, "disk of the store PLACE is full"),
        ("53200", StoreError, "failed"),
        ("53300", StoreError, "no more connections"),
        ("25006", StoreError, "read-only"),
        ("42501", StoreError, "may not do that"),
        ("28P01", StoreError, "refuses the login"),
        ("3D000", StoreError, "cannot be opened"),
        ("57014", StoreError, "cancelled by the server"),
        ("57P01", StoreError, "does not answer"),
        ("08006", StoreError, "does not answer"),
        ("58030", StoreError, "failed"),
        ("XX001", StoreError, "damaged"),
        ("", StoreError, "does not answer"),
    ],
)
def test_what_postgres_says_is_translated(state: str, kind: type[SegctlError], words: str) -> None:
    error = meaning(postgres_error(state, "connection lost"))
    assert type(error) is kind
    assert words in error.message


@pytest.mark.parametrize(
    "error",
    [
        SqliteError("SQLITE_ERROR", "no such column: x"),
        SqliteError("SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed"),
        postgres_error("42703"),
        postgres_error("23505"),
        postgres_error("", "the query has 0 placeholders but 1 parameters were passed"),
    ],
)
def test_a_bug_stays_what_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        raise_translated(error, "PLACE")
    assert caught.value is error


def test_a_secret_is_scrubbed_from_what_a_driver_says() -> None:
    talk = 'connection to "s3cret" failed:\n  password s3cret%20 is wrong'
    assert scrub(talk, ["s3cret", "s3cret%20"]) == (
        'connection to "***" failed: password *** is wrong'
    )


def test_the_mount_program_of_macos_is_understood() -> None:
    text = (
        "/dev/disk1s1 on / (apfs, local, journaled)\n"
        "//me@nas/share on /Volumes/my share (smbfs, nodev, nosuid)\n"
    )
    found = [(str(place), kind) for place, kind in parse_mount_program(text)]
    assert found == [("/", "apfs"), ("/Volumes/my share", "smbfs")]
