"""What the process says to the shell, with real processes where signals and pipes matter."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time

import pytest

from segctl.errors import ExitCode
from tests.conftest import ROOT

WON = ("--type", "deal", "--where", 'status = "won"')


@pytest.fixture
def won(segctl, sqlite_url):
    """A store with the segment Won and one that reads it."""
    segctl("segments", "create", "Won", *WON, store=sqlite_url).ok()
    segctl(
        *("segments", "create", "Big won", "--type", "deal"),
        *("--where", 'in segment "Won" and value > 5'),
        store=sqlite_url,
    ).ok()
    return sqlite_url


def path_of(url):
    return url.removeprefix("sqlite:///")


# ---------------------------------------------------------------- one test a code


def test_0_it_is_done(segctl, won):
    result = segctl("recalc", "--all", store=won)
    assert result.code == ExitCode.OK == 0


def test_1_it_could_not_be_done(segctl):
    result = segctl("segments", "list", store="sqlite:////nowhere/none.sqlite")
    assert result.code == ExitCode.FAILED == 1
    assert result.stdout == ""
    assert result.stderr.startswith("segctl: error: ")


def test_2_a_bad_condition(segctl, sqlite_url):
    result = segctl(
        *("segments", "create", "Software", "--type", "company"),
        *("--where", 'industri = "Software"'),
        store=sqlite_url,
    )
    assert result.code == ExitCode.USAGE == 2
    assert result.stderr == (
        'segctl: error: unknown attribute "industri" of company\n'
        '  industri = "Software"\n'
        "  ^^^^^^^^\n"
        'hint: did you mean "industry"?\n'
    )


def test_2_a_bad_condition_in_json_knows_the_place(segctl, sqlite_url):
    words = ("preview", "--type", "company", "--where", 'industri = "x"', "-o", "json")
    result = segctl(*words, store=sqlite_url)
    assert result.code == 2
    error = json.loads(result.stderr)["error"]
    assert (error["code"], error["text"], error["start"], error["end"]) == (
        "condition",
        'industri = "x"',
        0,
        8,
    )


def test_2_a_bad_file(segctl, sqlite_url):
    assert segctl("records", "import", "company", "none.csv", store=sqlite_url).code == 2


def test_3_some_of_a_batch_failed(segctl, won):
    segctl("attributes", "add", "deal", "mood", "--kind", "string", store=won).ok()
    words = ("--type", "deal", "--where", 'mood = "good"')
    segctl("segments", "create", "Moody", *words, store=won).ok()
    segctl("attributes", "drop", "deal", "mood", "--force", "--yes", store=won).ok()
    result = segctl("recalc", "--all", store=won)
    assert result.code == ExitCode.PARTIAL == 3
    assert "Moody" in result.stdout + result.stderr
    assert "mood" in result.stderr


def test_4_a_guard_stopped_it(segctl, won):
    result = segctl("segments", "delete", "Won", "--yes", store=won)
    assert result.code == ExitCode.GUARD == 4
    assert "Big won" in result.stderr


def test_5_there_is_no_such_thing(segctl, won):
    result = segctl("segments", "show", "Wonn", store=won)
    assert result.code == ExitCode.NOT_FOUND == 5
    assert 'did you mean "Won"?' in result.stderr


def test_6_a_check_says_no(segctl, sqlite_url):
    assert segctl("store", "check", store=sqlite_url).code == 0
    with sqlite3.connect(path_of(sqlite_url)) as foreign:
        names = foreign.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall()
        foreign.execute(f'DROP TRIGGER "{names[0][0]}"')
    foreign.close()
    assert segctl("store", "check", store=sqlite_url).code == ExitCode.CHECK == 6


def test_75_another_process_holds_it(segctl, won):
    foreign = sqlite3.connect(path_of(won), isolation_level=None)
    try:
        foreign.execute("BEGIN IMMEDIATE")
        words = ("segments", "create", "Other", *WON)
        result = segctl(*words, store=won, env={"SEGCTL_BUSY_TIMEOUT": "0.2"})
    finally:
        foreign.close()
    assert result.code == ExitCode.BUSY == 75


# ---------------------------------------------------------------- signals and pipes


def importing(segctl_process, url):
    """An import that has begun to read and waits for more."""
    process = segctl_process.start(
        *("records", "import", "contact", "-", "--format", "csv", "--id", "external_id"), store=url
    )
    rows = "".join(f"c{number},Name {number}\n" for number in range(30_000))
    # More than a pipe holds: once it is written, the other side has begun to read.
    process.stdin.write(f"external_id,name\n{rows}".encode())
    process.stdin.flush()
    time.sleep(0.5)
    return process


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)],
)
def test_a_signal_leaves_nothing_half_done(segctl_process, store_url, number, code):
    process = importing(segctl_process, store_url)
    process.send_signal(number)
    # The pipe stays open: the signal, not the end of the input, must stop it.
    assert process.wait(20) == code == 128 + number
    stderr = process.stderr.read().decode()
    assert "segctl: interrupted" in stderr
    assert "Traceback" not in stderr
    listed = segctl_process("records", "list", "contact", "-o", "count", store=store_url)
    assert listed.ok().stdout == "0\n"


def test_141_the_reader_has_gone(segctl_process, clean_environment):
    ours, theirs = os.pipe()
    os.close(ours)
    process = segctl_process.start("attributes", "--help", stdout=theirs)
    os.close(theirs)
    _, stderr = process.communicate()
    assert process.returncode == ExitCode.BROKEN_PIPE == 141
    assert stderr == b""


def test_a_pipe_into_head_is_quiet(segctl_process, sqlite_url):
    words = ("--store", sqlite_url, "attributes", "list", "-o", "ndjson")
    done = subprocess.run(
        ["bash", "-c", 'set -o pipefail; "$@" | head -1', "bash", *segctl_process.words, *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, ExitCode.BROKEN_PIPE)
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""


def test_a_bug_shows_its_traceback(clean_environment):
    program = (
        "import segctl.cli.config as c, segctl.cli.main as m\n"
        "def broken(): raise ZeroDivisionError('a bug')\n"
        "c.context.settings = broken\n"
        "m.main(['config', 'show'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.endswith("ZeroDivisionError: a bug\n")


# ---------------------------------------------------------------- the list


def test_every_exit_code_is_in_the_docs():
    page = (ROOT / "docs" / "exit-codes.md").read_text()
    for code in ExitCode:
        assert f"| {code.value} | " in page
