"""The kubernetes stand-in: which cluster a kubeconfig means."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.kubernetes.kubeconfig import KubeconfigError, load

Config = dict[str, Any]
PEM = "-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n"


def config(**user: object) -> Config:
    return {
        "current-context": "a",
        "contexts": [
            {"name": "a", "context": {"cluster": "one", "user": "me", "namespace": "ns"}},
            {"name": "b", "context": {"cluster": "two"}},
        ],
        "clusters": [
            {"name": "one", "cluster": {"server": "https://one"}},
            {"name": "two", "cluster": {"server": "https://two", "insecure-skip-tls-verify": True}},
        ],
        "users": [{"name": "me", "user": {"token": "t", **user}}],
    }


def test_current_context() -> None:
    access = load(json.dumps(config()), "", "")
    assert (access.cluster.server, access.user.token, access.namespace) == ("https://one", "t", "ns")


def test_named_context_and_cluster() -> None:
    access = load(json.dumps(config()), "b", "")
    assert (access.cluster.server, access.cluster.insecure, access.namespace) == ("https://two", True, "")
    assert load(json.dumps(config()), "a", "two").cluster.server == "https://two"


def test_paths_are_relative_to_their_file(tmp_path: Path) -> None:
    (tmp_path / "pki").mkdir()
    (tmp_path / "pki" / "me.crt").write_text(PEM)
    path = tmp_path / "config"
    path.write_text(json.dumps(config(**{"client-certificate": "pki/me.crt"})))
    assert load(str(path), "", "").user.certificate == PEM


def test_embedded_data() -> None:
    data = {"client-key-data": base64.b64encode(PEM.encode()).decode()}
    assert load(json.dumps(config(**data)), "", "").user.key == PEM


def test_ambient_files_are_merged_and_the_first_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = config(), config()
    first["clusters"] = [{"name": "one", "cluster": {"server": "https://first"}}]
    second["current-context"] = "b"
    paths = [tmp_path / "first", tmp_path / "missing", tmp_path / "second"]
    paths[0].write_text(json.dumps(first))
    paths[2].write_text(json.dumps(second))
    monkeypatch.setenv("KUBECONFIG", ":".join(map(str, paths)))
    assert load("", "", "").cluster.server == "https://first"
    assert load("", "b", "").cluster.server == "https://two"


def without_context(given: Config) -> Config:
    return {**given, "current-context": ""}


def without_cluster(given: Config) -> Config:
    return {**given, "clusters": []}


def with_proxy(given: Config) -> Config:
    return {**given, "clusters": [{"name": "one", "cluster": {"server": "https://one", "proxy-url": "http://p"}}]}


def with_nonsense(_given: Config) -> Config:
    return config(**{"client-key-data": "no base64"})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_context, "no current context"),
        (without_cluster, "has no cluster 'one'"),
        (with_proxy, "'proxy-url'"),
        (with_nonsense, "client-key-data"),
    ],
)
def test_unusable(change: Callable[[Config], Config], words: str) -> None:
    with pytest.raises(KubeconfigError, match=words):
        load(json.dumps(change(config())), "", "")


@pytest.mark.parametrize("given", ["just words", "a: [", "[]"])
def test_no_kubeconfig_at_all(given: str) -> None:
    with pytest.raises(KubeconfigError):
        load(given, "", "")


def test_credentials_do_not_show() -> None:
    assert "'t'" not in repr(load(json.dumps(config()), "", ""))
    with pytest.raises(KubeconfigError) as caught:
        load("token: s3cret\n\tx", "", "")
    assert "s3cret" not in str(caught.value)
