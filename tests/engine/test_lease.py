"""Who may write the members of a segment."""

from dataclasses import replace
import os
import subprocess
import sys

import pytest

from segctl.engine import lease
from segctl.engine.holders import running
from segctl.engine.lease import LeaseLost
from segctl.engine.owner import Owner, parse_owner, this_host, this_process
from segctl.store.glance import glance_of
from segctl.store.opening import Store
from tests.engine.workspace import leases, segment, sql, until

ELSEWHERE = Owner("another-host", 1, 1)


def take(store: Store, token: str, *ids: int, owner: Owner = ELSEWHERE, seconds: float = 60):
    with store.write() as session:
        return lease.acquire(session, ids, token=token, owner=owner, seconds=seconds)


def two(store: Store) -> tuple[int, int]:
    return segment(store, "A", "size > 1").id, segment(store, "B", "size > 2").id


def test_free_leases_are_taken_together(store: Store):
    a, b = two(store)
    assert take(store, "me", a, b) == {a, b}
    assert leases(store) == [a, b]


def test_a_held_lease_is_not_taken_and_the_others_are(store: Store):
    a, b = two(store)
    take(store, "other", a)
    assert take(store, "me", a, b) == {b}


def test_a_lease_of_ones_own_is_taken_again(store: Store):
    a, _ = two(store)
    take(store, "me", a)
    assert take(store, "me", a) == {a}


def test_a_lease_that_ran_out_is_taken_over(store: Store):
    a, _ = two(store)
    take(store, "other", a, seconds=-1)
    assert take(store, "me", a) == {a}


def test_the_holder_that_lost_its_lease_cannot_hand_it_in(store: Store):
    a, _ = two(store)
    take(store, "other", a, seconds=-1)
    take(store, "me", a)
    with pytest.raises(LeaseLost), store.write() as session:
        lease.hand_in(session, a, "other")
    assert leases(store) == [a]


def test_a_lease_that_ran_out_is_good_until_somebody_takes_it(store: Store):
    a, _ = two(store)
    take(store, "me", a, seconds=-1)
    with store.write() as session:
        lease.hand_in(session, a, "me")
    assert leases(store) == []


def test_a_dead_process_of_this_host_holds_nothing(store: Store):
    a, _ = two(store)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    take(store, "other", a, owner=Owner(this_host(), ended.pid, 1))
    assert take(store, "me", a) == {a}


def test_another_process_with_the_pid_of_a_dead_one_holds_nothing(store: Store):
    a, _ = two(store)
    before = replace(this_process(), start=1)
    take(store, "other", a, owner=before)
    assert take(store, "me", a) == {a}


def test_a_process_of_another_host_is_believed_until_its_lease_runs_out(store: Store):
    a, _ = two(store)
    take(store, "other", a, owner=Owner("another-host", 2**22 + 1, 1))
    assert take(store, "me", a) == set()


def test_a_renewed_lease_lasts_longer(store: Store):
    a, b = two(store)
    take(store, "me", a, b, seconds=-1)
    with store.write() as session:
        assert lease.renew(session, "me", 60) == 2
    assert take(store, "other", a, b) == set()


def test_leases_are_renewed_while_the_work_goes_on(store: Store):
    a, _ = two(store)
    take(store, "me", a, seconds=0.6)
    before = expiry(store)
    with lease.renewing(store, "me", 0.6):
        until(lambda: expiry(store) > before)
        assert take(store, "other", a) == set()


def expiry(store: Store):
    return sql(store, "SELECT expires_at FROM lease")[0][0]


def test_giving_up_frees_only_ones_own(store: Store):
    a, b = two(store)
    take(store, "me", a)
    take(store, "other", b)
    with store.write() as session:
        lease.give_up(session, "me")
    assert leases(store) == [b]


def test_a_segment_that_is_gone_has_no_lease(store: Store):
    a, _ = two(store)
    assert take(store, "me", a, 999) == {a}


def test_running_leaves_out_what_ran_out_and_the_dead(store: Store):
    a, b = two(store)
    take(store, "old", a, seconds=-1)
    take(store, "me", b, owner=this_process())
    with store.read() as session:
        assert set(running(glance_of(session))) == {b}


def test_an_owner_is_read_back_from_its_text():
    assert parse_owner(str(this_process())) == this_process()
    assert parse_owner("nobody") is None


def test_this_process_is_alive():
    assert not this_process().is_dead
    assert this_process().pid == os.getpid()


def test_a_zombie_is_dead():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = replace(this_process(), pid=child.pid, start=0)
    assert not owner.is_dead
    assert child.stdin is not None
    child.stdin.close()
    until(lambda: owner.is_dead)
    child.wait()
