"""The docs say what the commands say, and the commands say it everywhere alike."""

import importlib.util

import pytest

from segctl.cli.main import COMMANDS, commands
from tests.conftest import ROOT


def generator():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = generator()
PAGES = ("cli.md", "exit-codes.md", "doctor.md")


def leaves(command, words=()):
    """The words and the command of every command that does something."""
    below = getattr(command, "commands", None)
    if below is None:
        yield words, command
    else:
        for name, verb in below.items():
            yield from leaves(verb, (*words, name))


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_what_the_code_says_now(clean_environment, page):
    assert (ROOT / "docs" / page).read_text() == GENERATE.pages()[page], "make docs writes it anew"


def test_every_command_has_help():
    assert [words for words, command in leaves(commands()) if not command.help] == []


def test_the_first_sentence_fits_the_line_in_the_help_of_its_noun():
    too_long = []
    for noun in commands().commands.values():
        verbs = getattr(noun, "commands", {})
        room = 78 - 6 - max(map(len, verbs), default=0)
        too_long += [
            (noun.name, name)
            for name, verb in verbs.items()
            if verb.get_short_help_str(room).endswith("...")
        ]
    assert too_long == []


def test_every_command_has_an_example():
    missing = [
        " ".join(words)
        for words, command in leaves(commands())
        if f"segctl {' '.join(words)}" not in (command.help or "") + (command.epilog or "")
    ]
    assert missing == []


def test_every_option_and_argument_has_help():
    missing = [
        f"{' '.join(words)} {parameter.opts[-1]}"
        for words, command in leaves(commands())
        for parameter in command.params
        if not parameter.help
    ]
    assert missing == []


# What differs on purpose, with its reason.
OWN_MEANING = {
    "--actor",  # who makes the change, or whose changes are listed
    "--all",  # of what the verb is about
    "--contact",  # the column of a file, or a filter
    "--description",  # of whatever is described
    "--dry-run",  # says what is not done
    "--email",  # of a contact, or of a team member
    "--force",  # says what it overrides
    "--format",  # of a file to read, or to write
    "--group",  # to be in, or a filter
    "--ignore",  # a column of a file, or a finding
    "--id",  # the column of a file
    "--member",  # to be in it, or a filter
    "--segment",  # to go to, or a filter
    "--name",  # of a new thing, or a filter
    "--since",  # a place in a feed, or the time of what is listed
    "--to",  # who sees, who gets chats, or a position
    "--type",  # of records and segments, or of what an audit entry is about
    "--where",  # the condition of a segment, or a filter
}


def test_the_same_option_has_the_same_help_everywhere():
    helps = {}
    for words, command in leaves(commands()):
        for parameter in command.params:
            for option in parameter.opts:
                if option.startswith("--") and option not in OWN_MEANING:
                    helps.setdefault(option, {}).setdefault(parameter.help, []).append(
                        " ".join(words)
                    )
    assert {option: texts for option, texts in helps.items() if len(texts) > 1} == {}


def test_a_short_option_means_the_same_everywhere():
    meanings = {}
    for _, command in leaves(commands()):
        for parameter in command.params:
            short = [o for o in parameter.opts if o.startswith("-") and not o.startswith("--")]
            for option in short:
                meanings.setdefault(option, set()).add(parameter.name)
    assert {option: names for option, names in meanings.items() if len(names) > 1} == {}


def test_every_listing_takes_every_format():
    """A command with -o takes all formats by the same words."""
    for words, command in leaves(commands()):
        for parameter in command.params:
            if "--output" in parameter.opts:
                assert "-o" in parameter.opts, words


def test_every_command_of_the_table_exists(clean_environment):
    assert set(commands().commands) == set(COMMANDS)
