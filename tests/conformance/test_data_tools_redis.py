"""Users of Redis, made in real ones (Debian's 7.0, as in the image) by the program that a Job runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from redis.exceptions import NoPermissionError

from components.data.contract import REDIS_COMMANDS
from data_tools.redis_acl import acl_line
from tests.conformance import data_tools
from tests.conformance.data_servers import HOST, RedisServer, free_port, redis_server
from tests.conformance.data_tools import password, write_clients
from tests.waiting import until

GRANT: dict[str, Any] = {"commands": list(REDIS_COMMANDS)}
Members = tuple[RedisServer, RedisServer]


@pytest.fixture(scope="module")
def members() -> Iterator[Members]:
    """A primary and its replica."""
    with redis_server() as primary, redis_server(replica_of=primary) as replica:
        until("the replica follows", lambda: replica.ask("ROLE")[3] == "connected", seconds=20)
        yield primary, replica


class Job:
    """Runs `apply` and `retire` against the members."""

    def __init__(self, members: Members, folder: Path) -> None:
        self._members, self._folder = members, folder

    def run(
        self, verb: str, *accounts: tuple[str, int], away: int = 0, grant: dict[str, Any] = GRANT
    ) -> tuple[int, str, str]:
        """Exit code, stdout, stderr; `away` is the port of one more member, where nobody listens."""
        ports = [away] if away else []
        ports += [member.port for member in self._members]
        where = [argument for port in ports for argument in ("--member", f"{HOST}:{port}")]
        listed = write_clients(self._folder / "clients.json", *((name, number, grant) for name, number in accounts))
        credentials = self._members[0].credentials
        done = data_tools.run(
            "redis", *where, "--credentials", credentials, "--deadline", "3", verb, "--clients", listed
        )
        return done.returncode, done.stdout, done.stderr

    def ok(self, verb: str, *accounts: tuple[str, int]) -> str:
        """What a run says that must succeed."""
        code, said, failed = self.run(verb, *accounts)
        assert code == 0, failed
        return said


@pytest.fixture
def job(members: Members, tmp_path: Path) -> Job:
    return Job(members, tmp_path)


def ask(member: RedisServer, client: str, *command: str | int, generation: int = 1) -> Any:  # noqa: ANN401
    return member.ask(*command, user=f"{client}-g{generation}", password=password(client, generation))


def test_a_client_has_its_own_keys_and_channels(members: Members, job: Job) -> None:
    job.ok("apply", ("shop", 1), ("news", 1))
    primary = members[0]
    assert ask(primary, "shop", "SET", "shop:a", "1")
    assert ask(primary, "shop", "GET", "shop:a") == "1"
    assert ask(primary, "shop", "PUBLISH", "shop:events", "x") == 0
    assert ask(primary, "shop", "EVAL", "return redis.call('GET', KEYS[1])", 1, "shop:a") == "1"
    assert ask(primary, "shop", "INFO", "server")
    primary.ask("SET", "news:a", "secret")
    for command in (
        ("GET", "news:a"),
        ("SET", "news:a", "2"),
        ("GET", "shopping"),
        ("COPY", "news:a", "shop:b"),
        ("PUBLISH", "news:events", "x"),
        ("EVAL", "return redis.call('GET', 'news:a')", 0),
        ("SORT", "shop:a", "BY", "nosort", "GET", "news:*"),
    ):
        with pytest.raises(redis.ResponseError, match=r"has no permissions to|can't access"):
            ask(primary, "shop", *command)


@pytest.mark.parametrize(
    "command",
    [
        "ACL LIST",
        "CLIENT KILL TYPE normal",
        "CONFIG GET *",
        "FLUSHALL",
        "FLUSHDB",
        "FUNCTION FLUSH",
        "KEYS *",
        "MONITOR",
        "PUBSUB CHANNELS",
        "RANDOMKEY",
        "REPLICAOF NO ONE",
        "SCAN 0",
        "SHUTDOWN NOSAVE",
        "SWAPDB 0 1",
    ],
)
def test_a_client_may_not_run_the_server(members: Members, job: Job, command: str) -> None:
    if "careful-g1" not in members[0].ask("ACL", "USERS"):
        job.ok("apply", ("careful", 1))
    with pytest.raises(NoPermissionError):
        ask(members[0], "careful", *command.split())


def test_two_generations_work_on_every_member_until_the_first_is_retired(members: Members, job: Job) -> None:
    job.ok("apply", ("turning", 1))
    job.ok("apply", ("turning", 2))
    for member in members:
        assert ask(member, "turning", "PING")
        assert ask(member, "turning", "PING", generation=2)
    said = job.ok("retire", ("turning", 2))
    for member in members:
        assert f"{HOST}:{member.port}: removed " in said
        with pytest.raises(redis.AuthenticationError):
            ask(member, "turning", "PING")
        assert ask(member, "turning", "PING", generation=2)
    assert job.ok("retire", ("turning", 2)).count("nothing to remove") == len(members)


def test_retiring_takes_clients_that_are_gone_and_nobody_else(members: Members, job: Job) -> None:
    job.ok("apply", ("leaving", 1), ("staying", 1))
    for member in members:
        member.ask("ACL", "SETUSER", "exporter", "on", "nopass", "+ping")
    job.ok("retire", ("staying", 1))
    for member in members:
        assert sorted(member.ask("ACL", "USERS")) == ["admin", "default", "exporter", "staying-g1"]


def test_a_user_is_exactly_what_it_must_be(members: Members, job: Job) -> None:
    job.ok("apply", ("drifted", 1))
    before = described(members[0], "drifted-g1")
    members[0].ask("ACL", "SETUSER", "drifted-g1", "allkeys", "allchannels", "+@all", ">another", "nopass", "off")
    assert described(members[0], "drifted-g1") != before
    job.ok("apply", ("drifted", 1))
    assert described(members[0], "drifted-g1") == before


def test_the_line_of_a_file_makes_the_same_user(members: Members, job: Job) -> None:
    job.ok("apply", ("lined", 1))
    entry = {"client": "lined", "username": "lined-g1", "password": password("lined", 1), "grant": GRANT}
    with redis_server(acl_line(entry)) as other:
        assert described(other, "lined-g1") == described(members[0], "lined-g1")


def test_a_member_that_is_away_keeps_no_other_waiting_but_fails_the_run(members: Members, job: Job) -> None:
    away = free_port()
    code, _, failed = job.run("apply", ("partial", 1), away=away)
    assert code == 1
    assert failed.startswith(f"data_tools: not done within 3 s: {HOST}:{away}: ")
    assert failed.count("\n") == 1
    for member in members:
        assert ask(member, "partial", "PING")


@pytest.mark.parametrize("rule", ["nopass", ">password", "~*", "allcommands", "+get ~*", "(+get ~*)"])
def test_a_grant_has_nothing_but_commands(members: Members, job: Job, rule: str) -> None:
    code, _, failed = job.run("apply", ("sly", 1), grant={"commands": ["+get", rule]})
    assert code == 1
    assert failed == f"data_tools: sly: {rule!r} is not +command, -command, +@category or -@category\n"
    assert "sly-g1" not in members[0].ask("ACL", "USERS")


def described(member: RedisServer, user: str) -> list[str]:
    """What a member keeps of a user."""
    (words,) = [line.split() for line in member.ask("ACL", "LIST") if line.split()[1] == user]
    return sorted(words)  # those of a category come in no certain order
