"""Plugins written in Python, which the engine runs through the language host."""

import sys

from tests.conformance.cli import Cli

PROVIDER = """
from typing import Optional, TypedDict

import pulumi
from pulumi.provider.experimental import component_provider_host


class GreeterArgs(TypedDict):
    who: pulumi.Input[str]


class Greeter(pulumi.ComponentResource):
    greeting: pulumi.Output[str]

    def __init__(self, name: str, args: GreeterArgs, opts: Optional[pulumi.ResourceOptions] = None):
        super().__init__("greet:index:Greeter", name, {}, opts)
        self.greeting = pulumi.Output.concat("Hello, ", args["who"], "!")
        self.register_outputs({"greeting": self.greeting})


component_provider_host(name="greet", components=[Greeter])
"""


def test_a_component_of_a_plugin_in_a_folder(cli: Cli) -> None:
    project = (cli.folder / "Pulumi.yaml").read_text()
    cli.write("Pulumi.yaml", project + "plugins: {providers: [{name: greet, path: greet}]}\n")
    cli.write("greet/PulumiPlugin.yaml", f"runtime: {{name: python, options: {{virtualenv: {sys.prefix}}}}}")
    cli.write("greet/__main__.py", PROVIDER)
    cli.program(
        """
        import pulumi

        class Greeter(pulumi.ComponentResource):
            greeting: pulumi.Output[str]

            def __init__(self, name, who):
                super().__init__("greet:index:Greeter", name, {"who": who, "greeting": None}, remote=True)

        pulumi.export("greeting", Greeter("g", pulumi.Output.secret("you")).greeting)
        """
    )
    cli.up()

    assert cli.outputs() == {"greeting": "[secret]"}
    assert cli.outputs(show_secrets=True) == {"greeting": "Hello, you!"}


def test_a_plugin_without_a_program_is_named(cli: Cli) -> None:
    project = (cli.folder / "Pulumi.yaml").read_text()
    cli.write("Pulumi.yaml", project + "plugins: {providers: [{name: greet, path: greet}]}\n")
    cli.write("greet/PulumiPlugin.yaml", f"runtime: {{name: python, options: {{virtualenv: {sys.prefix}}}}}")
    cli.program("import pulumi; pulumi.ComponentResource('greet:index:Greeter', 'g', {}, remote=True)")
    result = cli.run("preview")

    assert result.code != 0
    assert f"the plugin in {cli.folder}/greet has no __main__.py" in result.text
