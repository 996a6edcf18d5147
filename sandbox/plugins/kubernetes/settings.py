"""The provider's own arguments (`kubernetes.Provider(...)`, `kubernetes:...` configuration)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.plugins.kubernetes.kubeconfig import Cluster, KubeconfigError, load
from sandbox.plugins.provider import CheckFailedError, Diff, Failure, Kind, compare
from sandbox.plugins.values import Properties, Unknown, Value, reveal

_TRUE = "true"

# Flags with the environment variable that stands in for each.
_FLAGS: Mapping[str, str] = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
    "suppressDeprecationWarnings": "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS",
}
_TEXTS = frozenset({"kubeconfig", "context", "cluster", "namespace", "clusterIdentifier"})
# Without meaning here: we neither limit our requests nor know helm.
_IGNORED = frozenset({"suppressHelmHookWarnings", "kubeClientSettings"})
_UNSUPPORTED = frozenset({"renderYamlToDirectory", "alwaysRender", "helmReleaseSettings", "strictMode"})
_SERVER_SIDE_APPLY = "enableServerSideApply"
_ENGINE = frozenset({"version", "pluginDownloadURL", "pluginChecksums", "__internal"})
_ACTIVE_CLUSTER = ("kubeconfig", "context", "cluster")


@dataclass(frozen=True)
class Settings:
    """The arguments, with their defaults."""

    kubeconfig: str = field(default="", repr=False)
    context: str = ""
    cluster: str = ""
    namespace: str = ""
    delete_unreachable: bool = False
    skip_update_unreachable: bool = False
    enable_patch_force: bool = False
    upsert_existing_objects: bool = False
    enable_config_map_mutable: bool = False
    enable_secret_mutable: bool = False
    suppress_deprecation_warnings: bool = False


def check(config: Properties) -> Properties:
    """The arguments as they are.

    Errors:
        CheckFailedError: one is unknown, or the stand-in does not support it.
    """
    known = _TEXTS | _FLAGS.keys() | _IGNORED | {_SERVER_SIDE_APPLY} | _ENGINE
    failures: list[Failure] = []
    for key, value in config.items():
        if key in _UNSUPPORTED and _text(value):
            failures.append(Failure(key, "the stand-in for kubernetes does not support it; use PLUGINS=official"))
        elif key not in known | _UNSUPPORTED:
            failures.append(Failure(key, f"unknown provider argument; known: {', '.join(sorted(known - _ENGINE))}"))
        elif key == _SERVER_SIDE_APPLY and _text(value) not in ("", _TRUE):
            failures.append(Failure(key, "the stand-in applies on the server side only; use PLUGINS=official"))
    if failures:
        raise CheckFailedError(failures)
    return config


def diff(olds: Properties, news: Properties) -> Diff:
    """What changed; another cluster replaces the provider, and with it every resource.

    `clusterIdentifier` overrides the comparison of kubeconfigs where it is given.
    """
    changes = {key.split(".")[0]: kind for key, kind in compare(olds, news).changes.items()}
    given, before = _text(news.get("clusterIdentifier")), _text(olds.get("clusterIdentifier"))
    replaces: set[str] = set()
    if given and before:
        replaces = {"clusterIdentifier"} if given != before else set()
    elif any(isinstance(reveal(news.get(key)), Unknown) for key in _ACTIVE_CLUSTER):
        replaces = {key for key in _ACTIVE_CLUSTER if isinstance(reveal(news.get(key)), Unknown)}
    elif (old := _active(olds)) and (new := _active(news)) and old != new:
        replaces = {key for key in _ACTIVE_CLUSTER if key in changes}
    return Diff({**dict.fromkeys(replaces, Kind.UPDATE), **changes}, frozenset(replaces))


def read(config: Properties) -> Settings:
    """The settings that arguments and environment amount to (flags arrive as JSON in strings)."""
    flags = {key: (_text(config.get(key)) or os.environ.get(name)) == _TRUE for key, name in _FLAGS.items()}
    return Settings(
        kubeconfig=_text(config.get("kubeconfig")),
        context=_text(config.get("context")),
        cluster=_text(config.get("cluster")),
        namespace=_text(config.get("namespace")),
        delete_unreachable=flags["deleteUnreachable"],
        skip_update_unreachable=flags["skipUpdateUnreachable"],
        enable_patch_force=flags["enablePatchForce"],
        upsert_existing_objects=flags["upsertExistingObjects"],
        enable_config_map_mutable=flags["enableConfigMapMutable"],
        enable_secret_mutable=flags["enableSecretMutable"],
        suppress_deprecation_warnings=flags["suppressDeprecationWarnings"],
    )


def _active(config: Properties) -> Cluster | None:
    try:
        return load(*(_text(config.get(key)) for key in _ACTIVE_CLUSTER)).cluster
    except KubeconfigError:
        return None  # then nothing can be said about which cluster it is


def _text(value: Value) -> str:
    value = reveal(value)
    if isinstance(value, bool):
        return _TRUE if value else "false"
    return value if isinstance(value, str) else ""
