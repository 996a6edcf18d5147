"""The kubernetes stand-in: objects between the state and the API server, secrets included."""

from typing import Any, cast

import pytest

from sandbox.plugins.kubernetes import objects
from sandbox.plugins.kubernetes.drift import inputs_seen
from sandbox.plugins.kubernetes.identity import auto_name
from sandbox.plugins.kubernetes.immutable import replaced_paths
from sandbox.plugins.values import UNKNOWN, Properties, Secret

LIVE: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {
        "name": "s",
        "namespace": "n",
        "uid": "u",
        "resourceVersion": "1",
        "managedFields": [],
        "annotations": {objects.LAST_APPLIED: '{"data":{"a":"YQ=="}}', "mine": "1"},
    },
    "data": {"a": "YQ=="},
    "status": {},
}


def test_a_secret_is_secret_however_it_was_given() -> None:
    inputs: Properties = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "a"}}
    state = objects.outputs(LIVE, objects.secrets_marked(inputs, inputs), "m")
    assert state["data"] == Secret({"a": "YQ=="})
    metadata = cast(Properties, state["metadata"])
    assert cast(Properties, metadata["annotations"])[objects.LAST_APPLIED] == Secret('{"data":{"a":"YQ=="}}')
    assert cast(Properties, state[objects.INPUTS])["stringData"] == Secret({"a": "a"})
    assert "managedFields" not in metadata


def test_import_leaves_out_what_servers_write() -> None:
    inputs = objects.inputs_of_live(LIVE)
    assert inputs["metadata"] == {"name": "s", "namespace": "n", "annotations": {"mine": "1"}}
    assert "status" not in inputs
    assert inputs["data"] == Secret({"a": "YQ=="})


def test_preview_shows_no_value_that_the_server_will_choose() -> None:
    dry = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s", "uid": "of the dry run", "generation": 1},
        "spec": {"clusterIP": "10.0.0.1", "type": "ClusterIP"},
        "status": {},
    }
    state = objects.preview_outputs(dry, {"spec": {}})
    assert state["spec"] == {"clusterIP": UNKNOWN, "type": "ClusterIP"}
    assert cast(Properties, state["metadata"])["uid"] is UNKNOWN
    assert "status" not in state
    fixed = objects.preview_outputs(dry, {"spec": {"clusterIP": "10.0.0.1"}})
    assert cast(Properties, fixed["spec"])["clusterIP"] == "10.0.0.1"


def test_dashes_that_the_sdk_cannot_spell() -> None:
    inputs: Properties = {"spec": [{"x_kubernetes_preserve_unknown_fields": Secret(True)}], "kind": "X"}
    sent = objects.manifest(inputs)
    assert sent["spec"] == [{"x-kubernetes-preserve-unknown-fields": True}]


def test_messages_hide_secrets() -> None:
    inputs: Properties = {"metadata": {"labels": {"a": Secret("hunter2"), "b": "shown"}}, "n": Secret("x")}
    assert objects.redacted('Invalid value: "hunter2" shown x', inputs) == 'Invalid value: "[secret]" shown x'
    plain: Properties = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "name"}, "data": {"a": "aHVudGVy"}}
    assert objects.redacted("name: aHVudGVy", plain) == "name: [secret]"


@pytest.mark.parametrize(("id", "parts"), [("n/a", ("n", "a")), ("a", ("", "a"))])
def test_ids(id: str, parts: tuple[str, str]) -> None:
    assert objects.split_id(id) == parts


def test_automatic_names_follow_the_seed() -> None:
    assert auto_name("web", bytes(range(32))) == "web-00010203"
    assert auto_name("web", bytes(range(32))) != auto_name("web", bytes(range(1, 33)))


INPUTS: Properties = {
    "metadata": {"labels": {"a": "1", "gone": "1"}},
    "spec": {"cpu": "1000m", "ports": [{"port": 80}], "secret": Secret("s"), "image": "i:1"},
    "writeOnly": "w",
}
AGAIN: dict[str, Any] = {
    "metadata": {"labels": {"a": "1", "gone": "1", "foreign": "f"}, "resourceVersion": "2"},
    "spec": {"cpu": "1", "ports": [{"port": 80, "protocol": "TCP"}], "secret": "s", "image": "i:1", "default": 1},
}


def test_no_drift() -> None:
    live = {**AGAIN, "metadata": {**AGAIN["metadata"], "resourceVersion": "1"}}
    assert inputs_seen(INPUTS, live, AGAIN) == INPUTS


def test_drift() -> None:
    live = {
        "metadata": {"labels": {"a": "2", "foreign": "f"}},
        "spec": {**AGAIN["spec"], "ports": [{"port": 81, "protocol": "TCP"}], "secret": "t", "image": "i:2"},
    }
    seen = inputs_seen(INPUTS, live, AGAIN)
    assert seen == {
        "metadata": {"labels": {"a": "2"}},
        "spec": {"cpu": "1000m", "ports": [{"port": 81}], "secret": Secret("t"), "image": "i:2"},
        "writeOnly": "w",
    }


def test_drift_of_string_data() -> None:
    given: Properties = {"stringData": Secret({"a": "as given", "b": "same"})}
    again = {"data": {"a": "YXMgZ2l2ZW4=", "b": "c2FtZQ=="}}
    seen = inputs_seen(given, {"data": {"a": "Y2hhbmdlZA==", "b": "c2FtZQ=="}}, again)
    assert seen == {"stringData": Secret({"a": "changed", "b": "same"})}


@pytest.mark.parametrize(
    ("manifest", "path", "replaces"),
    [
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "data.a", True),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "metadata.labels.a", False),
        ({"apiVersion": "v1", "kind": "ConfigMap"}, "metadata.name", True),
        ({"apiVersion": "v1", "kind": "Secret"}, "stringData.a", True),
        ({"apiVersion": "v1", "kind": "Pod"}, "spec.containers[1].env[0].value", True),
        ({"apiVersion": "v1", "kind": "Pod"}, "spec.tolerations[0]", False),
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, "spec.selector.matchLabels.app", True),
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, "spec.selectors", False),
        ({"apiVersion": "apps/v1", "kind": "Deployment"}, "spec", False),
        ({"apiVersion": "example.com/v1", "kind": "Deployment"}, "spec.selector", False),
        ({"apiVersion": "batch/v1", "kind": "Job"}, "spec.template.spec.containers[0].image", True),
    ],
)
def test_replacement(manifest: dict[str, Any], path: str, replaces: bool) -> None:
    found = replaced_paths([path], manifest, config_map_mutable=False, secret_mutable=False)
    assert bool(found) is replaces


def test_mutable_data() -> None:
    config = {"apiVersion": "v1", "kind": "ConfigMap"}
    assert not replaced_paths(["data.a"], config, config_map_mutable=True, secret_mutable=False)
    assert replaced_paths(["data.a"], {**config, "immutable": True}, config_map_mutable=True, secret_mutable=False)
    secret = {"apiVersion": "v1", "kind": "Secret"}
    assert not replaced_paths(["data.a"], secret, config_map_mutable=False, secret_mutable=True)
    assert replaced_paths(["type"], secret, config_map_mutable=False, secret_mutable=True)
