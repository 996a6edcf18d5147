"""Which plugins programs run on: official ones or stand-ins."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from sandbox.errors import SandboxError
from sandbox.plugins import choice
from sandbox.plugins.choice import Choice, parse, plugin_path

PLUGINS = {"docker": "5.2.0", "random": "4.21.4"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pulumi's own folder, with no plugin in it; there are two stand-ins, and nothing was refused yet."""
    bin = tmp_path / "bin"
    bin.mkdir()
    for name in PLUGINS:
        (bin / f"pulumi-resource-{name}").touch()
    monkeypatch.setattr(choice, "BIN", bin)
    monkeypatch.setattr(choice, "REFUSED", tmp_path / "cache" / "refused.json")
    monkeypatch.setattr(choice, "official_version", PLUGINS.__getitem__)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def pulumi(tmp_path: Path) -> Path:
    """A CLI that writes down how it is called and refuses; see `answer`."""
    path = tmp_path / "pulumi"
    answer(path, "echo looking >&2\necho 'error: 403 Forbidden' >&2\nexit 255")
    return path


def answer(pulumi: Path, source: str) -> None:
    """Let the CLI do as this script says."""
    pulumi.write_text(f'#!/bin/sh\necho "$*" >> {pulumi}.calls\n{source}\n')
    pulumi.chmod(0o755)


def calls(pulumi: Path) -> list[str]:
    """How the CLI was called so far."""
    log = pulumi.with_name(f"{pulumi.name}.calls")
    return log.read_text().splitlines() if log.exists() else []


def install(home: Path, name: str, version: str) -> Path:
    """Put a plugin where the engine looks."""
    folder = home / "plugins" / f"resource-{name}-v{version}"
    folder.mkdir(parents=True)
    program = folder / f"pulumi-resource-{name}"
    program.touch()
    program.chmod(0o755)
    return folder


INSTALL = """
folder=$PULUMI_HOME/plugins/resource-$4-v$5
mkdir -p $folder && touch $folder/pulumi-resource-$4 && chmod 755 $folder/pulumi-resource-$4
"""


@pytest.mark.parametrize("wanted", [Choice.AUTO, Choice.OFFICIAL])
def test_installed_ones_are_taken(home: Path, pulumi: Path, wanted: Choice, capsys: pytest.CaptureFixture[str]) -> None:
    for name, version in PLUGINS.items():
        install(home, name, version)
    assert plugin_path(wanted, pulumi) == []
    assert calls(pulumi) == []
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == "plugins: official docker 5.2.0, random 4.21.4\n"


def test_stand_ins_are_taken_whatever_is_installed(home: Path, pulumi: Path) -> None:
    for name, version in PLUGINS.items():
        install(home, name, version)
    assert plugin_path(Choice.STAND_IN, pulumi) == [choice.BIN]


def test_auto_installs_what_is_missing(home: Path, pulumi: Path) -> None:
    install(home, "docker", "5.2.0")
    answer(pulumi, INSTALL)
    assert plugin_path(Choice.AUTO, pulumi) == []
    assert calls(pulumi) == ["plugin install resource random 4.21.4"]


def test_another_version_or_half_a_download_does_not_count(home: Path, pulumi: Path) -> None:
    install(home, "docker", "5.1.0")
    folder = install(home, "random", "4.21.4")
    folder.with_name(f"{folder.name}.partial").touch()
    answer(pulumi, "exit 1")
    assert plugin_path(Choice.AUTO, pulumi) == [choice.BIN]
    assert calls(pulumi) == ["plugin install resource docker 5.2.0"]


def test_a_refusal_is_remembered_until_it_is_removed(
    home: Path, pulumi: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert plugin_path(Choice.AUTO, pulumi) == [choice.BIN]
        shown = capsys.readouterr().err
        assert len(shown.splitlines()) == 1
        assert "docker 5.2.0: error: 403 Forbidden" in shown
        assert f"rm {choice.REFUSED}" in shown
    assert len(calls(pulumi)) == 1  # not for the second plugin either: it is all or nothing
    choice.REFUSED.unlink()
    plugin_path(Choice.AUTO, pulumi)
    assert len(calls(pulumi)) == 2


def test_a_refusal_of_other_versions_does_not_count(home: Path, pulumi: Path) -> None:
    choice.REFUSED.parent.mkdir()
    choice.REFUSED.write_text(json.dumps({"versions": {"docker": "5.1.0"}, "reason": "old"}))
    answer(pulumi, INSTALL)
    assert plugin_path(Choice.AUTO, pulumi) == []


def test_all_together_have_their_time(home: Path, pulumi: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "AUTO_S", 0.3)
    answer(pulumi, "exec sleep 60")
    assert plugin_path(Choice.AUTO, pulumi) == [choice.BIN]
    assert json.loads(choice.REFUSED.read_text())["reason"] == "docker 5.2.0 took more than 0.3 s"


def test_official_asks_again_and_says_in_one_line_why_not(home: Path, pulumi: Path) -> None:
    plugin_path(Choice.AUTO, pulumi)
    with pytest.raises(SandboxError, match=r"^PLUGINS=official, but .*403 Forbidden; PLUGINS=auto takes [^\n]*$"):
        plugin_path(Choice.OFFICIAL, pulumi)
    assert len(calls(pulumi)) == 2
    answer(pulumi, INSTALL)
    assert plugin_path(Choice.OFFICIAL, pulumi) == []
    assert not choice.REFUSED.exists()


def test_values_of_the_make_variable() -> None:
    assert [parse(text) for text in ("auto", "official", "stand-in")] == list(Choice)
    with pytest.raises(SandboxError, match="PLUGINS=ours: must be one of auto, official, stand-in"):
        parse("ours")


def test_versions_are_those_of_the_installed_sdks() -> None:
    pinned = choice.official()
    assert {"docker", "random"} <= pinned.keys()
    assert pinned == {name: metadata.version(f"pulumi-{name}") for name in pinned}


def test_an_sdk_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice.paths, "CHECKOUT", tmp_path)
    with pytest.raises(SandboxError, match="pulumi-random is not installed"):
        choice.official_version("random")
