"""[serve] and [chatwoot] of the config file."""

import re

import pytest

from segctl.config import load
from segctl.config_serve import Chatwoot, Secret, Serve
from segctl.errors import ConfigError
from tests.conftest import ROOT


@pytest.fixture
def settings(tmp_path):
    def call(text: str):
        (tmp_path / "segctl.toml").write_text(text)
        return load({}, {}, tmp_path, tmp_path / "home")

    return call


def refusal(settings, text: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    return caught.value


def test_without_the_tables_the_defaults_hold(settings):
    found = settings("")
    assert found.serve == Serve() == settings("[serve]").serve
    assert found.chatwoot == Chatwoot() == settings("[chatwoot]").chatwoot
    assert (found.serve.host, found.serve.token.env) == ("127.0.0.1", "SEGCTL_SERVE_TOKEN")


def test_the_example_shows_the_defaults_and_is_accepted(settings):
    text = (ROOT / "config.example.toml").read_text()
    tables = text[text.index("# [serve]") :]
    lines = [
        re.sub("^# ", "", line)
        for line in tables.splitlines()
        if re.match(r'# ["\[]|# \w+ =', line)
    ]
    found = settings("\n".join(lines))
    assert found.serve == Serve()
    assert (found.chatwoot.url, found.chatwoot.account_id) == ("https://chat.example", 1)
    assert found.chatwoot.webhook_secret.given


def test_everything_that_can_be_set_is_read(settings, tmp_path):
    found = settings(
        '[serve]\nhost = "::1"\nport = 1\ntoken_file = "t"\ntimeout = 0.5\nmax_body = 2000\n'
        "max_page = 7\nworkers = 2\n"
        '[chatwoot]\nurl = "https://h/sub/"\naccount_id = 3\ntoken_env = "T"\n'
        'webhook_secret_file = "/s"\n'
        '[chatwoot.agents]\n"Anna@X.example" = 4\n[chatwoot.teams]\n"Sales" = 2\n'
    )
    assert found.serve == Serve("::1", 1, Secret(file=tmp_path / "t"), 0.5, 2000, 7, 2)
    chatwoot = found.chatwoot
    assert (chatwoot.url, chatwoot.account_id, chatwoot.token) == ("https://h/sub", 3, Secret("T"))
    assert (chatwoot.agents, chatwoot.teams) == ({"anna@x.example": 4}, {"sales": 2})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("serve = 5", "serve is a table"),
        ("[[serve]]", "serve is a table"),
        ("[serve]\nhots = 'x'", 'there is no setting "hots"'),
        ("[serve]\nhost = 5", "host must be text"),
        ("[serve]\nhost = ' '", "host must be text"),
        ("[serve]\nport = 70000", "port must be a number from 0 to 65,535"),
        ("[serve]\nport = true", "port must be a number"),
        ("[serve]\ntimeout = 0", "timeout must be a number"),
        ("[serve]\ntoken = 'x'", 'there is no setting "token"'),
        ("[serve]\ntoken_env = 'A'\ntoken_file = 'b'", "token_env or token_file, not both"),
        ("[chatwoot]\nurl = 'chat.example'", "url is not an address"),
        ("[chatwoot]\nurl = 'http://h:port'", "url is not an address"),
        ("[chatwoot]\nurl = 'https://h'\naccount_id = 1", "assigning back needs"),
        ("[chatwoot]\ntoken_env = 'T'", "assigning back needs"),
        ("[chatwoot]\naccount_id = 0", "account_id must be a number"),
        ("[chatwoot]\nagents = ['a']", "agents gives each name its number"),
        ("[chatwoot.teams]\nx = 'y'", "teams gives each name its number"),
        ("[chatwoot.teams]\nx = true", "teams gives each name its number"),
    ],
)
def test_what_is_off_is_named(settings, text: str, reason: str):
    assert reason in refusal(settings, text).message


def test_a_secret_is_read_from_its_place_only(tmp_path):
    (tmp_path / "s").write_text(" hidden \n")
    assert Secret(file=tmp_path / "s").read({}, "x") == "hidden"
    assert Secret("V").read({"V": "hidden"}, "x") == "hidden"
    assert not Secret().given


def test_a_secret_that_is_missing_names_its_place(tmp_path):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    for secret, reason in (
        (Secret("V"), "the variable V with the token is not set"),
        (Secret(file=tmp_path / "empty"), "with the token is empty"),
        (Secret(file=tmp_path / "none"), "cannot be read: No such file"),
        (Secret(file=tmp_path / "bytes"), "it is not UTF-8"),
    ):
        with pytest.raises(ConfigError, match=reason):
            secret.read({}, "the token")
