"""Three members, one of which is lost: what was acknowledged is there, and who is cut off acknowledges nothing."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from components.data.postgres import patroni
from tests.conformance.postgres.conftest import MEMBERS
from tests.conformance.postgres.members import Cluster, Machine, running
from tests.waiting import until

FAILOVER_S = 90
"""Far more than it takes, for machines that do much else."""


@pytest.fixture(scope="module")
def cluster(machine: Machine) -> Iterator[Cluster]:
    """Three members that confirm each other's writes."""
    with running(machine, replace(MEMBERS, synchronous=True), 3) as made:
        with made.superuser(made.primary()) as session:
            session.execute("CREATE TABLE written (n bigint PRIMARY KEY)")
        yield made


class Writer:
    """Writes a number after the other at whoever is the primary, and keeps those that were acknowledged."""

    def __init__(self, cluster: Cluster) -> None:
        self.acknowledged: list[int] = []
        self._cluster, self._stopped = cluster, threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def stop(self) -> None:
        """Write no more."""
        self._stopped.set()
        self._thread.join(timeout=60)

    def goes_on(self) -> None:
        """Wait until another write is acknowledged."""
        before = len(self.acknowledged)
        until("a write is acknowledged", lambda: len(self.acknowledged) > before + 1, seconds=FAILOVER_S)

    def _write(self) -> None:
        number = 0
        session: psycopg.Connection[Any] | None = None
        while not self._stopped.wait(0.02):
            number += 1
            try:
                if session is None:
                    session = self._cluster.superuser(self._cluster.primary() or next(iter(self._cluster.pods)))
                session.execute("INSERT INTO written VALUES (%s)", (number,))
                self.acknowledged.append(number)
            except psycopg.Error:
                session = None


@pytest.fixture
def writer(cluster: Cluster) -> Iterator[Writer]:
    """A writer; what it was promised is there in the end."""
    with cluster.superuser(cluster.ready()) as session:
        session.execute("TRUNCATE written")
    made = Writer(cluster)
    made.goes_on()
    try:
        yield made
    finally:
        made.stop()
    with cluster.superuser(cluster.ready()) as session:
        kept = {number for (number,) in session.execute("SELECT n FROM written").fetchall()}
    assert set(made.acknowledged) <= kept, "acknowledged, and lost"


def all_follow(cluster: Cluster) -> None:
    """Wait until the primary has two replicas, one of which confirms its writes."""

    def found() -> bool:
        _, answer = cluster.asked(cluster.primary() or next(iter(cluster.pods)), "/cluster")
        roles = sorted(member["role"] for member in answer["members"]) if answer else []
        states = [member["state"] for member in answer["members"]] if answer else []
        return roles == ["leader", "replica", "sync_standby"] and states.count("streaming") == 2

    until("two replicas follow", found, seconds=FAILOVER_S)


def label(cluster: Cluster, name: str) -> str | None:
    return cluster.store.get("pods", name)["metadata"]["labels"].get(patroni.ROLE_LABEL)


def test_a_write_waits_for_a_second_member(cluster: Cluster) -> None:
    all_follow(cluster)
    with cluster.superuser(cluster.primary()) as session:
        found = session.execute("SELECT current_setting('synchronous_standby_names')").fetchone()
        assert found is not None
        assert "postgres-members-" in found[0]


def test_nothing_is_lost_with_the_primary_which_comes_back_as_a_replica(cluster: Cluster, writer: Writer) -> None:
    all_follow(cluster)
    lost = cluster.primary()
    cluster.pod_of[lost].kill()
    until("another is the primary", lambda: cluster.primary() not in ("", lost), seconds=FAILOVER_S)
    writer.goes_on()
    cluster.start(lost)
    until("it is a replica", lambda: cluster.asked(lost, "/replica")[0] == 200, seconds=FAILOVER_S)
    until("its pod says so", lambda: label(cluster, lost) == patroni.REPLICA, seconds=FAILOVER_S)


def test_who_was_the_primary_acknowledges_nothing_while_its_patroni_is_stopped(cluster: Cluster) -> None:
    all_follow(cluster)
    stopped = cluster.primary()
    session = cluster.superuser(stopped)
    session.execute("SET client_connection_check_interval = 0")
    main = cluster.pod_of[stopped].main
    main.suspend()
    with ThreadPoolExecutor(1) as writing:
        try:
            until("another is the primary", lambda: cluster.primary() not in ("", stopped), seconds=FAILOVER_S)
            # Its PostgreSQL still runs as a primary, and its pod still says so.
            assert session.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)
            written = writing.submit(session.execute, "INSERT INTO written VALUES (-1)")
            with cluster.superuser(cluster.ready()) as elsewhere:
                started = time.monotonic()
                elsewhere.execute("INSERT INTO written VALUES (-2)")
                # As long as a write elsewhere takes, and some more.
                elsewhere.execute("SELECT pg_sleep(%s)", (2 + time.monotonic() - started,))
            assert not written.done()
        finally:
            main.resume()
        with pytest.raises(psycopg.Error):
            written.result(timeout=FAILOVER_S)
    all_follow(cluster)
    with cluster.superuser(cluster.primary()) as session:
        assert session.execute("SELECT n FROM written WHERE n = -1").fetchone() is None


def test_writes_wait_while_there_is_no_replica_left(cluster: Cluster) -> None:
    all_follow(cluster)
    primary = cluster.primary()
    others = [name for name in cluster.pods if name != primary]
    for name in others:
        cluster.pod_of[name].kill()
    session = cluster.superuser(primary)
    with ThreadPoolExecutor(1) as writing:
        written = writing.submit(session.execute, "INSERT INTO written VALUES (-3)")
        # Reads go on meanwhile.
        with cluster.superuser(primary) as reading:
            until(
                "the primary waits for whoever comes",
                lambda: reading.execute("SHOW synchronous_standby_names").fetchone() == ("*",),
                seconds=FAILOVER_S,
            )
        assert not written.done()
        cluster.start(others[0])
        written.result(timeout=FAILOVER_S)
    cluster.start(others[1])
    all_follow(cluster)
