"""The hooks of a config file."""

from pathlib import Path
from typing import Any

import pytest

from segctl.config import load
from segctl.config_hooks import read_hooks, secret_of
from segctl.errors import ConfigError

FILE = Path("/etc/segctl/segctl.toml")


def read(*tables: dict[str, Any]) -> Any:
    return read_hooks(list(tables), FILE)


def test_a_hook_has_a_name_of_its_own_or_that_of_what_it_calls():
    hooks = read(
        {"on_change": ["/usr/bin/notify.sh", "a"]},
        {"webhook": "https://crm.example/x"},
        {"webhook": "https://crm.example/y"},
        {"name": "mine", "on_change": ["x"]},
    )
    assert [h.name for h in hooks] == ["notify", "crm.example", "crm.example-2", "mine"]
    assert [h.target for h in hooks][:2] == ["/usr/bin/notify.sh a", "https://crm.example/x"]
    assert hooks[0].folder == FILE.parent


def test_one_segment_needs_no_list():
    (hook,) = read({"on_change": ["x"], "segments": "Big deals"})
    assert hook.segments == ("Big deals",)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "needs on_change or webhook"),
        ({"on_change": ["x"], "webhook": "https://a"}, "not both"),
        ({"on_change": "rm -rf"}, "list of words"),
        ({"on_change": []}, "list of words"),
        ({"on_change": [""]}, "list of words"),
        ({"on_change": ["x"], "segments": [1]}, "list of words"),
        ({"webhook": "ftp://a"}, "not an address"),
        ({"webhook": "https://a:b"}, "not an address"),
        ({"webhook": 5}, "must be text"),
        ({"on_change": ["x"], "timeout": 0}, "from 1 to 3600"),
        ({"on_change": ["x"], "timeout": True}, "from 1 to 3600"),
        ({"on_change": ["x"], "secret": "s"}, 'no setting "secret"'),
        ({"on_change": ["x"], "secret_env": "A", "secret_file": "b"}, "not both"),
        ({"on_change": ["x"], "name": " "}, "must be text"),
    ],
)
def test_what_is_wrong_with_a_hook_is_named(table: dict[str, Any], words: str):
    with pytest.raises(ConfigError, match=words):
        read(table)


def test_a_name_is_given_once():
    with pytest.raises(ConfigError, match="already"):
        read({"name": "a", "on_change": ["x"]}, {"name": "a", "on_change": ["y"]})


def test_hooks_are_tables():
    with pytest.raises(ConfigError, match="tables"):
        read_hooks({"on_change": ["x"]}, FILE)


def test_hooks_are_read_with_the_settings(tmp_path: Path):
    (tmp_path / "segctl.toml").write_text(
        'store = "a.sqlite"\n[[hooks]]\non_change = ["x"]\nsegments = ["A"]\n'
    )
    settings = load({}, {}, tmp_path, tmp_path)
    assert [hook.name for hook in settings.hooks] == ["x"]
    assert settings.hooks[0].folder == tmp_path


def test_a_secret_comes_from_the_environment_or_a_file(tmp_path: Path):
    (tmp_path / "secret").write_text("s3cret\n")
    (tmp_path / "empty").write_text("")
    from_env, from_file, none, empty, missing = read_hooks(
        [
            {"on_change": ["a"], "secret_env": "SECRET"},
            {"on_change": ["b"], "secret_file": "secret"},
            {"on_change": ["c"]},
            {"on_change": ["d"], "secret_file": "empty"},
            {"on_change": ["e"], "secret_file": "missing"},
        ],
        tmp_path / "segctl.toml",
    )
    assert secret_of(from_env, {"SECRET": "x"}) == "x"
    assert secret_of(from_file, {}) == "s3cret"
    assert secret_of(none, {}) is None
    for hook, words in ((from_env, "not set"), (empty, "is empty"), (missing, "cannot be read")):
        with pytest.raises(ConfigError, match=words):
            secret_of(hook, {})
