"""The switchover of Redis's members, with real ones and a real Sentinel, while somebody writes."""

import itertools
import threading
from collections.abc import Iterator, Mapping

import pytest
import redis

from data_tools import credentials
from data_tools.redis_server import Address
from data_tools.rollout.order import NotYet, Standing
from data_tools.rollout.sentinel import Sentinels
from tests.conformance.data_servers import HOST, RedisServer, redis_server, sentinel
from tests.waiting import until

NAMES = ("members-0", "members-1", "members-2")
PLENTY_S = 30.0


@pytest.fixture(scope="module")
def members() -> Iterator[Mapping[str, RedisServer]]:
    """A primary and two replicas."""
    with redis_server() as a, redis_server(replica_of=a) as b, redis_server(replica_of=a) as c:
        yield dict(zip(NAMES, (a, b, c), strict=True))


@pytest.fixture(scope="module")
def roles(members: Mapping[str, RedisServer]) -> Iterator[Sentinels]:
    """What the rollout knows of them, once Sentinel knows all."""
    admin = credentials.read(members[NAMES[0]].credentials)
    with sentinel(members[NAMES[0]]) as watching:
        found = Sentinels(
            address=lambda name: Address(host=HOST, port=members[name].port),
            credentials=admin,
            sentinels=[Address(host=HOST, port=1), Address(host=HOST, port=watching.port)],  # one is away
            sentinel_credentials=admin,
            master="main",
        )
        until(
            "Sentinel knows both replicas",
            lambda: len(watching.ask("SENTINEL", "REPLICAS", "main")) == len(NAMES) - 1,
            seconds=PLENTY_S,
        )
        yield found


def all_follow(roles: Sentinels) -> Standing:
    """Who is what, once all follow one primary."""

    def look() -> list[Standing]:
        try:
            return [roles.look(NAMES)]
        except NotYet:
            return []

    return until("all follow one primary", look, seconds=PLENTY_S)[0]


class Writer(threading.Thread):
    """Counts up at whatever member takes writes, and keeps what was acknowledged."""

    def __init__(self, members: Mapping[str, RedisServer]) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[int] = []
        self.enough = threading.Event()
        self._members = [member.client() for member in members.values()]

    def run(self) -> None:
        """Write until it is enough."""
        for number in itertools.count():
            if self.enough.is_set():
                break
            try:
                self._members[0].rpush("written", number)
            except redis.RedisError:
                # A replica, or one that has just become one: not acknowledged. Try the next.
                self._members.append(self._members.pop(0))
            else:
                self.acknowledged.append(number)
        for member in self._members:
            member.close()


def test_the_primary_moves_and_no_acknowledged_write_is_lost(
    members: Mapping[str, RedisServer], roles: Sentinels
) -> None:
    before = all_follow(roles)
    assert before.primary == NAMES[0]
    assert set(before.successors) == set(NAMES[1:])
    writer = Writer(members)
    writer.start()
    try:
        until("it writes", lambda: len(writer.acknowledged) > 100, seconds=PLENTY_S)
        roles.switch_over(before.primary, before.successors[0])
        after = all_follow(roles)
        seen = len(writer.acknowledged)
        until("it goes on writing", lambda: len(writer.acknowledged) > seen + 100, seconds=PLENTY_S)
    finally:
        writer.enough.set()
        writer.join(PLENTY_S)
    assert after.primary != before.primary
    kept = {int(number) for number in members[after.primary].ask("LRANGE", "written", 0, -1)}
    assert set(writer.acknowledged) - kept == set()


def test_a_replica_without_a_link_is_waited_for(members: Mapping[str, RedisServer], roles: Sentinels) -> None:
    before = all_follow(roles)
    cut_off = before.successors[-1]
    members[cut_off].ask("REPLICAOF", "127.0.0.1", 1)
    with pytest.raises(NotYet, match=f"{cut_off}: has no link to the primary"):
        roles.look(NAMES)
    members[cut_off].ask("REPLICAOF", "127.0.0.1", members[before.primary].port)
    assert all_follow(roles).primary == before.primary


def test_a_failover_that_sentinel_refuses_leaves_the_primary_writable(
    members: Mapping[str, RedisServer], roles: Sentinels
) -> None:
    before = all_follow(roles)
    watching = RedisServer(port=roles.sentinels[-1].port, credentials=members[NAMES[0]].credentials)
    for name in before.successors:
        members[name].ask("CONFIG", "SET", "replica-priority", 0)

    def nobody_may() -> bool:
        return all(entry["slave-priority"] == "0" for entry in watching.ask("SENTINEL", "REPLICAS", "main"))

    until("Sentinel knows that none may take over", nobody_may, seconds=PLENTY_S)
    with pytest.raises(NotYet, match="NOGOODSLAVE"):
        roles.switch_over(before.primary, before.successors[0])
    assert members[before.primary].ask("SET", "still", "here") is True
