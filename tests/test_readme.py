"""A new user follows the README: every command works, and prints what the page says."""

from pathlib import Path

from tests.readme import ROOT, Shell, steady, steps

README = (ROOT / "README.md").read_text()


def test_the_tour_does_what_the_readme_says(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    for step in steps(README):
        assert steady(shell.run(step.command)) == steady(step.output), step.command


def test_the_tour_has_commands() -> None:
    assert len(steps(README)) >= 15


def test_links_lead_to_files_that_are_there() -> None:
    import re

    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_opens_with_the_two_commands_of_make() -> None:
    start = README.split("## ", 2)[1]
    assert start.index("make demo") < start.index("make test")
