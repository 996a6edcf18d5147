"""Which kinds the API server serves, and where; and which of them a Pulumi type token means."""

import threading
from dataclasses import dataclass
from urllib.parse import quote

from sandbox.plugins.kubernetes.client import Client
from sandbox.plugins.kubernetes.objects import listed
from sandbox.plugins.provider import ProviderError, Resource

_PACKAGE = "kubernetes"
_CHARTS = frozenset({"helm.sh", "yaml", "kustomize"})
"""Modules of the SDK that are no API groups."""


@dataclass(frozen=True)
class Kind:
    """A kind as the API server serves it."""

    api_version: str
    name: str
    """Say `Deployment`."""
    plural: str
    namespaced: bool

    @property
    def group(self) -> str:
        """The API group, empty for the core."""
        return self.api_version.rpartition("/")[0]

    @property
    def qualified(self) -> str:
        """As the API server's messages name it: `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def path(self, namespace: str, name: str = "") -> str:
        """The URL path of an object, or of all in the namespace."""
        path = _root(self.api_version)
        if self.namespaced and namespace:
            path += f"/namespaces/{quote(namespace, safe='')}"
        path += f"/{self.plural}"
        return f"{path}/{quote(name, safe='')}" if name else path


class Kinds:
    """What the API server serves, asked once for each group and version, again for what it did not have yet."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Kind] = {}

    def find(self, api_version: str, name: str) -> Kind | None:
        """The kind, None where the API server does not serve it (now: a CRD may add it)."""
        with self._lock:
            if (api_version, name) not in self._known:
                for item in listed(self._client.find(_root(api_version)), "resources"):
                    if "/" not in item["name"]:
                        kind = Kind(api_version, item["kind"], item["name"], bool(item["namespaced"]))
                        self._known[api_version, kind.name] = kind
            return self._known.get((api_version, name))

    def need(self, api_version: str, name: str) -> Kind:
        """A kind that every API server serves.

        Errors:
            ProviderError: this one does not.
        """
        if kind := self.find(api_version, name):
            return kind
        raise ProviderError(f"the API server does not serve {api_version} {name}")

    def versions(self, group: str) -> list[str]:
        """The apiVersions that the API server serves of a group, preferred one first."""
        if not group:
            return ["v1"]
        found = self._client.find(f"/apis/{group}")
        return [str(version["groupVersion"]) for version in listed(found, "versions")]


def gvk_of(resource: Resource) -> tuple[str, str]:
    """The apiVersion and kind that a type token means: `kubernetes:apps/v1:Deployment`.

    Errors:
        ProviderError: the token is none of an API kind (helm charts, YAML files, kustomizations).
    """
    module, _, name = resource.type.removeprefix(f"{_PACKAGE}:").rpartition(":")
    group, _, version = module.rpartition("/")
    if group in _CHARTS or not group or not resource.type.startswith(f"{_PACKAGE}:"):
        raise ProviderError(
            f"the stand-in for kubernetes does not support {resource.type} ({resource.name}); use PLUGINS=official"
        )
    return (version if group == "core" else f"{group}/{version}"), name


def refuse_unsupported(resource: Resource, inputs_kind: object) -> None:
    """Refuse the SDK's types that are kinds in name only.

    Errors:
        ProviderError: a List (which the official provider refuses too), or a Patch.
    """
    _, name = gvk_of(resource)
    if isinstance(inputs_kind, str) and name == f"{inputs_kind}Patch":
        raise ProviderError(
            f"the stand-in for kubernetes does not support Patch resources ({resource.name}); use PLUGINS=official"
        )
    if name.endswith("List") and (inputs_kind is None or inputs_kind == name):
        raise ProviderError(
            "list resources exist for compatibility with YAML manifests and Helm charts, and cannot be created "
            "directly. Use the underlying resource type instead"
        )


def can_be_custom(api_version: str) -> bool:
    """Whether a CustomResourceDefinition could add kinds to the group: its name must hold a dot."""
    return "." in api_version.rpartition("/")[0]


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
