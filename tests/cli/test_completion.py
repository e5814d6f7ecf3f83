"""What the shell proposes after TAB."""

import pytest


@pytest.fixture
def proposed(segctl_process):
    def call(line, **more):
        words = line.split(" ")
        result = segctl_process(
            env={
                "_SEGCTL_COMPLETE": "complete_bash",
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(words) - 1),
                **more,
            }
        )
        return result.stdout.split("\n")[:-1]

    return call


def test_commands_are_proposed(proposed):
    assert proposed("segctl con") == ["conditions", "config"]


def test_verbs_of_a_noun_are_proposed(proposed):
    assert proposed("segctl config ") == ["show"]


def test_options_and_their_values_are_proposed(proposed):
    assert proposed("segctl config show --outp") == ["--output"]
    assert proposed("segctl config show -o c") == ["csv", "count"]
