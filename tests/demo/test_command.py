"""`segctl demo` as a new user types it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from segctl.services.demo_segments import SEGMENTS

Segctl = Callable[..., Any]


def test_it_makes_a_folder_in_which_every_command_means_the_demo(
    segctl: Segctl, clean_environment: Path, monkeypatch: Any
) -> None:
    made = segctl("demo", "--records", 500).ok()
    assert made.lines[0].split()[:4] == ["Name", "Type", "Interval", "Count"]
    assert all(any(s.name in line for line in made.lines) for s in SEGMENTS)
    monkeypatch.chdir(clean_environment / "demo")
    assert segctl("segments", "list", "-o", "count").ok().stdout == f"{len(SEGMENTS)}\n"


def test_it_says_what_was_made_and_what_to_try(segctl: Segctl) -> None:
    talk = segctl("demo", "--records", 500).ok().stderr
    assert "500 records" in talk
    assert "cd demo" in talk
    assert "segctl segments members" in talk


def test_the_commands_that_it_proposes_work(
    segctl: Segctl, clean_environment: Path, monkeypatch: Any
) -> None:
    import shlex

    talk = segctl("demo", "--records", 500).ok().stderr
    proposed = [shlex.split(line)[1:] for line in talk.splitlines() if "  segctl " in line]
    monkeypatch.chdir(clean_environment / "demo")
    assert len(proposed) >= 3
    for words in proposed:
        segctl(*words).ok()


def test_a_second_one_in_the_same_folder_is_refused(segctl: Segctl) -> None:
    segctl("demo", "--records", 200).ok()
    again = segctl("demo", "--records", 200)
    assert again.code == 1
    assert "already" in again.stderr


def test_a_named_store_takes_the_demo(segctl: Segctl, store_url: str) -> None:
    made = segctl("demo", "--records", 300, store=store_url).ok()
    assert "export SEGCTL_STORE=" in made.stderr
    assert segctl("segments", "list", "-o", "count", store=store_url).ok().stdout.strip() == str(
        len(SEGMENTS)
    )


def test_a_store_in_use_is_refused_and_untouched(segctl: Segctl, sqlite_url: str) -> None:
    segctl(
        "segments", "create", "Mine", "--type", "deal", "--where", "everything", store=sqlite_url
    )
    refused = segctl("demo", store=sqlite_url)
    assert refused.code == 1
    assert "holds segments" in refused.stderr
    assert segctl("segments", "list", "-o", "count", store=sqlite_url).ok().stdout.strip() == "1"


def test_a_store_that_a_config_file_names_is_left_alone(
    segctl: Segctl, clean_environment: Path
) -> None:
    segctl("init").ok()
    segctl("demo", "--records", 200).ok()
    assert (clean_environment / "demo" / "segctl.sqlite").exists()
    assert segctl("segments", "list", "-o", "count").ok().stdout.strip() == "0"


def test_a_wrong_size_is_refused_and_leaves_no_folder(
    segctl: Segctl, clean_environment: Path
) -> None:
    refused = segctl("demo", "--records", 5)
    assert refused.code == 2
    assert not (clean_environment / "demo" / "segctl.sqlite").exists()
    segctl("demo", "--records", 200).ok()


def test_a_password_is_not_shown(segctl: Segctl, postgres_store_url: str) -> None:
    url = postgres_store_url.replace("segctl@", "segctl:hunter2@")
    made = segctl("demo", "--records", 200, store=url).ok()
    assert "hunter2" not in made.stdout + made.stderr
