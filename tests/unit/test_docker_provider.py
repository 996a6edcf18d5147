"""The arguments of the stand-in for docker, and types without an engine behind them."""

import json
import threading
from typing import cast

import pytest

from sandbox.plugins.docker.connection import Connection
from sandbox.plugins.docker.network import Network
from sandbox.plugins.docker.provider import DockerProvider
from sandbox.plugins.docker.remote_image import RemoteImage
from sandbox.plugins.enginelog import EngineLog
from sandbox.plugins.provider import CheckFailedError, Kind, ProviderError, Resource, State
from sandbox.plugins.values import UNKNOWN, Properties, Secret

SILENT = cast(EngineLog, None)
LOGIN = {"address": "https://registry.example/v2/", "username": "me", "password": "word"}


def resource(type: str) -> Resource:
    """A resource of a type."""
    return Resource(f"urn:pulumi:dev::demo::{type}::it", type, "it")


NETWORK = resource("docker:index/network:Network")
REMOTE = resource("docker:index/remoteImage:RemoteImage")


@pytest.fixture
def network() -> Network:
    """The type, with nothing behind it."""
    return Network(Connection("unix:///nowhere"), threading.Event(), SILENT)


@pytest.fixture
def remote() -> RemoteImage:
    """The type, with nothing behind it."""
    return RemoteImage(Connection("unix:///nowhere"), threading.Event(), SILENT)


def test_host_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///here")
    assert DockerProvider(SILENT).check_config({})["host"] == "unix:///here"
    assert DockerProvider(SILENT).check_config({"host": "tcp://there:2376"})["host"] == "tcp://there:2376"
    monkeypatch.delenv("DOCKER_HOST")
    assert DockerProvider(SILENT).check_config({})["host"] == "unix:///var/run/docker.sock"


def test_logins_are_kept_secret() -> None:
    text = json.dumps([LOGIN])
    assert DockerProvider(SILENT).check_config({"registryAuth": text})["registryAuth"] == Secret(text)


@pytest.mark.parametrize(
    ("config", "property", "reason"),
    [
        ({"hots": "x"}, "hots", "did you mean 'host'"),
        ({"host": "ssh://there"}, "host", "PLUGINS=official"),
        ({"caMaterial": "PEM"}, "caMaterial", "PLUGINS=official"),
        ({"registryAuth": json.dumps([{**LOGIN, "configFile": "x"}])}, "registryAuth.configFile", "each item is"),
        ({"registryAuth": json.dumps([{"address": "x", "username": "y"}])}, "registryAuth.password", "each item is"),
    ],
)
def test_refused_arguments(config: Properties, property: str, reason: str) -> None:
    with pytest.raises(CheckFailedError) as caught:
        DockerProvider(SILENT).check_config(config)
    assert [failure.property for failure in caught.value.failures] == [property]
    assert reason in caught.value.failures[0].reason


def test_an_engine_is_asked_for_when_the_provider_starts() -> None:
    with pytest.raises(ProviderError, match=r"^cannot reach Docker at unix:///nowhere: .* No such file or directory$"):
        DockerProvider(SILENT).configure({"host": "unix:///nowhere"})


@pytest.mark.parametrize("config", [{"host": UNKNOWN}, {"host": "unix:///nowhere", "disableDockerDaemonCheck": "true"}])
def test_a_provider_whose_engine_is_not_asked_for(config: Properties) -> None:
    provider = DockerProvider(SILENT)
    provider.configure(config)
    assert provider.check(NETWORK, None, {"name": "n"}, b"") == {"name": "n"}
    _, outputs = provider.create(NETWORK, {"name": "n"}, preview=True, timeout=0)
    assert outputs["scope"] is UNKNOWN
    with pytest.raises(ProviderError, match="cannot reach Docker"):
        provider.create(NETWORK, {"name": "n"}, preview=False, timeout=0)


def test_a_made_up_name_stays(network: Network) -> None:
    first = network.check(NETWORK, None, {}, bytes.fromhex("0123456789"))
    assert first["name"] == "it-0123456"
    assert network.check(NETWORK, first, {}, b"other seed") == first
    named = network.check(NETWORK, first, {"name": "given"}, b"other seed")
    assert named == {"name": "given"}
    assert network.check(NETWORK, named, {}, bytes.fromhex("abcdef0123"))["name"] == "it-abcdef0"


POOLS = [{"subnet": "10.0.0.0/24"}, {"subnet": "10.0.1.0/24"}]


@pytest.mark.parametrize(
    ("olds", "news", "changes"),
    [
        ({"ipamConfigs": POOLS}, {"ipamConfigs": POOLS[::-1]}, {}),
        ({"ipamConfigs": POOLS, "driver": "bridge", "options": {"a": "b"}}, {}, {}),
        ({}, {"attachable": False, "ipamDriver": "default"}, {}),
        ({"labels": [{"label": "a", "value": "1"}]}, {}, {"labels": Kind.DELETE}),
        ({}, {"ipamConfigs": POOLS}, {"ipamConfigs": Kind.ADD}),
        ({"driver": "bridge"}, {"driver": "macvlan"}, {"driver": Kind.UPDATE}),
        ({"ipamConfigs": POOLS}, {"ipamConfigs": UNKNOWN}, {"ipamConfigs": Kind.UPDATE}),
    ],
)
def test_every_change_of_a_network_replaces_it(
    network: Network, olds: Properties, news: Properties, changes: dict[str, Kind]
) -> None:
    given: Properties = {"name": "n"}
    made_up: Properties = {"name": "n", "__defaults": ["name"]}
    for name, first_delete in ((given, True), (made_up, False)):
        diff = network.diff(NETWORK, "id", State("id", olds | name, {}), news | name)
        assert diff.changes == changes
        assert diff.replaces == changes.keys()
        assert diff.delete_before_replace is first_delete


@pytest.mark.parametrize(
    ("inputs", "property", "reason"),
    [
        ({"name": "a", "build": {"context": "."}}, "build", "use docker.Image"),
        ({"name": "A"}, "name", "is no image name"),
        ({}, "name", "missing"),
    ],
)
def test_refused_images(remote: RemoteImage, inputs: Properties, property: str, reason: str) -> None:
    with pytest.raises(CheckFailedError) as caught:
        remote.check(REMOTE, None, inputs, b"")
    assert [failure.property for failure in caught.value.failures] == [property]
    assert reason in caught.value.failures[0].reason


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({"keepLocally": True}, set[str]()),
        ({"forceRemove": True}, set[str]()),
        ({"platform": "linux/arm64"}, {"platform"}),
        ({"pullTriggers": ["c"]}, {"pullTriggers[0]", "pullTriggers[1]"}),
        ({"name": "b"}, {"name"}),
    ],
)
def test_what_replaces_a_pulled_image(remote: RemoteImage, change: Properties, replaces: set[str]) -> None:
    start: Properties = {"name": "a", "pullTriggers": ["a", "b"]}
    diff = remote.diff(REMOTE, "id", State("id", start, {}), {**start, **change})
    assert diff.changes
    assert diff.replaces == replaces


def test_a_pulled_image_cannot_be_imported(remote: RemoteImage) -> None:
    with pytest.raises(ProviderError, match="cannot be imported"):
        remote.read(REMOTE, "sha256:0a", {}, {})
