"""The address of an endpoint: every one that a consumer gets passes through here."""

from dataclasses import dataclass

import pulumi

from components.base import DeclarationError
from components.cluster import DOMAIN
from components.endpoint import Addresses, Endpoint, Pods, Port, PublicName, Via
from components.tiers import Tier


@dataclass(frozen=True, kw_only=True)
class Address:
    """What a consumer connects to."""

    host: pulumi.Input[str] | None
    """None: there is no one address: the consumer's own node has it, or each of many."""
    port: int

    @property
    def authority(self) -> pulumi.Output[str]:
        """host:port.

        Errors:
            DeclarationError: there is no one address.
        """
        if self.host is None:
            raise DeclarationError("an endpoint without one address has no host:port to write down")
        return pulumi.Output.format("{0}:{1}", self.host, self.port)


def address(endpoint: Endpoint, port: Port | None = None) -> Address:
    """The address of an endpoint, as a consumer gets it.

    Args:
        endpoint: what the consumer was handed.
        port: one of its ports; the first by default.
    """
    chosen = port or endpoint.ports[0]
    match endpoint.at:
        case Pods(via=Via.HOST_PORT):
            return Address(host=None, port=chosen.port)
        case Pods(via=via, tier=tier):
            # Behind a headless Service there is no port but the pods' own.
            number = chosen.target if via is Via.HEADLESS else chosen.port
            return Address(host=_service(endpoint.name, tier), port=number)
        case Addresses(host=host) | PublicName(host=host):
            return Address(host=host, port=chosen.port)


def host(endpoint: Endpoint) -> str:
    """The name of an endpoint of this stack's pods, which their certificate must have.

    Errors:
        DeclarationError: it is of none, or each node has it.
    """
    if not isinstance(endpoint.at, Pods) or endpoint.at.via is Via.HOST_PORT:
        raise DeclarationError(f"endpoint {endpoint.name!r} has no name of a Service")
    return _service(endpoint.name, endpoint.at.tier)


def pod_hosts(endpoint: Endpoint, replicas: int) -> list[str]:
    """The names of a StatefulSet's pods, behind the headless endpoint that gives them these."""
    workload = endpoint.at.workload if isinstance(endpoint.at, Pods) else ""
    return [f"{workload}-{ordinal}.{host(endpoint)}" for ordinal in range(replicas)]


def _service(name: str, tier: Tier) -> str:
    return f"{name}.{tier.name}.svc.{DOMAIN}"
