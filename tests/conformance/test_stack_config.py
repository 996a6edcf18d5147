"""What the engine makes of a stack file: `stacks/loading.py` and `schema/stack.schema.json` rely on it."""

from typing import Any

import pytest
import yaml

from tests.conformance.cli import Cli

PROGRAM = """
import pulumi
from pulumi.runtime import config

own = {**config.get_config_env(), **config.CONFIG.get()}
pulumi.export("texts", {key: type(value).__name__ for key, value in own.items()})
pulumi.export("hidden", sorted(key for key in own if config.is_config_secret(key)))
pulumi.export("values", pulumi.Output.unsecret(pulumi.Output.secret(own)))
"""


@pytest.fixture
def project(cli: Cli) -> Cli:
    cli.program(PROGRAM)
    return cli


def _written(cli: Cli) -> dict[str, Any]:
    return yaml.safe_load((cli.folder / "Pulumi.dev.yaml").read_text())["config"]


def test_a_program_gets_texts_and_of_lists_and_objects_their_json(project: Cli) -> None:
    stack_file = project.folder / "Pulumi.dev.yaml"
    stack_file.write_text(
        stack_file.read_text()
        + """
config:
  demo:list: [a, "1", 2]
  demo:none: []
  demo:object: {all: {zones: [hpc, edge], nodes: 1, cpu: "2", memory: 8Gi}, scale: 0.5, on: true, nothing: null}
  demo:float: 0.25
  demo:whole: 1.0
  demo:int: 3
  demo:bool: true
  demo:text: "8"
  other:list: [1]
"""
    )
    project.up()
    outputs = project.outputs()
    assert outputs["values"] == {
        "demo:list": '["a","1",2]',
        "demo:none": "[]",
        "demo:object": '{"all":{"cpu":"2","memory":"8Gi","nodes":1,"zones":["hpc","edge"]},'
        '"nothing":null,"on":true,"scale":0.5}',
        "demo:float": "0.25",
        "demo:whole": "1",
        "demo:int": "3",
        "demo:bool": "true",
        "demo:text": "8",
        "other:list": "[1]",
    }
    assert set(outputs["texts"].values()) == {"str"}
    assert outputs["hidden"] == []


def test_a_secret_hides_the_whole_key_that_it_is_in(project: Cli) -> None:
    project.ok("config", "set", "--secret", "password", "hunter2")
    project.ok("config", "set", "--path", "object.plain", "8Gi")
    project.ok("config", "set", "--path", "--secret", "object.hidden", "hunter3")
    project.ok("config", "set", "plain", "8Gi")
    assert set(_written(project)["demo:password"]) == {"secure"}
    project.up()
    assert project.outputs()["hidden"] == ["demo:object", "demo:password"]


def test_the_cli_writes_numbers_back_as_text_and_paths_as_what_they_are(project: Cli) -> None:
    stack_file = project.folder / "Pulumi.dev.yaml"
    stack_file.write_text(stack_file.read_text() + "\nconfig: {demo:scale: 0.5, demo:object: {nodes: 1, cpu: '2'}}\n")
    project.ok("config", "set", "--path", "cluster.nodes[0]", "10.0.2.100/32")
    project.ok("config", "set", "--path", "api.port", "6443")
    assert _written(project) == {
        "demo:scale": "0.5",
        "demo:object": {"nodes": 1, "cpu": "2"},
        "demo:cluster": {"nodes": ["10.0.2.100/32"]},
        "demo:api": {"port": 6443},
    }
