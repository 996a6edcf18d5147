"""What can be set about the node, and the addresses everything else agrees on."""

import hashlib
import os
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

from sandbox import paths
from sandbox.errors import SandboxError

NODE_NAME = "code-node"
"""Host name of the node and name of its Node object."""

CLUSTER_DOMAIN = "cluster.local"
"""The DNS domain of Services."""

POLICY_QUEUE = 100
"""Number of the netfilter queue in which new connections of pods wait for the NetworkPolicy agent."""

REGISTRY = "127.0.0.1:5000"
"""The registry as dockerd and containerd see it: they share the node's network namespace with it."""


def sandbox_id(state: Path) -> str:
    """Tells two state folders apart where their sandboxes meet: cgroup folders and mutable stores in the cache."""
    return hashlib.sha256(str(state).encode()).hexdigest()[:8]


SANDBOX_ID = sandbox_id(paths.STATE)

STORES = paths.CACHE / "stores-1" / SANDBOX_ID
"""What a sandbox fills and the next one finds again: dockerd's images and build cache, the registry's blobs.

The number is the format version: raise it when an old store must not be read any more.
"""

RUN = paths.STATE / "node"
"""Files of the node's processes: configuration, data, sockets."""


UPLINK = IPv4Network("10.0.2.0/24")
"""slirp4netns's network: .2 is the machine, .3 its name server, .100 the node."""

SERVICES = IPv4Network("10.100.0.0/16")
"""The range of Services."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """The addresses inside the node."""

    pods: IPv4Network
    uplink: IPv4Network = UPLINK
    services: IPv4Network = SERVICES

    @property
    def node(self) -> IPv4Address:
        """The node's own address."""
        return self.uplink[100]

    @property
    def name_server(self) -> IPv4Address:
        """slirp4netns's name server, which asks the machine's."""
        return self.uplink[3]

    @property
    def api_service(self) -> IPv4Address:
        """The address of the Service `kubernetes`."""
        return self.services[1]

    @property
    def dns_service(self) -> IPv4Address:
        """The address of the cluster's DNS Service."""
        return self.services[10]


@dataclass(frozen=True, kw_only=True)
class Forward:
    """A port of the machine's 127.0.0.1 that leads to a port of the node."""

    name: str
    host: int
    node: int


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that may differ between two sandboxes."""

    network: Network
    api: Forward
    edge: tuple[Forward, ...]

    @property
    def environment(self) -> dict[str, str]:
        """The variables from which `load` makes these settings again."""
        return {PORT_OFFSET: str(self.api.host - self.api.node), POD_CIDR: str(self.network.pods)}

    @property
    def forwards(self) -> tuple[Forward, ...]:
        """All forwarded ports."""
        return (*self.edge, self.api)

    @property
    def api_url(self) -> str:
        """The API server as the machine sees it."""
        return f"https://127.0.0.1:{self.api.host}"


PORT_OFFSET = "CODE_SANDBOX_PORT_OFFSET"
"""Environment variable: a number added to every port on the machine's side, so that a second sandbox with a state
folder of its own can run beside the first."""

POD_CIDR = "CODE_SANDBOX_POD_CIDR"
"""Environment variable: the range of pods."""

_LAST_PORT = 65535


def load() -> Settings:
    """Read the settings from the environment.

    Errors:
        SandboxError: a variable has a value that cannot be.
    """
    given = {PORT_OFFSET: "0", POD_CIDR: "10.244.0.0/16", **os.environ}
    try:
        offset = int(given[PORT_OFFSET])
    except ValueError as error:
        raise SandboxError(f"{PORT_OFFSET}={given[PORT_OFFSET]}: not a number") from error
    if not 0 <= offset <= _LAST_PORT - 6443:
        raise SandboxError(f"{PORT_OFFSET}={offset}: must be between 0 and {_LAST_PORT - 6443}")
    try:
        pods = IPv4Network(given[POD_CIDR])
    except ValueError as error:
        raise SandboxError(f"{POD_CIDR}={given[POD_CIDR]}: {error}") from error
    for taken in (SERVICES, UPLINK):
        if pods.overlaps(taken):
            raise SandboxError(f"{POD_CIDR}={pods}: overlaps {taken}, which the node uses itself")
    return Settings(
        network=Network(pods=pods),
        api=Forward(name="api", host=6443 + offset, node=6443),
        edge=(
            Forward(name="https", host=443 + offset, node=443),
            Forward(name="http", host=80 + offset, node=80),
        ),
    )


def kubeconfig() -> Path:
    """The administrator's kubeconfig for use on the machine."""
    return paths.STATE / "kubeconfig"
