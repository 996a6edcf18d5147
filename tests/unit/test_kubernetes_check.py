"""The kubernetes stand-in: inputs as they are completed and refused, without an API server."""

from typing import cast

import pytest

from sandbox.plugins.kubernetes.checking import AUTONAMED, Given, check
from sandbox.plugins.kubernetes.identity import Plan
from sandbox.plugins.provider import CheckFailedError, ProviderError, Resource
from sandbox.plugins.values import UNKNOWN, Properties, Secret

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SEED = bytes(range(32))


def checked(type: str, news: Properties, olds: Properties | None = None, plan: Plan | None = None) -> Properties:
    resource = Resource(f"urn:pulumi:s::p::{type}::web", type, "web")
    return check(Given(resource, olds, news, SEED), None, plan or Plan())


@pytest.mark.parametrize(
    ("type", "news", "words"),
    [
        ("kubernetes:helm.sh/v3:Release", {}, "PLUGINS=official"),
        ("kubernetes:yaml/v2:ConfigFile", {}, "PLUGINS=official"),
        ("kubernetes:kustomize/v2:Directory", {}, "PLUGINS=official"),
        ("kubernetes:index:Thing", {}, "PLUGINS=official"),
        ("kubernetes:core/v1:ConfigMapList", {"kind": "ConfigMapList"}, "list resources exist for compatibility"),
        ("kubernetes:core/v1:ConfigMapPatch", {"kind": "ConfigMap"}, "does not support Patch resources"),
        (CONFIG_MAP, {"metadata": {"generateName": "x-"}}, "generateName"),
    ],
)
def test_refused(type: str, news: Properties, words: str) -> None:
    with pytest.raises(ProviderError, match=words):
        checked(type, news)


@pytest.mark.parametrize(
    ("key", "value"),
    [("waitFor", "jsonpath={.a}"), ("patchFieldManager", "me"), ("replaceUnready", "true")],
)
def test_annotations_that_cannot_be_followed(key: str, value: str) -> None:
    with pytest.raises(CheckFailedError, match="PLUGINS=official") as caught:
        checked(CONFIG_MAP, {"metadata": {"annotations": {f"pulumi.com/{key}": value}}})
    assert [failure.property for failure in caught.value.failures] == [f'metadata.annotations["pulumi.com/{key}"]']


def test_completed() -> None:
    inputs = checked("kubernetes:apps/v1:Deployment", {"spec": {}})
    assert inputs == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web-00010203", "annotations": {AUTONAMED: "true"}},
        "spec": {},
    }


def test_automatic_name_stays() -> None:
    old: Properties = {"metadata": {"name": "web-old", "annotations": {AUTONAMED: "true"}}}
    assert cast(Properties, checked(CONFIG_MAP, {}, old)["metadata"])["name"] == "web-old"
    fixed: Properties = {"metadata": {"name": "fixed"}}
    assert cast(Properties, checked(CONFIG_MAP, {}, fixed)["metadata"])["name"] == "web-00010203"


def test_namespace_stays_where_the_cluster_is_away() -> None:
    old: Properties = {"metadata": {"name": "a", "namespace": "n"}}
    assert checked(CONFIG_MAP, {"metadata": {"name": "a"}}, old)["metadata"] == {
        "name": "a",
        "namespace": "n",
    }


@pytest.mark.parametrize("name", ["fixed", UNKNOWN, Secret("hidden")], ids=str)
def test_given_name_stays(name: str) -> None:
    assert checked(CONFIG_MAP, {"metadata": {"name": name}})["metadata"] == {"name": name}


def test_unknown_metadata_stay() -> None:
    assert checked(CONFIG_MAP, {"metadata": UNKNOWN})["metadata"] is UNKNOWN


def test_a_secret_is_secret() -> None:
    inputs = checked("kubernetes:core/v1:Secret", {"stringData": {"a": "b"}, "data": Secret({"c": "d"})})
    assert inputs["stringData"] == Secret({"a": "b"})
    assert inputs["data"] == Secret({"c": "d"})


def test_declared_definition_is_a_schema() -> None:
    plan = Plan()
    crd: Properties = {
        "metadata": {"name": "w.example.com"},
        "spec": {
            "group": "example.com",
            "names": {"kind": "W"},
            "versions": [{"name": "v1", "schema": {"openAPIV3Schema": {"properties": {"spec": {"type": "string"}}}}}],
        },
    }
    checked("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", crd, plan=plan)
    schema = plan.schema("example.com/v1", "W")
    assert schema
    assert [failure.property for failure in schema.failures({"kind": "W", "spec": 1, "a": 1})] == ["spec", "a"]
    assert plan.schema("example.com/v2", "W") is None
    assert plan.schema("example.com/v1", "V") is None
