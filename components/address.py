"""The address of an endpoint: every one that a consumer gets passes through here."""

from dataclasses import dataclass

import pulumi

from components.base import DeclarationError
from components.cluster import DOMAIN
from components.endpoint import Addresses, Endpoint, Pods, Port, PublicName, Via


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
            return Address(host=f"{endpoint.name}.{tier.name}.svc.{DOMAIN}", port=number)
        case Addresses(host=host) | PublicName(host=host):
            return Address(host=host, port=chosen.port)
