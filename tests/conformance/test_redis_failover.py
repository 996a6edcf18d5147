"""Redis goes on without its primary: whatever became of it, and with whoever was connected to it."""

import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from components.data.redis.config import LAG_S, SET, Account
from tests.conformance.loopback.redis_set import FAILOVER_S, SENTINELS, RedisSet
from tests.conformance.loopback.redis_set import redis as redis
from tests.conformance.loopback.redis_set import started as started
from tests.conformance.loopback.resp import RefusedError
from tests.waiting import until

LEFT_S = 10
"""Seconds within which the front leaves a primary that does not answer, even on a busy machine."""


def test_a_killed_primary_is_replaced_and_comes_back_as_a_replica(redis: RedisSet) -> None:
    old = redis.primary()
    redis.members[old].kill()
    print(f"killed: writes accepted after {redis.until_written('a write', seconds=FAILOVER_S):.1f} s")
    redis.members[old].start()
    until("it replicates the new one", lambda: redis.follows(old) == redis.primary() != old, seconds=30)


def test_a_primary_that_hangs_is_replaced_and_acknowledges_nothing_afterwards(redis: RedisSet) -> None:
    old = redis.primary()
    with redis.client() as before:
        assert before.call("SET", "orders:before", "kept") == "OK"
        redis.members[old].send(signal.SIGSTOP)
        began = time.monotonic()
        before.send("SET", "orders:hanging", "lost")
        before.wait(LEFT_S)
        with pytest.raises(ConnectionError):
            before.receive()
        left = time.monotonic() - began
        redis.until_written("a write", "new", seconds=FAILOVER_S - left)
        print(f"stopped: left after {left:.1f} s, writes accepted after {time.monotonic() - began:.1f} s")
        redis.members[old].send(signal.SIGCONT)
        with pytest.raises(OSError, match=r"ended|pipe|EOF"):
            before.call("SET", "orders:late", "lost")
    until("it replicates the new one", lambda: redis.follows(old) == redis.primary() != old, seconds=60)
    with redis.client() as client:
        assert client.call("MGET", "orders:before", "orders:hanging", "orders:late") == ["kept", None, None]


def test_the_front_does_not_go_back_to_a_primary_that_has_not_heard_of_its_end(redis: RedisSet) -> None:
    old = redis.primary()
    redis.members[old].send(signal.SIGSTOP)
    redis.until_written("a write to the new one", "0", seconds=FAILOVER_S)
    redis.members[old].send(signal.SIGCONT)
    count = 0
    # Sentinels wait 8 s before they demote it.
    while redis.role(old) == "master":
        with redis.client() as client:
            count += 1
            assert client.call("SET", "orders:count", str(count)) == "OK"
            assert client.call("GET", "orders:last") == "0"
    assert count > 10


def test_a_primary_that_is_cut_off_is_replaced(redis: RedisSet) -> None:
    old = redis.primary()
    with cut_off(redis.addresses[old]):
        print(f"cut off: writes accepted after {redis.until_written('a write', seconds=FAILOVER_S):.1f} s")
    until("it replicates the new one", lambda: redis.follows(old) == redis.primary() != old, seconds=60)


def test_a_primary_whose_replicas_are_silent_takes_no_writes(redis: RedisSet) -> None:
    primary = redis.primary()
    silent = [pod for host, pod in redis.members.items() if host != primary]
    with redis.client(primary) as client:

        def refused() -> bool:
            try:
                client.call("SET", "orders:alone", "x")
            except RefusedError as error:
                return "NOREPLICAS" in str(error)
            return False

        try:
            for pod in silent:
                pod.send(signal.SIGSTOP)
            until("writes are refused", refused, seconds=LAG_S + 5)
        finally:
            for pod in silent:
                pod.kill()


def test_a_role_can_be_handed_over(redis: RedisSet) -> None:
    old = redis.primary()

    def started() -> bool:
        with redis.as_account(Account.ADMIN, SENTINELS[0]) as sentinel:
            try:
                return sentinel.call("SENTINEL", "FAILOVER", SET) == "OK"
            except RefusedError as error:
                # A replica that was just started is no choice until the sentinel has asked it.
                if "NOGOODSLAVE" in str(error):
                    return False
                raise

    until("the sentinel hands it over", started, seconds=15)
    until("another one is primary", lambda: redis.primary() not in ("", old), seconds=FAILOVER_S)
    redis.until_written("a write", seconds=FAILOVER_S)


@contextmanager
def cut_off(address: str) -> Generator[None]:
    """Nothing reaches that address, as when a link is down."""
    rule = ["INPUT", "--destination", address, "--jump", "DROP"]
    subprocess.run(["iptables", "--wait", "--insert", *rule], check=True)
    try:
        yield
    finally:
        subprocess.run(["iptables", "--wait", "--delete", *rule], check=True)
