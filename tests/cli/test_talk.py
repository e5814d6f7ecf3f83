"""What goes to stderr, and when a person is asked."""

import io
import sys

import pytest

from segctl.cli import context, output
from segctl.errors import UsageError
from tests.cli.terminal import on_a_terminal

ASK = (
    "from segctl.cli import context, output; context.begin(); "
    "output.confirm('Delete \x1b[1m3\x1b[0m records?', False); print('done')"
)
WORK = """
import time
from segctl.cli import context, output
context.begin().quiet = {quiet}
with output.progress("Importing [b]x\x07[/b]", 10) as advance:
    for _ in range(10):
        advance(1)
        time.sleep(0.02)
print("done")
"""


@pytest.fixture(autouse=True)
def call(clean_environment):
    return context.begin()


def program(text):
    return (sys.executable, "-c", text)


# ---------------------------------------------------------------- asking


@pytest.mark.parametrize("answer", ["y\n", "YES\n", " y \n"])
def test_a_person_who_agrees_is_obeyed(answer):
    code, seen = on_a_terminal([], answer=answer, program=program(ASK))
    assert code == 0
    assert seen.endswith("records? [y/N] done\n")


@pytest.mark.parametrize("answer", ["n\n", "\n", "yeah\n"])
def test_anything_but_yes_changes_nothing(answer):
    code, seen = on_a_terminal([], answer=answer, program=program(f"import sys; {ASK}"))
    assert code != 0
    assert "segctl: nothing was changed" in seen
    assert "done" not in seen


def test_the_question_cannot_steer_the_terminal():
    _, seen = on_a_terminal([], answer="n\n", program=program(ASK))
    assert "Delete ␛[1m3␛[0m records?" in seen


def test_without_a_terminal_nothing_is_destroyed():
    with pytest.raises(UsageError) as caught:
        output.confirm("Delete 3 records?", False)
    assert caught.value.message == "Delete 3 records: there is no terminal to ask on"
    assert caught.value.hint == "--yes does it without asking"


def test_yes_needs_no_terminal(capsys):
    output.confirm("Delete 3 records?", True)
    assert capsys.readouterr() == ("", "")


# ---------------------------------------------------------------- talking


def test_talk_goes_to_stderr_and_is_silent_when_quiet(capsys, call):
    output.note("said")
    call.quiet = True
    output.note("not said")
    assert capsys.readouterr() == ("", "said\n")


def test_a_warning_is_said_even_when_quiet(capsys, call):
    call.quiet = True
    output.warn("mind the gap")
    assert capsys.readouterr() == ("", "segctl: warning: mind the gap\n")


def test_detail_is_for_those_who_ask(capsys, call):
    output.detail("not said")
    call.verbose = 1
    output.detail("said")
    assert capsys.readouterr() == ("", "said\n")


def test_talk_cannot_steer_the_terminal(capsys):
    output.note("two\nlines \x1b[2J")
    output.warn("\x07")
    assert capsys.readouterr().err == "two\nlines ␛[2J\nsegctl: warning: ␇\n"


# ---------------------------------------------------------------- progress


def test_a_terminal_sees_progress_and_no_trace_of_it_afterwards():
    code, seen = on_a_terminal([], program=program(WORK.format(quiet=False)))
    assert code == 0
    assert "Importing [b]x" in seen
    assert "10 of 10" in seen
    assert seen.endswith("done\n")


def test_quiet_means_no_progress():
    assert on_a_terminal([], program=program(WORK.format(quiet=True))) == (0, "done\n")


def test_without_a_terminal_there_is_no_progress(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    with output.progress("Importing", 10) as advance:
        advance(10)
    assert stream.getvalue() == ""
