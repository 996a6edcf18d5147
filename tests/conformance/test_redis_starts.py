"""What members and sentinels do when they start: nobody becomes a second primary, and nothing learnt is forgotten."""

import shutil

import pytest

from components.data.redis import config
from components.data.redis.config import SET, Account
from tests.conformance.loopback.redis_set import FAILOVER_S, SENTINELS, RedisSet
from tests.conformance.loopback.redis_set import redis as redis
from tests.conformance.loopback.redis_set import started as started
from tests.conformance.loopback.resp import RefusedError
from tests.waiting import until

BACK_S = 60


def test_a_sentinel_keeps_what_it_knew_and_takes_new_settings(redis: RedisSet) -> None:
    old = redis.primary()
    redis.members[old].kill()
    until("another one is primary", lambda: redis.primary() not in ("", old), seconds=FAILOVER_S)
    host, pod = SENTINELS[0], redis.sentinels[SENTINELS[0]]
    before, id_before = redis.watched(host), myid(redis, host)
    pod.kill()
    conf = pod.folder / "config" / "sentinel.conf"
    conf.write_text(conf.read_text().replace("parallel-syncs redis 1", "parallel-syncs redis 2"))
    # What it knows must be its own: nobody is there to tell it, and no name leads anywhere.
    others = [redis.sentinels[other] for other in SENTINELS[1:]]
    for other in [*others, *redis.members.values()]:
        other.kill()
    redis.known.clear()
    try:
        pod.start()
        after = until("it is back", lambda: redis.watched(host), seconds=15)
    finally:
        redis.known.update(redis.addresses)
    same = ("ip", "config-epoch", "num-slaves", "num-other-sentinels", "quorum")
    assert {key: after[key] for key in same} == {key: before[key] for key in same}
    assert before["config-epoch"] != "0"
    assert myid(redis, host) == id_before
    assert (before["parallel-syncs"], after["parallel-syncs"]) == ("1", "2")


def test_sentinels_notice_one_after_the_other(redis: RedisSet) -> None:
    # Quorum is 2: with the second one it is 5 s.
    assert [redis.watched(host)["down-after-milliseconds"] for host in SENTINELS] == ["4000", "5000", "6000"]


def test_a_replica_stays_one_while_no_sentinel_answers(redis: RedisSet) -> None:
    primary = redis.primary()
    replica = redis.other(primary)
    redis.members[replica].kill()
    for pod in redis.sentinels.values():
        pod.kill()
    redis.members[replica].start()
    until("it is back", lambda: redis.follows(replica) == primary, seconds=BACK_S)


def test_a_replica_that_is_all_alone_stays_one_and_takes_no_writes(redis: RedisSet) -> None:
    replica = redis.other(redis.primary())
    for pod in [*redis.sentinels.values(), *redis.members.values()]:
        pod.kill()
    redis.members[replica].start()
    assert until("it is back", lambda: redis.role(replica), seconds=BACK_S) == "slave"
    with redis.client(replica) as client, pytest.raises(RefusedError, match="READONLY"):
        client.call("SET", "orders:1", "x")


def test_a_former_primary_asks_the_others_when_no_sentinel_answers(redis: RedisSet) -> None:
    old = redis.primary()
    redis.members[old].kill()
    redis.until_written("a write to the new one", seconds=FAILOVER_S)
    new = redis.primary()
    for pod in redis.sentinels.values():
        pod.kill()
    redis.members[old].start()
    until("it replicates the new one", lambda: redis.follows(old) == new, seconds=BACK_S)
    assert redis.role(new) == "master"


def test_a_primary_that_lost_its_volume_does_not_empty_the_others(redis: RedisSet) -> None:
    primary = redis.primary()
    with redis.client() as client:
        assert client.call("SET", "orders:precious", "x") == "OK"
    lost = redis.members[primary]
    lost.kill()
    shutil.rmtree(lost.folder / "data")
    (lost.folder / "data").mkdir()

    def back() -> bool:
        if lost.ended():
            lost.start()  # as the kubelet does
        return redis.follows(primary) == redis.primary() != primary

    until("it comes back as a replica", back, seconds=BACK_S)
    with redis.client() as client:
        assert client.call("GET", "orders:precious") == "x"


def test_a_durable_primary_that_is_back_at_once_goes_on(redis: RedisSet) -> None:
    primary = redis.primary()
    restarted(redis, primary, stand_back=config.stand_back(cache=False))
    assert until("it is back", lambda: redis.role(primary), seconds=BACK_S) == "master"
    redis.until_written("a write")
    assert redis.primary() == primary


def test_a_cache_that_is_back_at_once_lets_another_take_over(redis: RedisSet) -> None:
    primary = redis.primary()
    restarted(redis, primary, stand_back=config.stand_back(cache=True))
    redis.until_written("a write", seconds=FAILOVER_S)
    until("it replicates the new one", lambda: redis.follows(primary) == redis.primary() != primary, seconds=BACK_S)


def test_all_of_them_come_back_at_once_with_their_data(redis: RedisSet) -> None:
    with redis.client() as client:
        assert client.call("SET", "orders:precious", "y") == "OK"
    for pod in redis.pods:
        pod.kill()
    redis.start()
    with redis.client() as client:
        assert client.call("GET", "orders:precious") == "y"


def test_a_member_that_is_started_elsewhere_is_found_by_its_name(redis: RedisSet) -> None:
    primary = redis.primary()
    moved = redis.other(primary)
    redis.members[moved].kill()
    del redis.known[moved]
    until("the sentinels miss it", lambda: "s_down" in replica(redis, moved).get("flags", ""), seconds=30)
    redis.move(moved)
    redis.members[moved].start()
    until("it is back", lambda: redis.follows(moved) == primary and redis.settled(), seconds=BACK_S)
    # So that it is the only one to choose from.
    redis.members[redis.other(primary, moved)].kill()
    redis.members[primary].kill()
    until("it is the primary", lambda: redis.role(moved) == "master", seconds=BACK_S)
    redis.members[primary].start()
    redis.until_written("a write to it", "moved", seconds=BACK_S)
    assert redis.primary() == moved


def restarted(redis: RedisSet, host: str, *, stand_back: dict[str, str]) -> None:
    """Kill a member's process, and start it again at once, as the kubelet does."""
    redis.members[host].kill()
    redis.members[host].env |= stand_back
    redis.members[host].start()


def myid(redis: RedisSet, sentinel: str) -> str:
    with redis.as_account(Account.ADMIN, sentinel) as client:
        return client.call("SENTINEL", "MYID")


def replica(redis: RedisSet, host: str) -> dict[str, str]:
    """What a sentinel says of a replica."""
    with redis.as_account(Account.ADMIN, SENTINELS[0]) as client:
        rows: list[list[str]] = client.call("SENTINEL", "REPLICAS", SET)
    said = [dict(zip(row[::2], row[1::2], strict=True)) for row in rows]
    return next((row for row in said if row["name"].startswith(f"{host}:")), dict[str, str]())
