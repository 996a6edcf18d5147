"""Policy packs through the engine and the language host."""

import sys

import pytest

from tests.conformance.cli import PROJECT, STACK, Cli

PROGRAM = """
import pulumi

class Part(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("demo:index:Part", name)

Part("forbidden")
"""

PACK = """
import pulumi
from pulumi_policy import EnforcementLevel, PolicyPack, ResourceValidationPolicy

def check(args, report):
    print("checking", args.resource_type)
    if args.name == "forbidden":
        report("this name is not allowed in " + pulumi.get_project() + "/" + pulumi.get_stack()
               + " " + str(pulumi.Config("demo").get("why")))

PolicyPack("pack", policies=[
    ResourceValidationPolicy(
        name="names", description="names must be nice", validate=check,
        enforcement_level=EnforcementLevel.%s,
    ),
])
"""


@pytest.fixture
def pack(cli: Cli) -> Cli:
    """A project with a program that a pack in `pack` has something to say about."""
    cli.program(PROGRAM)
    cli.ok("config", "set", "why", "because")
    cli.write(
        "pack/PulumiPolicy.yaml",
        f"""
        runtime:
          name: python
          options:
            virtualenv: {sys.prefix}
        """,
    )
    return cli


def test_a_mandatory_violation_stops_the_update(pack: Cli) -> None:
    pack.write("pack/__main__.py", PACK % "MANDATORY")
    result = pack.run("up", "--yes", "--skip-preview", "--policy-pack", "pack")

    assert result.code != 0
    # The pack knows its stack and its config, which the host hands it.
    assert f"this name is not allowed in {PROJECT}/{STACK} because" in result.text
    assert "mandatory" in result.text
    assert "demo:index:Part" not in [r["type"] for r in pack.resources()]


def test_an_advisory_violation_is_shown_and_passes(pack: Cli) -> None:
    pack.write("pack/__main__.py", PACK % "ADVISORY")
    result = pack.up("--policy-pack", "pack")

    assert f"this name is not allowed in {PROJECT}/{STACK} because" in result.text
    assert "advisory" in result.text
    assert "demo:index:Part" in [r["type"] for r in pack.resources()]


def test_a_pack_that_raises_fails_with_its_traceback(pack: Cli) -> None:
    pack.write("pack/__main__.py", "raise ValueError('a broken pack')")
    result = pack.run("preview", "--policy-pack", "pack")

    assert result.code != 0
    assert "ValueError: a broken pack" in result.text
    assert "python_host" not in result.text.replace("bin/pulumi-language-python", "")


def test_a_pack_that_prints_too_early_is_told_so(pack: Cli) -> None:
    pack.write("pack/__main__.py", "print('early')\n" + PACK % "ADVISORY")
    result = pack.run("preview", "--policy-pack", "pack")

    assert result.code != 0
    assert "the policy pack wrote 'early' where its port was due" in result.text


def test_a_pack_without_its_virtualenv_says_so(pack: Cli) -> None:
    pack.write("pack/PulumiPolicy.yaml", "runtime: {name: python, options: {virtualenv: nowhere}}")
    pack.write("pack/__main__.py", PACK % "MANDATORY")
    result = pack.run("preview", "--policy-pack", "pack")

    assert result.code != 0
    assert "pack/nowhere, which does not exist" in result.text
