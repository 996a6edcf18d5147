"""The parts that settings have: each a model of its own, with the bounds of its values."""

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema, field_validator, model_validator

from catalog.model import CpuQuantity, MemoryQuantity, Model, Zone
from components.endpoint import WIDEST
from stacks.wrong import Wrong, WrongValuesError, refuse

NAME = r"^[a-z][a-z0-9_]{0,40}$"
"""Pattern of the names that an operator makes up."""

Name = Annotated[str, Field(pattern=NAME, description="lower case, digits and _, at most 41, a letter first")]
Hostname = Annotated[
    str,
    Field(
        pattern=r"^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z]([a-z0-9-]{0,61}[a-z0-9])?$",
        max_length=253,
        description="DNS name in lower case, say mcp.example.org",
    ),
]
Cidr = Annotated[
    IPv4Network,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?$",
            "description": "IPv4 range, its host bits 0, say 10.0.2.0/24",
        }
    ),
]

SMALLEST_TIER = 24
"""Longest prefix of a tier: three data centres with a /26 each, which is a /24."""
PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""RFC 1918."""


class TierCidrs(Model):
    """N1-N4. In a cluster tiers are closed namespaces; elsewhere they are networks with these addresses."""

    dmz: Cidr = IPv4Network("172.16.0.0/24")
    frontend: Cidr = IPv4Network("172.20.0.0/24")
    backend: Cidr = IPv4Network("172.21.0.0/24")
    data: Cidr = IPv4Network("172.22.0.0/24")

    @field_validator("*")
    @classmethod
    def _fits(cls, cidr: IPv4Network) -> IPv4Network:
        if cidr.prefixlen > SMALLEST_TIER or not any(map(cidr.subnet_of, PRIVATE)):
            ranges = ", ".join(map(str, PRIVATE))
            allowed = f"a range of at least /{SMALLEST_TIER} (a /26 in each of three zones) in one of {ranges}"
            raise WrongValuesError([Wrong((), cidr, allowed)])
        return cidr


def _narrow(cidrs: tuple[IPv4Network, ...]) -> tuple[IPv4Network, ...]:
    refuse(
        Wrong((index,), cidr, f"at most a /{WIDEST}: a NetworkPolicy opens all of it")
        for index, cidr in enumerate(cidrs)
        if cidr.prefixlen < WIDEST
    )
    return cidrs


NarrowCidrs = Annotated[tuple[Cidr, ...], AfterValidator(_narrow)]


class ClusterCidrs(Model):
    """What the cluster's own addresses are: nothing else may lie in them."""

    pods: Cidr = IPv4Network("10.244.0.0/16")
    services: Cidr = IPv4Network("10.100.0.0/16")
    nodes: NarrowCidrs = Field(min_length=1, description="addresses of the nodes")


class KubernetesApi(Model):
    """Where the API server answers behind its Service: `kubectl get endpointslices kubernetes` says it."""

    cidrs: NarrowCidrs = Field(min_length=1, description="its addresses")
    port: int = Field(ge=1, le=65535)


class Pool(Model):
    """Machines of one kind, and the zones whose pods they take."""

    zones: tuple[Zone, ...] = Field(min_length=1)
    nodes: int = Field(ge=1, le=100)
    cpu: CpuQuantity = Field(description="what pods may have of each node in cores, say '2' or 1500m")
    memory: MemoryQuantity = Field(description="what pods may have of each node, say 8Gi or 512Mi")


class AddonMode(StrEnum):
    """Whether the stack brings an add-on, or the cluster has it."""

    INSTALL = "install"
    PRESENT = "present"


class Addons(Model):
    """What a cluster needs beside its control plane."""

    cert_manager: AddonMode = AddonMode.INSTALL
    metrics_server: AddonMode = AddonMode.INSTALL


class Domains(Model):
    """Names that clients call. The first of each is the one that the stack hands out."""

    edge: tuple[Hostname, ...] = Field(default=("localhost",), min_length=1)


class Retention(Model):
    """How long things are kept, in days."""

    metrics: int = Field(default=15, ge=1, le=400)
    logs: int = Field(default=30, ge=1, le=400)
    audit: int = Field(default=90, ge=30, le=2557)
    backups: int = Field(default=30, ge=7, le=35, description="point-in-time restore; 35 is the most that RDS keeps")

    @model_validator(mode="after")
    def _audit_outlives(self) -> "Retention":
        if self.audit < self.logs:
            allowed = f"no shorter than logs, which are kept {self.logs} days: audit outlives the logs it explains"
            raise WrongValuesError([Wrong(("audit",), self.audit, allowed)])
        return self


class SecretSource(Model):
    """Where a secret's value is."""

    config: Name = Field(
        description="key of this stack file (lower case, digits and _), set with: pulumi config set --secret"
    )
    generation: int = Field(default=1, ge=1, description="raised with a new value: its users roll over to it")
