"""The kubernetes stand-in: the provider's own arguments."""

import json

import pytest

from sandbox.plugins.kubernetes import settings
from sandbox.plugins.provider import CheckFailedError
from sandbox.plugins.values import UNKNOWN, Properties, Secret


def config(server: str = "https://a", name: str = "c") -> str:
    return json.dumps(
        {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": name}}],
            "clusters": [{"name": name, "cluster": {"server": server}}],
        }
    )


def test_flags_come_as_text_or_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    monkeypatch.setenv("PULUMI_K8S_ENABLE_PATCH_FORCE", "true")
    read = settings.read({"enableSecretMutable": "true", "enablePatchForce": "false", "namespace": Secret("n")})
    assert (read.enable_secret_mutable, read.enable_config_map_mutable) == (True, False)
    assert read.delete_unreachable
    assert not read.enable_patch_force, "the argument counts for more"
    assert read.namespace == "n"


@pytest.mark.parametrize(
    ("given", "property"),
    [
        ({"nameSpace": "x"}, "nameSpace"),
        ({"renderYamlToDirectory": "x"}, "renderYamlToDirectory"),
        ({"enableServerSideApply": "false"}, "enableServerSideApply"),
    ],
)
def test_refused(given: Properties, property: str) -> None:
    with pytest.raises(CheckFailedError) as caught:
        settings.check(given)
    assert [failure.property for failure in caught.value.failures] == [property]


def test_accepted() -> None:
    given: Properties = {"namespace": "n", "enableServerSideApply": "true", "version": "4.34.2", "context": UNKNOWN}
    assert settings.check(given) == given


@pytest.mark.parametrize(
    ("olds", "news", "replaces"),
    [
        ({"kubeconfig": config()}, {"kubeconfig": config(name="renamed")}, set[str]()),
        ({"kubeconfig": config()}, {"kubeconfig": config("https://b")}, {"kubeconfig"}),
        ({"kubeconfig": config()}, {"kubeconfig": config(), "namespace": "n"}, set[str]()),
        ({"kubeconfig": config()}, {"kubeconfig": UNKNOWN}, {"kubeconfig"}),
        (
            {"kubeconfig": config(), "clusterIdentifier": "a"},
            {"kubeconfig": config("https://b"), "clusterIdentifier": "a"},
            set[str](),
        ),
        (
            {"kubeconfig": config(), "clusterIdentifier": "a"},
            {"kubeconfig": config(), "clusterIdentifier": "b"},
            {"clusterIdentifier"},
        ),
    ],
)
def test_another_cluster_replaces(olds: Properties, news: Properties, replaces: set[str]) -> None:
    diff = settings.diff(olds, news)
    assert diff.replaces == replaces
    assert diff.changes.keys() == {key for key in olds | news if olds.get(key) != news.get(key)}


def test_nothing_changed() -> None:
    assert not settings.diff({"kubeconfig": config()}, {"kubeconfig": config()}).changes
