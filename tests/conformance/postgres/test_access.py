"""Who gets into a member, and how it runs: Patroni and PostgreSQL on the generated configuration."""

import subprocess
import urllib.request

import psycopg
import pytest

from components.data.postgres import access, patroni, pgbackrest
from tests.conformance.postgres.conftest import MEMBERS
from tests.conformance.postgres.members import HOST, PASSWORDS, Cluster, Machine, accounts, login
from tests.waiting import until

NAME = "postgres-members-0"


@pytest.fixture(scope="module", autouse=True)
def _clients(single: Cluster) -> None:
    accounts(single, NAME, {"orders": 1, "other": 1})


def refused(single: Cluster, **settings: str) -> str:
    with pytest.raises(psycopg.OperationalError) as raised:
        single.connect(NAME, **settings)
    return str(raised.value)


def test_patroni_finds_no_fault_with_it(machine: Machine, single: Cluster) -> None:
    member = single.pod_of[NAME]
    checked = member.run(
        [
            *("sh", f"{patroni.DIR}/start.sh", patroni.SECRETS, HOST, str(machine.programs / "patroni")),
            *("--validate-config", "--ignore-listen-port", patroni.FILE),
        ]
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


def test_a_client_is_its_owner_in_its_own_database_and_over_tls(single: Cluster) -> None:
    with single.connect(NAME, **login("orders")) as session:
        who = session.execute("SELECT session_user, current_user, current_database()").fetchone()
        assert who == ("orders-g1", "orders", "orders")
        assert session.pgconn.ssl_in_use


def test_a_client_gets_into_no_other_database(single: Cluster) -> None:
    for dbname in ("other", "postgres", "template1"):
        assert "pg_hba.conf rejects connection" in refused(single, **{**login("orders"), "dbname": dbname})


OWN = {name: {"user": name, "password": PASSWORDS["superuser"]} for name in (access.SUPERUSER, access.EXPORTER)}
OWN[access.REPLICATION] = {"user": access.REPLICATION, "password": PASSWORDS["replication"]}


def test_nobody_gets_in_without_encryption_or_without_the_password(single: Cluster) -> None:
    whole = {"replication": "true"}
    for who in (login("orders"), OWN[access.SUPERUSER], {**OWN[access.REPLICATION], **whole}):
        assert "no encryption" in refused(single, **who, sslmode="disable")
        assert "password authentication failed" in refused(single, **{**who, "password": "guess"})


def test_each_of_its_own_roles_stays_where_its_work_is(single: Cluster) -> None:
    for role in (access.REPLICATION, access.EXPORTER):
        assert "rejects connection" in refused(single, **OWN[role], dbname="postgres")
    with single.connect(NAME, **OWN[access.REPLICATION], replication="true") as session:
        assert session.execute("IDENTIFY_SYSTEM").fetchone() is not None


def test_within_the_pod_its_user_is_the_superuser_and_the_exporter_and_nobody_else(single: Cluster) -> None:
    for user, answer in ((access.SUPERUSER, "on\n"), (access.EXPORTER, "off\n")):
        asked = single.pod_of[NAME].run(psql(user, "SHOW is_superuser"))
        assert (asked.returncode, asked.stdout) == (0, answer), asked.stderr
    stranger = single.pod_of[NAME].run(psql("orders-g1", "SELECT 1", "orders"))
    assert "rejects connection" in stranger.stderr


def test_the_exporter_reads_statistics_through_the_socket(machine: Machine, single: Cluster) -> None:
    source = f"host={pgbackrest.SOCKETS} user={access.EXPORTER} dbname=postgres"
    listen = f"{single.pods[NAME]}:9187"
    exporter = ["prometheus-postgres-exporter", f"--web.listen-address={listen}"]
    single.pod_of[NAME].start_beside(["env", f"DATA_SOURCE_NAME={source}", *exporter])

    def metrics() -> str:
        try:
            with urllib.request.urlopen(f"http://{listen}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            return ""

    said = until("the exporter answers", lambda: machine.network.do(metrics), seconds=30)
    assert "\npg_up 1\n" in said
    assert "pg_stat_database_xact_commit{datid=" in said


def psql(user: str, statement: str, dbname: str = "postgres") -> list[str]:
    return ["psql", "-XAt", "-h", pgbackrest.SOCKETS, "-U", user, "-d", dbname, "-c", statement]


def test_nothing_is_trusted_and_every_line_is_understood(single: Cluster) -> None:
    with single.superuser(NAME) as session:
        lines = session.execute("SELECT auth_method, error FROM pg_hba_file_rules").fetchall()
        assert len(lines) == len(access.PG_HBA)
        assert {method for method, _ in lines} == {"peer", "scram-sha-256", "reject"}
        assert {error for _, error in lines} == {None}
        assert session.execute("SELECT error FROM pg_ident_file_mappings").fetchall() == [(None,)] * 2


def test_it_runs_with_exactly_these_parameters(single: Cluster) -> None:
    wanted = {**patroni.parameters(MEMBERS), **patroni.dynamic(MEMBERS)["postgresql"]["parameters"]}
    with single.superuser(NAME) as session:
        for name in wanted:
            found = session.execute(
                "SELECT setting, source, pending_restart FROM pg_settings WHERE lower(name) = %s", (name.lower(),)
            ).fetchone()
            assert found is not None, name
            assert found[1] in ("configuration file", "command line"), (name, found)
            assert not found[2], (name, "would need a restart")
        base = session.execute(
            "SELECT current_setting('wal_level'), current_setting('wal_log_hints'), current_setting('data_checksums'),"
            " current_setting('max_wal_senders')::int >= 5, current_setting('server_encoding')"
        ).fetchone()
        assert base == ("replica", "on", "on", True, "UTF8")


def test_its_api_changes_nothing_without_the_password(machine: Machine, single: Cluster) -> None:
    assert single.asked(NAME, "/config", "PATCH", {"ttl": 20})[0] == 200

    assert single.asked(NAME, "/config", "PATCH", {"ttl": 5}, password="guess")[0] == 401
    assert single.asked(NAME, "/config")[1]["ttl"] == 20


def test_a_renewed_certificate_is_served_without_a_restart(machine: Machine, single: Cluster) -> None:
    def serials() -> set[str]:
        return {machine.network.do(_serial, single.pods[NAME], port) for port in (pgbackrest.PG_PORT, patroni.API_PORT)}

    before = serials()
    with single.superuser(NAME) as session:
        started = session.execute("SELECT pg_postmaster_start_time()").fetchone()
    machine.certificate(single.pod_of[NAME], [f"{NAME}.{HOST}"])
    until("PostgreSQL and Patroni serve it", lambda: not before & serials(), seconds=30)
    with single.superuser(NAME) as session:
        assert session.execute("SELECT pg_postmaster_start_time()").fetchone() == started


def _serial(address: str, port: int) -> str:
    starttls = ["-starttls", "postgres"] if port == pgbackrest.PG_PORT else []
    shown = subprocess.run(
        ["openssl", "s_client", "-connect", f"{address}:{port}", *starttls],
        input="",
        capture_output=True,
        text=True,
        check=False,
        timeout=10,
    )
    return subprocess.run(
        ["openssl", "x509", "-noout", "-serial"], input=shown.stdout, capture_output=True, text=True, check=False
    ).stdout


def test_it_asked_of_the_cluster_what_its_rights_allow_and_no_more(single: Cluster) -> None:
    names = {f"{MEMBERS.workload}-{part}" for part in ("config", "leader", "sync", "failover")}
    for verb, resource, name in single.store.asked:
        every = {"pods": {"list", "watch"}, "configmaps": {"list", "watch", "create"}}
        named = {"pods": {"patch"}, "configmaps": {"get", "patch"}}
        assert verb in (named if name else every)[resource], (verb, resource, name)
        assert name in {"", NAME, *names}
    assert single.store.names("configmaps") <= names


def test_its_pod_carries_its_role(single: Cluster) -> None:
    assert single.store.get("pods", NAME)["metadata"]["labels"][patroni.ROLE_LABEL] == patroni.PRIMARY
