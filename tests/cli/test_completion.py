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
    assert proposed("segctl con") == ["conditions", "conversations", "config"]


def test_verbs_of_a_noun_are_proposed(proposed):
    assert proposed("segctl config ") == ["show"]


def test_options_and_their_values_are_proposed(proposed):
    assert proposed("segctl config show --outp") == ["--output"]
    assert proposed("segctl config show -o c") == ["csv", "count"]


def test_the_names_of_segments_are_proposed(proposed, segctl, sqlite_url):
    for type, name in (("deal", "Won deals"), ("company", "Wide"), ("deal", "Lost")):
        segctl(
            "segments", "create", name, "--type", type, "--where", "everything", store=sqlite_url
        )
    assert proposed(f"segctl --store {sqlite_url} recalc W") == ["Wide", "Won deals"]
    assert proposed("segctl segments show --type deal W", SEGCTL_STORE=sqlite_url) == ["Won deals"]


def test_without_a_store_tab_says_nothing(segctl_process):
    result = segctl_process(
        env={
            "_SEGCTL_COMPLETE": "complete_bash",
            "COMP_WORDS": "segctl segments show ",
            "COMP_CWORD": "3",
        }
    )
    assert (result.stdout.strip(), result.stderr) == ("", "")
