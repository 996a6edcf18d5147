"""What the programs of the data layer read, how long they try, and how they fail."""

import base64
import hashlib
import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data_tools import credentials
from data_tools.__main__ import main
from data_tools.clients import load, number, of_username
from data_tools.deadline import Deadline
from data_tools.errors import ToolError
from data_tools.postgres import scram
from data_tools.redis_acl import acl_line

SECRET = "very-secret"


def entry(**other: object) -> dict[str, Any]:
    return {"client": "shop", "username": "shop-g1", "password": SECRET, "grant": {"x": 1}} | other


def written(folder: Path, document: object) -> Path:
    path = folder / "clients.json"
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def test_clients_are_read(tmp_path: Path) -> None:
    (client,) = load(written(tmp_path, {"clients": [entry()]}))
    assert (client.client, client.username, client.password, client.grant) == ("shop", "shop-g1", SECRET, {"x": 1})
    assert SECRET not in repr(client)
    assert load(written(tmp_path, {"clients": []})) == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ("", "empty"),
        ("{", "not JSON"),
        ([], '{"clients": [...]}'),
        ({"clients": {}}, '{"clients": [...]}'),
        ({"clients": ["shop"]}, "without client, username or password"),
        ({"clients": [entry(password="")]}, "without client, username or password"),
        ({"clients": [entry(password=5)]}, "without client, username or password"),
        ({"clients": [entry(client="Shop", username="Shop-g1")]}, "DNS label"),
        ({"clients": [entry(username="other-g1")]}, "DNS label"),
        ({"clients": [entry(username="shop-g0")]}, "DNS label"),
        ({"clients": [entry(client="s" * 61, username="s" * 61 + "-g1")]}, "at most 63"),
        ({"clients": [entry(grant=[])]}, "grant"),
        ({"clients": [entry(), entry(username="shop-g2")]}, "listed twice: shop"),
    ],
)
def test_other_clients_are_refused_in_one_line_without_a_secret(tmp_path: Path, document: object, said: str) -> None:
    with pytest.raises(ToolError) as failed:
        load(written(tmp_path, document))
    assert said in str(failed.value)
    assert SECRET not in str(failed.value)
    assert "\n" not in str(failed.value)


@pytest.mark.parametrize(
    ("username", "client"),
    [("shop-g1", "shop"), ("a-g1-g12", "a-g1"), ("shop", None), ("shop-g0", None), ("shop-g1x", None), ("-g1", None)],
)
def test_a_username_tells_the_client(username: str, client: str | None) -> None:
    assert of_username(username) == client


@pytest.mark.parametrize("value", [0, -1, "3", 2.0, True, None])
def test_a_number_of_a_grant_is_a_whole_one(tmp_path: Path, value: object) -> None:
    (client,) = load(written(tmp_path, {"clients": [entry(grant={"connections": value})]}))
    with pytest.raises(ToolError, match="shop: connections"):
        number(client, "connections", 5, least=1)
    assert number(client, "another", 5, least=1) == 5


def test_credentials_are_files_of_a_folder(tmp_path: Path) -> None:
    for name, content in (("username", "admin\n"), ("password", f"{SECRET}\n"), ("ca.crt", "PEM")):
        (tmp_path / name).write_text(content)
    found = credentials.read(tmp_path)
    assert (found.username, found.password, found.ca) == ("admin", SECRET, tmp_path / "ca.crt")
    assert SECRET not in repr(found)
    (tmp_path / "password").write_text("\n")
    with pytest.raises(ToolError, match="password: empty"):
        credentials.read(tmp_path)


class FakeClock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_reason_to_wait_is_said_once_and_last_if_it_stays(capsys: pytest.CaptureFixture[str]) -> None:
    clock = FakeClock()
    deadline = Deadline(3.5, clock=clock, sleep=clock.sleep)
    for reason in ("not there", "not there", "not ready", "not ready"):
        deadline.pause(reason)
    assert clock.now == 3.5
    assert capsys.readouterr().out == "waiting: not there\nwaiting: not ready\n"
    with pytest.raises(ToolError, match=r"not done within 3\.5 s: still loading"):
        deadline.pause("still loading")


def test_a_verifier_is_recognised() -> None:
    salt, count = b"0123456789abcdef", 4096
    salted = hashlib.pbkdf2_hmac("sha256", SECRET.encode(), salt, count)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    known = f"SCRAM-SHA-256${count}:{parts[0]}${parts[1]}:{parts[2]}"
    assert scram.matches(known, SECRET)
    assert not scram.matches(known, SECRET + "x")
    assert not scram.matches("md5" + "0" * 32, SECRET)
    assert not scram.matches(None, SECRET)


def test_a_user_of_redis_is_a_line() -> None:
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    line = acl_line(entry(grant={"commands": ["+@all", "-@admin", "+config|get"]}))
    assert line == f"user shop-g1 reset on #{digest} ~shop:* &shop:* +@all -@admin +config|get"


@pytest.mark.parametrize(
    "commands", [None, [], "+get", ["get"], ["+get ~*"], ["nopass"], [f">{SECRET}"], [5], ["+get\n"]]
)
def test_a_grant_of_redis_has_nothing_but_commands(commands: object) -> None:
    with pytest.raises(ValueError, match="shop: "):
        acl_line(entry(grant={"commands": commands}))


@pytest.mark.parametrize("name", ["", "shop ~*", "*", "shop\nuser x"])
def test_a_user_of_redis_has_a_plain_name(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        acl_line(entry(client=name, grant={"commands": ["+get"]}))
    with pytest.raises(ValueError, match="name"):
        acl_line(entry(username=name, grant={"commands": ["+get"]}))


def test_the_rights_of_redis_need_nothing_but_the_standard_library() -> None:
    code = "import sys, data_tools.redis_acl; print([m for m in sys.modules if m in ('redis', 'psycopg', 'minio')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path())
    assert done.stdout == "[]\n"


def path() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(credentials.__file__).parents[1])}


@pytest.mark.parametrize("program", [[], ["postgres"], ["redis"], ["objects"], ["rollout"], ["backup-metrics"]])
def test_each_program_tells_its_arguments(program: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*program, "--help"])
    assert ended.value.code == 0
    assert "usage: data_tools" in capsys.readouterr().out


def test_the_arguments_may_come_before_the_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = ["redis", "--member", "localhost:1", "--credentials", str(tmp_path)]
    assert main([*before, "apply", "--clients", str(tmp_path / "clients.json")]) == 1
    assert capsys.readouterr().err == f"data_tools: {tmp_path}/ca.crt: No such file or directory\n"


def test_a_member_is_host_and_port(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--member", "localhost", "--credentials", str(tmp_path), "--clients", str(tmp_path)]
    assert main(["redis", "apply", *arguments]) == 1
    assert capsys.readouterr().err == "data_tools: 'localhost' is not host:port\n"
