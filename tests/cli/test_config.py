"""Where settings come from, and what is said when they are off."""

from pathlib import Path
import re
import tomllib

import pytest

from segctl.config import KEYS, KNOWN_NAMES, load, redacted
from segctl.errors import ConfigError
from tests.conftest import ROOT


@pytest.fixture
def settings(tmp_path):
    """Load in a folder with this file and this environment."""

    def call(text=None, environ=None, flags=None, folder=tmp_path):
        if text is not None:
            (tmp_path / "segctl.toml").write_text(text)
        return load(flags or {}, environ or {}, folder, tmp_path / "home")

    return call


def refusal(settings, text, environ=None):
    with pytest.raises(ConfigError) as caught:
        settings(text, environ)
    return caught.value


# ---------------------------------------------------------------- which source holds


def test_a_flag_beats_the_environment_beats_the_file_beats_the_default(settings):
    file, environ, flags = 'actor = "file"', {"SEGCTL_ACTOR": "environment"}, {"actor": "flag"}
    assert settings(file, environ, flags).text("actor") == "flag"
    assert settings(file, environ).text("actor") == "environment"
    assert settings(file).text("actor") == "file"
    assert settings("").text("actor") is None


def test_each_value_knows_its_source(settings, tmp_path):
    found = settings('actor = "a"', {"SEGCTL_OUTPUT": "json"}, {"store": "s.sqlite"}).values
    assert found["store"].source == "flag --store"
    assert found["output"].source == "environment SEGCTL_OUTPUT"
    assert found["actor"].source == str(tmp_path / "segctl.toml")
    assert found["busy_timeout"].source == "default"


def test_the_nearest_file_upward_holds(settings, tmp_path):
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    assert settings('actor = "top"', folder=deep).text("actor") == "top"
    (tmp_path / "a" / "segctl.toml").write_text('actor = "nearer"')
    assert settings(folder=deep).text("actor") == "nearer"


def test_without_a_file_upward_the_users_own_holds(settings, tmp_path):
    own = tmp_path / "home" / ".config" / "segctl" / "segctl.toml"
    own.parent.mkdir(parents=True)
    own.write_text('actor = "home"')
    assert settings().text("actor") == "home"


def test_the_users_config_folder_can_be_elsewhere(settings, tmp_path):
    own = tmp_path / "xdg" / "segctl" / "segctl.toml"
    own.parent.mkdir(parents=True)
    own.write_text('actor = "xdg"')
    assert settings(environ={"XDG_CONFIG_HOME": str(tmp_path / "xdg")}).text("actor") == "xdg"


def test_an_empty_variable_counts_as_not_set(settings):
    assert settings('actor = "file"', {"SEGCTL_ACTOR": ""}).text("actor") == "file"


def test_no_color_of_the_environment_is_heeded(settings):
    assert settings("", {"NO_COLOR": "1"}).switch("no_color")
    assert not settings("", {"NO_COLOR": ""}).switch("no_color")


def test_a_named_config_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(ConfigError, match="there is no config file"):
        load({}, {}, tmp_path, tmp_path, tmp_path / "none.toml")


# ---------------------------------------------------------------- stores and secrets


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("segctl.sqlite", "{}/segctl.sqlite"),
        ("sqlite:///data/x.sqlite", "sqlite:///{}/data/x.sqlite"),
        ("sqlite:////srv/x.sqlite", "sqlite:////srv/x.sqlite"),
        ("/srv/x.sqlite", "/srv/x.sqlite"),
        ("postgresql://h/db", "postgresql://h/db"),
        ("sqlite://", "sqlite://"),
    ],
)
def test_a_relative_store_starts_at_the_config_file(settings, tmp_path, written, meant):
    deep = tmp_path / "deep"
    deep.mkdir()
    found = settings(f'store = "{written}"', folder=deep)
    assert found.text("store") == meant.format(tmp_path)


def test_the_store_can_be_in_a_variable(settings):
    assert settings('store_env = "URL"', {"URL": "postgresql://h/d"}).text("store") == (
        "postgresql://h/d"
    )


def test_a_variable_that_is_not_set_is_refused(settings):
    assert (
        "names the variable URL, which is not set" in refusal(settings, 'store_env = "URL"').message
    )


def test_the_store_can_be_in_a_file(settings, tmp_path):
    (tmp_path / "secret").write_text("postgresql://u:p@h/d\n")
    assert settings('store_file = "secret"').text("store") == "postgresql://u:p@h/d"
    path = str(tmp_path / "secret")
    assert settings("", {"SEGCTL_STORE_FILE": path}).text("store") == "postgresql://u:p@h/d"


def test_a_secret_file_that_is_missing_is_refused(settings):
    assert "cannot be read: No such file" in refusal(settings, 'store_file = "none"').message


def test_two_ways_to_give_the_store_are_refused(settings):
    error = refusal(settings, 'store = "a"\nstore_file = "b"')
    assert "gives store and store_file: only one of them can hold" in error.message


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:pa%40ss@h:5432/d", "postgresql://u:***@h:5432/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        (
            "postgresql://u:p:q@h/d?password=x&sslmode=on",
            "postgresql://u:***@h/d?password=***&sslmode=on",
        ),
        ("postgresql:///d?host=/tmp", "postgresql:///d?host=/tmp"),
        ("postgresql://u:p#q@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p/q@h/d", "postgresql://u:***@h/d"),
        ("postgresql://u:p@q@[::1]/d", "postgresql://u:***@[::1]/d"),
        ("sqlite:///a.sqlite", "sqlite:///a.sqlite"),
        ("a.sqlite", "a.sqlite"),
    ],
)
def test_an_address_is_shown_without_its_password(address, shown):
    assert redacted(address) == shown


# ---------------------------------------------------------------- what is refused


def test_an_unknown_key_is_refused_with_its_line_and_the_nearest_name(settings):
    error = refusal(settings, 'output = "csv"\n\n\nstor = "x"\n')
    assert 'line 4: there is no setting "stor"' in error.message
    assert error.hint == 'did you mean "store"?'


def test_broken_toml_is_refused_with_its_line(settings):
    error = refusal(settings, 'actor = "a"\noutput = \n')
    assert "segctl.toml is not valid TOML" in error.message
    assert "line 2" in error.message


def test_a_file_that_is_not_utf8_is_refused(settings, tmp_path):
    (tmp_path / "segctl.toml").write_bytes(b'actor = "\xff"')
    with pytest.raises(ConfigError, match="it is not UTF-8"):
        settings()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("actor = 5", "must be text"),
        ('actor = " "', "must be text"),
        ('busy_timeout = "soon"', "must be a number of seconds"),
        ("busy_timeout = -1", "must be a number of seconds"),
        ("busy_timeout = nan", "must be a number of seconds"),
        ("busy_timeout = true", "must be a number of seconds"),
        ('no_color = "maybe"', "must be true or false"),
        ('timezone = "Warsaw"', 'there is no time zone "Warsaw"'),
        ('timezone = "../etc"', 'there is no time zone "../etc"'),
        ('output = "tabel"', 'there is no output format "tabel"'),
        ("output = 5", 'there is no output format "5"'),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(settings, line, reason):
    assert reason in refusal(settings, line).message


def test_a_wrong_variable_is_named(settings):
    error = refusal(settings, "", {"SEGCTL_BUSY_TIMEOUT": "x"})
    assert error.message.startswith("the variable SEGCTL_BUSY_TIMEOUT must be")


# ---------------------------------------------------------------- the example and the command


def test_the_example_file_documents_every_key():
    text = (ROOT / "config.example.toml").read_text()
    top = re.split(r"^# \[", text, maxsplit=1, flags=re.MULTILINE)[0]
    commented = {
        line.removeprefix("# ").split(" = ")[0] for line in top.splitlines() if " = " in line
    }
    tables = set(re.findall(r"^# \[+(\w+)", text, flags=re.MULTILINE))
    assert commented | tables == set(KNOWN_NAMES)
    for key in KEYS:
        assert key.variable in text


def test_the_example_file_is_accepted(tmp_path):
    path = ROOT / "config.example.toml"
    found = load({}, {}, tmp_path, tmp_path, path)
    assert set(tomllib.loads(path.read_text())) == {
        name for name, setting in found.values.items() if setting.source == str(path)
    }


def test_the_example_file_shows_the_defaults_where_there_are_some(tmp_path):
    found = load({}, {}, tmp_path, tmp_path, ROOT / "config.example.toml")
    for key in KEYS:
        if key.default is not None:
            assert found.values[key.name].value == key.default


def test_config_show_gives_value_and_source(segctl, clean_environment):
    (clean_environment / "segctl.toml").write_text('actor = "ann"\n')
    result = segctl("config", "show", "-o", "json", env={"SEGCTL_OUTPUT": "ids"}).ok()
    found = {row["key"]: row for row in result.json}
    assert found["actor"] == {
        "key": "actor",
        "value": "ann",
        "source": str(clean_environment / "segctl.toml"),
    }
    assert found["output"]["source"] == "environment SEGCTL_OUTPUT"
    assert set(found) == {key.name for key in KEYS}


def test_config_show_never_shows_a_password(segctl):
    for format in ("table", "json", "csv", "ndjson"):
        result = segctl("config", "show", "-o", format, store="postgresql://u:hunter2@h/d").ok()
        assert "postgresql://u:***@h/d" in result.stdout
        assert "hunter2" not in result.stdout + result.stderr


def test_the_output_setting_replaces_the_table(segctl):
    assert segctl("config", "show", env={"SEGCTL_OUTPUT": "ids"}).ok().lines == [
        key.name for key in KEYS
    ]
    table = segctl("config", "show", "-o", "table", env={"SEGCTL_OUTPUT": "ids"}).ok()
    assert table.lines[0].split() == ["Setting", "Value", "Source"]


def test_config_show_says_who_acts_where_nobody_said(segctl):
    rows = {row["key"]: row for row in segctl("config", "show", "-o", "json").ok().json}
    assert "@" in rows["actor"]["value"]
    assert rows["actor"]["source"] == "default"
    assert segctl("--actor", "ann", "config", "show", "-o", "json").ok().json[1]["value"] == "ann"


def test_the_config_option_names_the_file(segctl, tmp_path: Path):
    path = tmp_path / "other.toml"
    path.write_text('actor = "other"')
    assert '"other"' in segctl("--config", path, "config", "show", "-o", "json").ok().stdout
    assert '"other"' in segctl("config", "show", "-o", "json", "--config", path).ok().stdout
