"""The stand-in for pulumi-random, through the real engine."""

import base64
import re
import string
import uuid
from pathlib import Path
from typing import Any

import bcrypt
import pytest

from tests.conformance.cli import Cli

PROGRAM = """
import pulumi
import pulumi_random as random

password = random.RandomPassword("password", length=20, min_special=3, override_special="!", keepers={keepers!r})
text = random.RandomString("text", length=8, special=False, keepers={keepers!r})
token = random.RandomId("token", byte_length=4, prefix="x-", keepers={keepers!r})
uuid = random.RandomUuid("uuid", keepers={keepers!r})
number = random.RandomInteger("number", min=1, max=6, keepers={keepers!r})
data = random.RandomBytes("data", length=16, keepers={keepers!r})

pulumi.export("ids", {{r._name: r.id for r in (password, text, token, uuid, number, data)}})
pulumi.export("password", password.result)
pulumi.export("hash", password.bcrypt_hash)
pulumi.export("text", text.result)
pulumi.export("token", [token.b64_std, token.b64_url, token.hex, token.dec])
pulumi.export("uuid", uuid.result)
pulumi.export("number", number.result)
pulumi.export("base64", data.base64)
pulumi.export("hex", data.hex)
"""

SECRET = {"password", "hash", "base64", "hex"}


def test_life_of_every_type(cli: Cli) -> None:
    cli.program(PROGRAM.format(keepers={"round": "1"}))
    cli.ok("preview")
    cli.up()
    first = cli.outputs(show_secrets=True)
    check_results(first)
    shown = cli.outputs()
    assert {name for name, value in shown.items() if value == "[secret]"} == SECRET

    for secret in (first["password"], first["hash"], first["hex"]):
        assert not [path for path in state_files(cli) if secret in path.read_text()]

    # Nothing changes by itself, nor where only a default is written out.
    source = PROGRAM.format(keepers={"round": "1"})
    cli.program(source.replace("length=20", "length=20, upper=True, min_lower=0"))
    cli.ok("preview", "--refresh", "--expect-no-changes")

    cli.program(PROGRAM.format(keepers={"round": "2"}))
    replaced = {step["urn"].split("::")[-1] for step in cli.json("preview")["steps"] if step["op"] == "replace"}
    assert replaced == set(first["ids"])
    cli.up()
    second = cli.outputs(show_secrets=True)
    check_results(second)
    for name in first.keys() - {"ids", "number"}:
        assert first[name] != second[name], name

    cli.ok("destroy", "--yes", "--skip-preview")
    assert cli.resources() == []


def check_results(outputs: dict[str, Any]) -> None:
    """Each result is what its resource was asked for, and agrees with itself."""
    password = outputs["password"]
    assert len(password) == 20
    assert password.count("!") >= 3
    assert not set(password) - set(string.ascii_letters + string.digits + "!")
    assert outputs["hash"].startswith("$2a$10$")
    assert bcrypt.checkpw(password.encode(), outputs["hash"].encode())
    assert re.fullmatch("[A-Za-z0-9]{8}", outputs["text"])
    std, url, hexadecimal, decimal = outputs["token"]
    drawn = bytes.fromhex(hexadecimal.removeprefix("x-"))
    assert len(drawn) == 4
    assert std == f"x-{base64.b64encode(drawn).decode()}"
    assert url == f"x-{base64.urlsafe_b64encode(drawn).decode().rstrip('=')}"
    assert decimal == f"x-{int.from_bytes(drawn, 'big')}"
    assert 1 <= outputs["number"] <= 6
    data = base64.b64decode(outputs["base64"])
    assert len(data) == 16
    assert outputs["hex"] == data.hex()
    assert outputs["ids"] == {
        "password": "none",
        "text": outputs["text"],
        "token": url.removeprefix("x-"),
        "uuid": str(uuid.UUID(outputs["uuid"])),
        "number": str(outputs["number"]),
        "data": outputs["base64"],
    }


def state_files(cli: Cli) -> list[Path]:
    """All that the engine keeps of a project: state, backups, history."""
    found = [path for path in (cli.folder.parent / "state").rglob("*") if path.is_file()]
    assert any(path.suffix == ".json" for path in found)
    return found


def test_import_and_get(cli: Cli) -> None:
    cli.program(
        """
        import pulumi
        import pulumi_random as random

        secret = "the imported one"
        taken = pulumi.ResourceOptions(import_=secret)
        password = random.RandomPassword("password", length=len(secret), opts=taken)
        token = random.RandomId("token", byte_length=3, prefix="p-", opts=pulumi.ResourceOptions(import_="p-,_-_-"))
        number = random.RandomInteger.get("number", "5,1,9")
        pulumi.export("password", password.result)
        pulumi.export("token", token.hex)
        pulumi.export("number", [number.result, number.min, number.max])
        """
    )
    cli.up()
    expected = {"password": "the imported one", "token": "p-ffeffe", "number": [5, 1, 9]}
    assert cli.outputs(show_secrets=True) == expected
    cli.ok("preview", "--expect-no-changes")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("RandomPassword('r', length=3, min_upper=2, min_lower=2)", "must be at least sum of"),
        ("RandomPet('r')", "does not support random:index/randomPet:RandomPet (r); use PLUGINS=official"),
    ],
)
def test_refused_in_preview(cli: Cli, source: str, reason: str) -> None:
    cli.program(f"import pulumi_random as random\nrandom.{source}")
    refused = cli.run("preview")
    assert refused.code != 0
    assert reason in refused.text


def test_unknown_input_is_refused_with_the_nearest_name(cli: Cli) -> None:
    cli.program(
        """
        import pulumi

        class Password(pulumi.CustomResource):
            def __init__(self):
                super().__init__("random:index/randomPassword:RandomPassword", "p", {"length": 3, "spezial": True})

        Password()
        """
    )
    refused = cli.run("preview")
    assert refused.code != 0
    assert "unknown property; did you mean 'special'?" in refused.text


def test_inputs_known_in_the_update_only(cli: Cli) -> None:
    """A length that another resource gives: unknown in the preview, drawn and checked in the update."""
    cli.program(
        """
        import pulumi
        import pulumi_random as random

        length = random.RandomInteger("length", min=12, max=12)
        keepers = {"length": length.result.apply(str)}
        text = random.RandomString("text", length=length.result, keepers=keepers)
        pulumi.export("text", text.result)
        pulumi.export("keepers", text.keepers)
        """
    )
    cli.ok("preview")
    cli.up()
    assert len(cli.outputs()["text"]) == 12
    assert cli.outputs()["keepers"] == {"length": "12"}
