"""What the host says of a program's Python, and the runtime options it honours."""

import importlib.metadata
import platform
import sys
from pathlib import Path

import pytest

from tests.conformance.cli import Cli


def _options(cli: Cli, **options: str) -> None:
    lines = "".join(f"    {name}: {value}\n" for name, value in options.items())
    cli.write("Pulumi.yaml", f"name: demo\nruntime:\n  name: python\n  options:\n{lines}")


def test_about_names_interpreter_dependencies_and_plugins(cli: Cli) -> None:
    about = cli.json("about")

    runtime = about["runtime"]
    assert runtime["language"] == "python"
    assert runtime["executable"] == f"{sys.prefix}/bin/python"
    assert runtime["version"] == platform.python_version()
    assert runtime["toolchainVersion"] == importlib.metadata.version("pip")
    dependencies = {d["name"]: d["version"] for d in about["dependencies"]}
    assert dependencies["pulumi-random"] == importlib.metadata.version("pulumi-random")
    assert "grpcio" not in dependencies  # only what nothing else requires
    plugins = {p["name"]: p["version"] for p in about["plugins"]}
    for name in ("docker", "kubernetes", "random"):
        assert plugins[name] == importlib.metadata.version(f"pulumi-{name}")
    assert "policy" not in plugins
    assert plugins["python"] == about["cliAbout"]["version"]


def test_the_plugins_of_a_project_are_those_of_its_packages(cli: Cli, tmp_path: Path) -> None:
    names = {"docker", "kubernetes", "random"}
    for name in names:  # the CLI lists what it finds
        (tmp_path / f"pulumi-resource-{name}").touch(mode=0o755)
    cli.environment["PATH"] = f"{tmp_path}:{cli.environment['PATH']}"

    assert {p["name"] for p in cli.json("plugin", "ls", "--project")} == names | {"python"}


def test_a_virtualenv_that_does_not_exist_is_named(cli: Cli) -> None:
    _options(cli, virtualenv="nowhere")
    result = cli.run("preview")

    assert result.code != 0
    assert f"{cli.folder}/nowhere, which does not exist" in result.text
    assert not (cli.folder / "nowhere").exists()


def test_a_virtualenv_that_is_something_else_is_named(cli: Cli) -> None:
    (cli.folder / "venv").mkdir()
    _options(cli, virtualenv="venv")
    result = cli.run("preview")

    assert result.code != 0
    assert f"{cli.folder}/venv, which is not a virtual environment" in result.text


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("toolchain", "uv", "toolchain 'uv' is not supported here"),
        ("typechecker", "mypy", "runtime option 'typechecker' is not supported here"),
        ("virtualEnv", "venv", "runtime option 'virtualEnv' is not supported here"),
    ],
)
def test_options_it_does_not_know_are_refused(cli: Cli, option: str, value: str, told: str) -> None:
    _options(cli, **{option: value})
    result = cli.run("preview")

    assert result.code != 0
    assert told in result.text


def test_install_makes_the_virtualenv_and_installs_the_requirements(cli: Cli) -> None:
    _options(cli, toolchain="pip", virtualenv="venv")
    # A requirement that needs no registry.
    cli.write("part/pyproject.toml", '[project]\nname = "part"\nversion = "1.2.3"\n')
    cli.write("requirements.txt", "\n")
    result = cli.ok("install")

    assert "Making the virtual environment" in result.text
    assert "Finished installing dependencies" in result.text
    assert cli.json("about")["runtime"]["executable"] == f"{cli.folder}/venv/bin/python"
    # The program fails in the SDK's words, for it is not installed there.
    assert "Pulumi SDK has not been installed" in cli.run("preview").text


def test_a_failed_install_fails_with_what_pip_said(cli: Cli) -> None:
    cli.write("requirements.txt", "./no-such-folder\n")
    result = cli.run("install")

    assert result.code != 0
    assert "no-such-folder" in result.text
    assert "pip --disable-pip-version-check install -r requirements.txt` ended with 1" in result.text


def test_what_it_cannot_do_is_refused_by_name(cli: Cli) -> None:
    cli.write("schema.json", '{"name": "thing", "version": "1.0.0"}')
    result = cli.run("package", "gen-sdk", "--language", "python", "./schema.json")

    assert result.code != 0
    assert "the sandbox's Python language host does not generate SDKs" in result.text
