"""The settings of the workspace."""

from collections.abc import Callable

import pytest
from sqlmodel import select

from segctl.catalog import ObjectType
from segctl.errors import InvalidValue, NotFound
from segctl.services import segments, workspace
from segctl.store.opening import Store
from segctl.store.tables import AuditEntry
from segctl.store.workspace import load_workspace
from tests.conftest import NOW, Result

Call = Callable[..., Result]


def put(store: Store, key: str, value: str) -> workspace.Changed:
    return workspace.set_value(store, key, value, now=NOW, actor="me")


def test_a_new_workspace_has_the_defaults(store: Store) -> None:
    settings = workspace.show(store)
    assert {s.key: s.value for s in settings} == {s.key: s.default for s in settings}
    assert settings[0].key == "timezone"
    assert settings[0].value == "UTC"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("timezone", "Europe/Warsaw", "Europe/Warsaw"),
        ("min_interval", "5", 5),
        ("max_change", "20%", "20%"),
        ("max_change", "500", "500"),
        ("heavy_seconds", "2.5", 2.5),
        ("heavy_share", "0.5", 0.5),
        ("trace_keep_days", "0", 0.0),
        ("trace_keep_rows", "1000", 1000),
        ("run_keep_days", "30", 30.0),
    ],
)
def test_a_setting_that_was_set_stays(store: Store, key: str, text: str, value: object) -> None:
    assert put(store, key, text).after == value
    with store.read() as session:
        assert getattr(load_workspace(session), key) == value


def test_a_guard_can_be_taken_away(store: Store) -> None:
    put(store, "max_change", "20%")
    assert put(store, "max_change", "none").after is None


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("timezone", "Europe/Warschau"),
        ("timezone", "/etc/localtime"),
        ("timezone", "../UTC"),
        ("timezone", ""),
        ("min_interval", "0"),
        ("min_interval", "1.5"),
        ("min_interval", "ten"),
        ("max_change", "lots"),
        ("max_change", "-5"),
        ("heavy_seconds", "0"),
        ("heavy_seconds", "nan"),
        ("heavy_seconds", "inf"),
        ("heavy_share", "1.5"),
        ("trace_keep_days", "-1"),
        ("trace_keep_rows", "99999999999999999999"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused(store: Store, key: str, text: str) -> None:
    with pytest.raises(InvalidValue):
        put(store, key, text)
    settings = workspace.show(store)
    assert all(s.value == s.default for s in settings)


def test_a_zone_that_is_misspelt_gets_the_nearest(store: Store) -> None:
    with pytest.raises(InvalidValue) as caught:
        put(store, "timezone", "Europe/Warzaw")
    assert caught.value.hint == 'did you mean "Europe/Warsaw"?'


def test_a_setting_that_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        put(store, "time_zone", "UTC")
    assert caught.value.hint == 'did you mean "timezone"?'


def test_a_change_is_audited_and_no_change_is_not(store: Store) -> None:
    put(store, "min_interval", "15")
    put(store, "min_interval", "15")
    with store.read() as session:
        entry = session.exec(select(AuditEntry)).one()
    assert (entry.subject_type, entry.subject, entry.before, entry.after) == (
        "workspace",
        "min_interval",
        30,
        15,
    )


def test_another_zone_makes_segments_with_time_forms_stale(store: Store) -> None:
    for name, where in (("Recent", "created_at in last 3 days"), ("All", "everything")):
        segments.create(store, type=ObjectType.CONTACT, name=name, where=where, now=NOW, actor="me")
    assert put(store, "timezone", "Asia/Tokyo").stale == 1


def test_the_command_line_shows_and_sets(store: Store, segctl: Call) -> None:
    said = segctl("workspace", "set", "timezone", "Europe/Warsaw", store=store).ok()
    assert said.stderr == "timezone is Europe/Warsaw now; it was UTC\n"
    rows = segctl("workspace", "show", "-o", "json", store=store).ok().json
    assert rows[0]["key"] == "timezone"
    assert rows[0]["value"] == "Europe/Warsaw"
    assert segctl("workspace", "set", "timezone", "Nowhere", store=store).code == 2
    assert segctl("workspace", "set", "nothing", "1", store=store).code == 5
