"""The door: help, global options, errors, and what is not imported."""

import json
import subprocess
import sys

import pytest

from segctl import __version__
from segctl.cli.main import COMMANDS
from tests.cli.terminal import on_a_terminal

HEAVY = (
    "sqlalchemy", "sqlmodel", "psycopg", "alembic", "lark", "re2", "pydantic", "apscheduler",
    "pyarrow", "rich.console",
)  # fmt: skip
WATCH = """
import sys
from segctl.cli.main import run
try:
    code = run(sys.argv[1:])
except SystemExit as error:
    code = error.code
heavy = [name for name in {heavy!r} if name in sys.modules]
print("imported", *heavy, file=sys.stderr)
sys.exit(code)
"""


# ---------------------------------------------------------------- help


@pytest.mark.parametrize(
    "words", [[], *([name] for name in COMMANDS)], ids=lambda words: " ".join(words)
)
def test_help_imports_no_heavy_library(clean_environment, words):
    done = subprocess.run(
        [sys.executable, "-c", WATCH.format(heavy=HEAVY), *words, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: segctl {' '.join([*words, ''])}")
    assert done.stderr == "imported\n"


def test_help_shows_every_command_with_a_whole_line_at_80_columns(clean_environment):
    code, seen = on_a_terminal(["--help"], columns=80)
    assert code == 0
    width = max(map(len, COMMANDS))
    for name, (_, help) in COMMANDS.items():
        assert f"  {name:<{width}}  {help}\n" in seen


def test_help_is_plain_text_on_a_terminal(clean_environment):
    _, seen = on_a_terminal(["config", "--help"])
    assert "\x1b" not in seen


def test_no_words_at_all_give_the_help_and_exit_2(segctl):
    result = segctl()
    assert result.code == 2
    assert result.stdout == ""
    assert "Commands:\n  init" in result.stderr


def test_the_short_help_option_works_everywhere(segctl):
    assert segctl("-h").ok().stdout == segctl("--help").ok().stdout
    assert segctl("config", "show", "-h").ok().stdout.startswith("Usage: segctl config show")


def test_version(segctl):
    assert segctl("--version").ok().stdout == f"segctl {__version__}\n"


# ---------------------------------------------------------------- wrong words


NOT_A_FORMAT = (
    'invalid value for "--output" / "-o": "jsn" is not one of "table", "json", "ndjson", "csv", '
    '"ids", "count"'
)
SHOW = ("config", "show")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["segmets"], 'no such command "segmets"', 'did you mean "segments"?'),
        (["config", "shwo"], 'no such command "shwo"', 'did you mean "show"?'),
        ([*SHOW, "--outptu", "csv"], "no such option: --outptu", "did you mean --output?"),
        ([*SHOW, "x"], "got unexpected extra argument(s) (x)", "segctl config show --help"),
        ([*SHOW, "-o"], 'option "-o" requires an argument', None),
        ([*SHOW, "-o", "jsn"], NOT_A_FORMAT, "segctl config show --help"),
    ],
)
def test_wrong_words_are_explained(segctl, words, message, hint):
    result = segctl(*words)
    assert (result.code, result.stdout) == (2, "")
    assert result.stderr == f"segctl: error: {message}\n" + (f"hint: {hint}\n" if hint else "")


def test_an_error_is_one_json_object_if_json_is_asked_for(segctl):
    for words in (
        ["-o", "json"],
        ["-ojson"],
        ["--output", "json"],
        ["--output=ndjson"],
        ["-o=json"],
    ):
        result = segctl("config", "show", "--bogus", *words)
        assert (result.code, result.stdout) == (2, "")
        error = json.loads(result.stderr)["error"]
        assert (error["code"], error["message"]) == ("usage", "no such option: --bogus")


def test_an_error_is_json_if_the_setting_says_so(segctl):
    result = segctl("config", "show", "--bogus", env={"SEGCTL_OUTPUT": "json"})
    assert json.loads(result.stderr)["error"]["code"] == "usage"


def test_an_error_has_its_own_fields_in_json(segctl):
    result = segctl("config", "show", "--config", "none.toml", "-o", "json")
    assert json.loads(result.stderr) == {
        "error": {
            "code": "config",
            "message": "there is no config file none.toml",
            "hint": None,
            "path": "none.toml",
        }
    }


def test_an_error_cannot_steer_the_terminal(segctl):
    result = segctl("config", "show", "--config", "\x1b[31m\x07.toml")
    assert result.code == 2
    assert "\x1b" not in result.stderr
    assert "\x07" not in result.stderr


def test_a_lone_surrogate_in_a_word_is_not_a_crash(segctl_process):
    result = segctl_process(
        "config", "show", "--config", b"\xff.toml".decode(errors="surrogateescape")
    )
    assert result.code == 2
    assert result.stderr.startswith("segctl: error: there is no config file")


# ---------------------------------------------------------------- global options


def test_global_options_are_taken_before_and_after_the_command(segctl):
    for words in (
        ["--actor", "ann", "config", "show", "-o", "json"],
        ["config", "show", "-o", "json", "--actor", "ann"],
        ["--actor", "bob", "config", "show", "--actor", "ann", "-o", "json"],
    ):
        found = {row["key"]: row["value"] for row in segctl(*words).ok().json}
        assert found["actor"] == "ann"


def test_global_options_do_not_fill_the_help_of_each_command(segctl):
    assert "--actor" not in segctl("config", "show", "--help").ok().stdout


def test_without_a_store_the_next_command_is_named(segctl):
    result = segctl("segments", "list")
    assert result.code == 2
    assert result.stderr == (
        "segctl: error: no store is configured here\n"
        "hint: segctl init makes one, --store or SEGCTL_STORE names another\n"
    )


# ---------------------------------------------------------------- colours


@pytest.mark.parametrize(
    ("words", "env", "coloured"),
    [
        ([], {}, True),
        ([], {"NO_COLOR": "1"}, False),
        ([], {"TERM": "dumb"}, False),
        (["--no-color"], {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(clean_environment, words, env, coloured):
    code, seen = on_a_terminal(["config", "show", *words], env=env)
    assert code == 0
    assert ("\x1b[1mSetting" in seen) is coloured
    assert ("\x1b" in seen) is coloured


def test_a_pipe_gets_no_colours(segctl_process):
    assert "\x1b" not in segctl_process("config", "show").ok().stdout


def test_data_is_utf8_in_every_locale(segctl_process):
    for locale in ("C", "POSIX", "en_US.ISO-8859-1"):
        result = segctl_process("config", "show", env={"LC_ALL": locale, "SEGCTL_ACTOR": "Żółw"})
        assert "Żółw" in result.ok().stdout
