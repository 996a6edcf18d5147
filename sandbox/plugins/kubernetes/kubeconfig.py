"""Which cluster to talk to, and as whom: the kubeconfig as kubectl reads it.

Format: `kubernetes.io/docs/reference/config-api/kubeconfig.v1`. Certificates, tokens, basic authentication and exec
plugins are understood; `auth-provider`, `proxy-url` and impersonation are refused.
"""

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import yaml

from sandbox.plugins.kubernetes.objects import Obj, listed, mapped, pick

_CLUSTER_KEYS = frozenset(
    {
        "server",
        "certificate-authority",
        "certificate-authority-data",
        "insecure-skip-tls-verify",
        "tls-server-name",
        "disable-compression",
        "extensions",
    }
)
_USER_KEYS = frozenset(
    {
        "client-certificate",
        "client-certificate-data",
        "client-key",
        "client-key-data",
        "token",
        "tokenFile",
        "username",
        "password",
        "exec",
        "extensions",
    }
)


class KubeconfigError(Exception):
    """A kubeconfig that names no usable cluster; the message says why."""


@dataclass(frozen=True)
class Cluster:
    """An API server: its address, and how to know it."""

    server: str
    authority: str = ""
    """PEM; empty where the system's authorities decide."""
    insecure: bool = False
    server_name: str = ""


@dataclass(frozen=True)
class User:
    """Who we are; whatever is set is used."""

    certificate: str = ""
    key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    token_file: str = ""
    basic: tuple[str, str] | None = field(default=None, repr=False)
    exec: Obj | None = None


@dataclass(frozen=True)
class Access:
    """What a kubeconfig says in the end."""

    cluster: Cluster
    user: User
    namespace: str
    """Of the context; empty where it names none."""


def load(given: str, context: str, cluster: str) -> Access:
    """Read a kubeconfig.

    Args:
        given: contents or path; empty for the ambient one (`KUBECONFIG`, then `~/.kube/config`).
        context: name of the context, empty for the current one.
        cluster: name of the cluster to use instead of the context's, or empty.

    Errors:
        KubeconfigError: it is missing, malformed, or names what it does not hold.
    """
    config = _parse(given) if given else _ambient()
    name = context or str(config.get("current-context") or "")
    if not name:
        raise KubeconfigError("the kubeconfig has no current context, and none is given")
    chosen = _named(config, "contexts", "context", name)
    user = str(chosen.get("user") or "")
    return Access(
        cluster=_cluster(_named(config, "clusters", "cluster", cluster or str(chosen.get("cluster") or ""))),
        user=_user(_named(config, "users", "user", user)) if user else User(),
        namespace=str(chosen.get("namespace") or ""),
    )


def _ambient() -> Obj:
    listed = os.environ.get("KUBECONFIG", "")
    paths = [Path(entry) for entry in listed.split(os.pathsep) if entry] or [Path.home() / ".kube" / "config"]
    merged: Obj = {}
    for path in paths:
        if not path.exists():
            continue
        for key, value in _read(path).items():
            if isinstance(value, list):
                # The first file that names an entry wins: _named takes the first.
                merged[key] = [*merged.get(key, []), *cast(list[Any], value)]
            elif value:
                merged.setdefault(key, value)
    if not merged:
        raise KubeconfigError(f"no kubeconfig: {', '.join(map(str, paths))} not found, and none is given")
    return merged


def _parse(given: str) -> Obj:
    path = Path(given).expanduser()
    try:
        is_file = path.is_file()
    except OSError:
        is_file = False  # contents are no file name: too long, say
    return _read(path) if is_file else _document(given, Path.cwd(), "the given kubeconfig")


def _read(path: Path) -> Obj:
    try:
        return _document(path.read_text(), path.parent, str(path))
    except OSError as error:
        raise KubeconfigError(f"cannot read {path}: {error.strerror}") from error


def _document(text: str, folder: Path, what: str) -> Obj:
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError:
        # Not the parser's own words: they would quote the text, which holds credentials.
        raise KubeconfigError(f"{what} is not YAML") from None
    if not isinstance(config, dict):
        raise KubeconfigError(f"{what} is neither a kubeconfig nor the path of one")
    known = cast(Obj, config)
    for section, entry in (("clusters", "cluster"), ("users", "user")):
        for item in listed(known, section):
            _resolve(mapped(item, entry), folder)
    return known


def _resolve(entry: Obj, folder: Path) -> None:
    """Make the paths in an entry independent of where its file lies."""
    for key in ("certificate-authority", "client-certificate", "client-key", "tokenFile"):
        if entry.get(key):
            entry[key] = str(folder / str(entry[key]))


def _named(config: Obj, section: str, entry: str, name: str) -> Obj:
    for item in listed(config, section):
        if pick(item, "name") == name:
            return mapped(item, entry)
    raise KubeconfigError(f"the kubeconfig has no {entry} {name!r}")


def _cluster(entry: Obj) -> Cluster:
    _refuse_unknown(entry, _CLUSTER_KEYS, "cluster")
    if not entry.get("server"):
        raise KubeconfigError("the cluster of the kubeconfig has no server")
    return Cluster(
        server=str(entry["server"]),
        authority=_pem(entry, "certificate-authority"),
        insecure=bool(entry.get("insecure-skip-tls-verify")),
        server_name=str(entry.get("tls-server-name") or ""),
    )


def _user(entry: Obj) -> User:
    _refuse_unknown(entry, _USER_KEYS, "user")
    name = str(entry.get("username") or "")
    return User(
        certificate=_pem(entry, "client-certificate"),
        key=_pem(entry, "client-key"),
        token=str(entry.get("token") or ""),
        token_file=str(entry.get("tokenFile") or ""),
        basic=(name, str(entry.get("password") or "")) if name else None,
        exec=pick(entry, "exec"),
    )


def _refuse_unknown(entry: Mapping[str, object], known: frozenset[str], what: str) -> None:
    for key in sorted(entry.keys() - known):
        raise KubeconfigError(f"the stand-in does not support {key!r} of a kubeconfig's {what}; use PLUGINS=official")


def _pem(entry: Obj, key: str) -> str:
    """Embedded data, else the file's content; empty where the entry has neither."""
    if data := entry.get(f"{key}-data"):
        try:
            return base64.b64decode(str(data), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            raise KubeconfigError(f"{key}-data of the kubeconfig is not base64 of PEM") from None
    if path := entry.get(key):
        try:
            return Path(str(path)).read_text()
        except OSError as error:
            raise KubeconfigError(f"cannot read the {key} {path}: {error.strerror}") from error
    return ""
