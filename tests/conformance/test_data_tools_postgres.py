"""Accounts of PostgreSQL, made in a real one (Debian's 15, as in the image) by the program that a Job runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conformance import data_tools
from tests.conformance.data_servers import HOST, UNNAMED, PostgresServer, free_port, postgres_server
from tests.conformance.data_tools import password, write_clients

Grant = dict[str, Any]
Account = tuple[str, int, Grant]

POOLER, MONITOR = "password-of-the-pooler", "password-of-the-monitor"
LOOKUP = "SELECT usename, passwd FROM pgbouncer.lookup(%s)"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    with postgres_server() as running:
        yield running


class Job:
    """Runs `apply` and `retire` against the server."""

    def __init__(self, server: PostgresServer, folder: Path) -> None:
        self._server, self._folder = server, folder
        (folder / "pooler").write_text(f"{POOLER}\n")
        (folder / "monitor").write_text(MONITOR)

    def run(
        self, verb: str, *accounts: Account, host: str = HOST, port: int = 0, deadline: int = 30
    ) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        where = ("--host", host, "--port", str(port or self._server.port), "--credentials", self._server.credentials)
        helpers = (
            *("--lookup-user", "pooler", "--lookup-password-file", self._folder / "pooler"),
            *("--monitor-password-file", self._folder / "monitor"),
        )
        listed = write_clients(self._folder / "clients.json", *accounts)
        done = data_tools.run("postgres", *where, *helpers, "--deadline", str(deadline), verb, "--clients", listed)
        return done.returncode, done.stdout, done.stderr

    def ok(self, verb: str, *accounts: Account) -> str:
        """What a run says that must succeed."""
        code, said, failed = self.run(verb, *accounts)
        assert code == 0, failed
        return said


@pytest.fixture
def job(server: PostgresServer, tmp_path: Path) -> Job:
    return Job(server, tmp_path)


def account(client: str, generation: int = 1, **grant: object) -> Account:
    return client, generation, grant


def log_in(server: PostgresServer, client: str, generation: int = 1, database: str = "") -> "psycopg.Connection[Any]":
    return server.session(f"{client}-g{generation}", password(client, generation), database or client)


def value(session: "psycopg.Connection[Any]", query: str, *values: object) -> object:
    row = session.execute(query.encode(), values).fetchone()
    assert row is not None
    return row[0]


def refused(server: PostgresServer, client: str, generation: int = 1, database: str = "") -> str:
    with pytest.raises(psycopg.OperationalError) as failed:
        log_in(server, client, generation, database)
    return str(failed.value)


def test_a_client_has_its_own_database_and_no_other(server: PostgresServer, job: Job) -> None:
    job.ok("apply", account("shop"), account("news-feed"))
    with log_in(server, "shop") as session:
        assert value(session, "SELECT current_user") == "shop"
        session.execute("CREATE TABLE items (id int)")
        session.execute("CREATE SCHEMA more")
        assert value(session, "SELECT tableowner FROM pg_tables WHERE tablename = 'items'") == "shop"
    for other in ("news-feed", "postgres", "template1"):
        assert "permission denied for database" in refused(server, "shop", database=other)


PRIVILEGED = (
    "CREATE ROLE another",
    "CREATE DATABASE another",
    "ALTER ROLE careful SUPERUSER",
    "SET ROLE postgres",
    "CREATE EXTENSION dblink",
    "COPY pg_class TO PROGRAM 'true'",
    "SELECT passwd FROM pg_shadow",
    "SELECT pg_read_file('PG_VERSION')",
    "DROP SCHEMA pgbouncer CASCADE",
)


def test_a_client_has_no_privilege_of_an_administrator(server: PostgresServer, job: Job) -> None:
    job.ok("apply", account("careful"))
    with log_in(server, "careful") as session:
        for statement in PRIVILEGED:
            with pytest.raises(psycopg.Error) as failed:
                session.execute(statement.encode())
            assert failed.value.sqlstate == "42501", (statement, failed.value)  # insufficient_privilege


def test_applied_twice_nothing_changes(server: PostgresServer, job: Job) -> None:
    accounts = [account("twice", extensions=["dblink"], connections=3), account("twice-more")]
    everything = """SELECT array_agg(r ORDER BY rolname)::text FROM pg_authid r"""
    job.ok("apply", *accounts)
    with server.session() as session:
        before = value(session, everything)
        assert job.ok("apply", *accounts) == "nothing to change\n"
        assert value(session, everything) == before


def test_two_generations_work_until_the_first_is_retired(server: PostgresServer, job: Job) -> None:
    job.ok("apply", account("turning"))
    with log_in(server, "turning") as first:
        first.execute("CREATE TABLE made (by int)")
        first.execute("SET ROLE none; CREATE SCHEMA of_the_login_role")  # would keep it from being dropped
        first.execute("RESET ROLE")
        job.ok("apply", account("turning", 2))
        with log_in(server, "turning", 1) as another, log_in(server, "turning", 2) as second:
            second.execute("INSERT INTO made VALUES (2)")
            assert value(another, "SELECT by FROM made") == 2
        assert "role turning-g1: removed\n" in job.ok("retire", account("turning", 2))
        assert "password authentication failed" in refused(server, "turning", 1)
        assert value(first, "SELECT by FROM made") == 2  # its client has rolled over, and closes it itself
    with log_in(server, "turning", 2) as second:
        second.execute("DROP SCHEMA of_the_login_role")
    assert job.ok("retire", account("turning", 2)) == "nothing to change\n"


def test_a_client_that_is_gone_is_out_and_its_data_stays(server: PostgresServer, job: Job) -> None:
    job.ok("apply", account("leaving"), account("staying"))
    with log_in(server, "leaving") as open_session, log_in(server, "staying") as other:
        open_session.execute("CREATE TABLE kept AS SELECT 7 AS seven")
        job.ok("retire", account("staying"))
        assert value(other, "SELECT 1") == 1
        with pytest.raises(psycopg.OperationalError):
            open_session.execute("SELECT 1")
    assert "password authentication failed" in refused(server, "leaving")
    with server.session(database="leaving") as administrator:
        assert value(administrator, "SELECT seven FROM kept") == 7
        assert value(administrator, "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'leaving'") is False
        assert value(administrator, "SELECT has_database_privilege('leaving', 'leaving', 'CONNECT')") is False
    job.ok("apply", account("leaving", 2), account("staying"))  # and comes back
    with log_in(server, "leaving", 2) as again:
        assert value(again, "SELECT seven FROM kept") == 7


@pytest.mark.parametrize("database", ["postgres", "looked-up"])
def test_the_pooler_looks_up_verifiers_and_nobody_else(server: PostgresServer, job: Job, database: str) -> None:
    job.ok("apply", account("looked-up"), account("expired"))
    with server.session() as administrator:
        administrator.execute("ALTER ROLE \"expired-g1\" VALID UNTIL '2020-01-01'")
        known = value(administrator, "SELECT rolpassword FROM pg_authid WHERE rolname = 'looked-up-g1'")
        administrator.execute("CREATE ROLE standby LOGIN REPLICATION PASSWORD 'x'; CREATE ROLE boss SUPERUSER LOGIN")
    try:
        with server.session("pooler", POOLER, database) as pooler:
            assert pooler.execute(LOOKUP, ["looked-up-g1"]).fetchall() == [("looked-up-g1", known)]
            for nobody in ("looked-up", "expired-g1", "standby", "boss", "postgres", "unknown"):
                assert pooler.execute(LOOKUP, [nobody]).fetchall() == [], nobody
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                pooler.execute("SELECT passwd FROM pg_shadow")
    finally:
        with server.session() as administrator:
            administrator.execute("DROP ROLE standby, boss")
    others = [("monitor", MONITOR)] if database == "postgres" else [("looked-up-g1", password("looked-up", 1))]
    for user, secret in others:
        with server.session(user, secret, database) as session, pytest.raises(psycopg.errors.InsufficientPrivilege):
            session.execute(LOOKUP, ["looked-up-g1"])


def test_the_monitor_reads_statistics_in_one_database(server: PostgresServer, job: Job) -> None:
    job.ok("apply", account("watched"))
    with server.session("monitor", MONITOR) as monitor:
        assert value(monitor, "SELECT pg_database_size('watched')")
        assert value(monitor, "SELECT pg_has_role('pg_monitor', 'USAGE')") is True
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        server.session("monitor", MONITOR, "watched")


def test_what_drifted_is_brought_in_line(server: PostgresServer, job: Job) -> None:
    job.ok("apply", account("drifted", connections=2))
    with server.session() as session:
        session.execute("""
            ALTER ROLE "drifted-g1" SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS NOINHERIT CONNECTION LIMIT 9
                PASSWORD 'another' VALID UNTIL '2020-01-01';
            ALTER ROLE drifted LOGIN CREATEDB PASSWORD 'x';
            ALTER ROLE "drifted-g1" RESET role;
            GRANT pg_read_all_data TO "drifted-g1";
            GRANT CONNECT ON DATABASE drifted TO PUBLIC""")
        with server.session(database="drifted") as inside:
            inside.execute("ALTER SCHEMA public OWNER TO postgres; GRANT ALL ON SCHEMA public TO PUBLIC")
        job.ok("apply", account("drifted", connections=2))
        attributes = session.execute("""
            SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls, rolcanlogin, rolconnlimit
            FROM pg_roles WHERE rolname ~ '^drifted' ORDER BY rolname""").fetchall()
        assert attributes == [(False, False, -1), (False, True, 2)]
        assert value(session, "SELECT pg_has_role('drifted-g1', 'pg_read_all_data', 'MEMBER')") is False
    with log_in(server, "drifted") as client:
        assert value(client, "SELECT current_user") == "drifted"
        assert value(client, "SELECT pg_get_userbyid(nspowner) FROM pg_namespace WHERE nspname = 'public'") == "drifted"
    assert job.ok("apply", account("drifted", connections=2)) == "nothing to change\n"


def test_a_client_gets_the_extensions_and_connections_of_its_grant(server: PostgresServer, job: Job) -> None:
    job.ok("apply", account("granted", extensions=["dblink", "pg_trgm"], connections=1))
    with log_in(server, "granted") as session:
        assert value(session, "SELECT count(*) FROM pg_extension WHERE extname IN ('dblink', 'pg_trgm')") == 2
        assert "too many connections for role" in refused(server, "granted")
    code, _, failed = job.run("apply", account("granted", extensions=["no_such_thing"]))
    assert (code, failed) == (1, 'data_tools: PostgreSQL: extension "no_such_thing" is not available\n')


def test_nobody_is_overwritten(server: PostgresServer, job: Job) -> None:
    job.ok("apply")
    everyone = "SELECT array_agg(r ORDER BY rolname)::text FROM pg_authid r"
    with server.session() as session:
        session.execute("CREATE ROLE rewind LOGIN")  # a server's own role
        before = value(session, everyone)
        for name in ("postgres", "template1", "pooler", "monitor", "rewind"):
            code, _, failed = job.run("apply", account(name))
            assert code == 1, name
            assert failed.startswith(f"data_tools: '{name}' is no client's name here"), failed
            assert value(session, everyone) == before, name
        session.execute("DROP ROLE rewind")


def test_no_password_is_in_a_log(server: PostgresServer, job: Job) -> None:
    said = job.ok("apply", account("secretive")) + job.ok("retire", account("secretive"))
    secrets = (password("secretive", 1), POOLER, MONITOR)
    log = server.log.read_text()
    assert 'ALTER ROLE "secretive-g1"' in log
    assert [secret for secret in secrets if secret in log or secret in said] == []


def test_a_server_that_is_not_there_is_waited_for_and_then_given_up(job: Job) -> None:
    code, said, failed = job.run("apply", account("early"), port=free_port(), deadline=2)
    assert code == 1
    assert "waiting: " in said
    assert failed.startswith("data_tools: not done within 2 s: ")
    assert failed.count("\n") == 1


def test_only_its_authority_and_its_name_are_trusted(server: PostgresServer, job: Job) -> None:
    code, _, failed = job.run("apply", account("deceived"), host=UNNAMED, deadline=2)
    assert code == 1
    assert f'does not match host name "{UNNAMED}"' in failed
    with postgres_server() as other:
        trusted = server.ca.read_bytes()
        server.ca.write_bytes(other.ca.read_bytes())
        try:
            code, _, failed = job.run("apply", account("deceived"), deadline=2)
        finally:
            server.ca.write_bytes(trusted)
    assert code == 1
    assert "certificate verify failed" in failed
