"""PgBouncer before a member: each client as itself, sessions and transactions, rotation and renewal."""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from components.data.postgres import pgbackrest, pgbouncer
from components.data.postgres.pgbouncer import Pooler, pgbouncer_ini, userlist
from data_tools.postgres import lookup
from tests.conformance.postgres.members import FRONT, POOLER_PASSWORD, Cluster, Machine, accounts, login, scripts
from tests.conformance.postgres.pods import Pod
from tests.waiting import until

NAME = "postgres-members-0"
SESSIONS = Pooler(mode="session", host=FRONT, port=pgbackrest.PG_PORT, pool=2)


class Pooled:
    """A pooler that runs."""

    def __init__(self, machine: Machine, pooler: Pooler, name: str) -> None:
        self.host, self._machine = f"{name}.mcp-data.svc.cluster.local", machine
        self.pod = Pod(machine.network, name, pgbouncer.DIR)
        # All that listens there listens on every address: one pooler at a time.
        self.pod.config({"pgbouncer.ini": pgbouncer_ini(pooler), **scripts()})
        self.pod.secret(pgbouncer.USERS_FILE, userlist(POOLER_PASSWORD))
        machine.certificate(self.pod, [self.host])
        watch = ["sh", f"{pgbouncer.DIR}/reload-on-change.sh", f"{pgbackrest.TLS_DIR}/tls.crt", "HUP"]
        self.pod.start([*watch, "pgbouncer", pgbouncer.FILE], [], {"RELOAD_INTERVAL": "1"})
        until("PgBouncer listens", lambda: "listening on" in self.pod.log, seconds=10)

    def connect(self, host: str = "", **settings: str) -> psycopg.Connection[Any]:
        """A client's session."""
        return self._machine.connect(host or self.host, "127.0.0.1", pgbouncer.PORT, **settings)


@contextmanager
def pooled(machine: Machine, pooler: Pooler, name: str) -> Generator[Pooled]:
    made = Pooled(machine, pooler, name)
    try:
        yield made
    finally:
        made.pod.kill()


@pytest.fixture(scope="module", autouse=True)
def _clients(machine: Machine, single: Cluster) -> None:
    machine.network.name(FRONT, single.pods[NAME])
    accounts(single, NAME, {"orders": 1, "other": 1})


@pytest.fixture(scope="module")
def sessions(machine: Machine) -> Iterator[Pooled]:
    with pooled(machine, SESSIONS, "postgres") as made:
        yield made


def backend(session: psycopg.Connection[Any]) -> int:
    found = session.execute("SELECT pg_backend_pid()").fetchone()
    assert found is not None
    return found[0]


def test_it_asks_what_the_accounts_job_makes() -> None:
    assert pgbouncer.QUERY == lookup.QUERY


def test_a_client_comes_through_as_itself(sessions: Pooled) -> None:
    with sessions.connect(**login("orders")) as session:
        who = session.execute("SELECT session_user, current_user, current_database()").fetchone()
        assert who == ("orders-g1", "orders", "orders")


def test_a_wrong_password_another_database_and_plain_text_are_refused(sessions: Pooled) -> None:
    for wrong, expected in (
        ({"password": "guess"}, "SASL authentication failed"),
        ({"dbname": "other"}, "rejects connection"),
        ({"dbname": "postgres"}, "rejects connection"),
        ({"user": "nobody-g1"}, "no such user"),
        ({"user": "postgres", "dbname": "postgres", "password": "superuser-password"}, "no such user"),
        ({"sslmode": "disable"}, "SSL required"),
    ):
        with pytest.raises(psycopg.OperationalError) as refused:
            sessions.connect(**{**login("orders"), **wrong})
        assert expected in str(refused.value), wrong


def test_a_session_keeps_its_server_and_leaves_it_clean(sessions: Pooled) -> None:
    with sessions.connect(**login("orders")) as session:
        first = backend(session)
        session.execute("CREATE TEMP TABLE left_over (n int)")
        session.execute("SET work_mem = '123kB'")
        session.execute("SET ROLE NONE")
        session.execute("SELECT pg_advisory_lock(7)")
        session.execute("LISTEN left_over")
        assert backend(session) == first

    def again() -> bool:
        with sessions.connect(**login("orders")) as other:
            if backend(other) != first:
                return False
            # Above all the role: what it makes is to be its client's, not its login's.
            assert other.execute("SELECT current_user, current_setting('work_mem') <> '123kB'").fetchone() == (
                "orders",
                True,
            )
            assert other.execute("SELECT to_regclass('pg_temp.left_over')").fetchone() == (None,)
            assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)
            assert other.execute("SELECT count(*) FROM pg_listening_channels()").fetchone() == (0,)
            return True

    until("the same server connection again", again, seconds=20)


def test_a_client_gets_no_more_server_connections_than_its_pool(sessions: Pooled) -> None:
    with ExitStack() as open_ones:
        held = [open_ones.enter_context(sessions.connect(**login("orders"))) for _ in range(SESSIONS.pool)]
        assert len({backend(session) for session in held}) == SESSIONS.pool
        waiting = open_ones.enter_context(sessions.connect(**login("orders")))
        asked = open_ones.enter_context(ThreadPoolExecutor(1)).submit(backend, waiting)
        # Its own pool is full; another's is not.
        other = open_ones.enter_context(sessions.connect(**login("other")))
        assert other.execute("SELECT current_user").fetchone() == ("other",)
        assert not asked.done()
        given_back = backend(held[0])
        held[0].close()
        assert asked.result(timeout=20) == given_back


def test_both_generations_work_while_a_password_is_rotated(single: Cluster, sessions: Pooled) -> None:
    with sessions.connect(**login("orders")) as old:
        old.execute("CREATE TABLE made_before (n int)")
        accounts(single, NAME, {"orders": 2, "other": 1})
        with sessions.connect(**login("orders", 2)) as new:
            new.execute("DROP TABLE made_before")
        assert old.execute("SELECT session_user").fetchone() == ("orders-g1",)
    with sessions.connect(**login("orders")) as old:
        assert old.execute("SELECT current_user").fetchone() == ("orders",)


def test_a_renewed_certificate_is_served_to_who_comes_next(machine: Machine, sessions: Pooled) -> None:
    with sessions.connect(**login("other")) as session:
        before = backend(session)
        machine.certificate(sessions.pod, ["renewed"])

        def renewed() -> bool:
            try:
                sessions.connect(**login("other"), host="renewed").close()
            except psycopg.OperationalError:
                return False
            return True

        until("the new certificate is served", renewed, seconds=30)
        assert backend(session) == before
    machine.certificate(sessions.pod, [sessions.host])
    until("the old name again", lambda: _connects(sessions), seconds=30)


def _connects(sessions: Pooled) -> bool:
    try:
        sessions.connect(**login("other")).close()
    except psycopg.OperationalError:
        return False
    return True


def test_clients_wait_while_the_server_is_away(single: Cluster, sessions: Pooled) -> None:
    with single.superuser(NAME) as admin:
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename LIKE '%-g1'")
    with sessions.connect(**login("other")) as session:
        assert session.execute("SELECT 1").fetchone() == (1,)


def test_transactions_share_a_server(machine: Machine, sessions: Pooled) -> None:
    sessions.pod.kill()
    pooler = replace(SESSIONS, mode="transaction", pool=1)
    with pooled(machine, pooler, "postgres-transactions") as made, ExitStack() as open_ones:
        clients = [open_ones.enter_context(made.connect(**login("other"))) for _ in range(3)]
        assert len({backend(client) for client in clients}) == 1
        assert {client.execute("SELECT current_user").fetchone() for client in clients} == {("other",)}
