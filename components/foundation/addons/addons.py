"""All add-ons of a cluster: those that the stack installs, and what it uses of those that are there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from components.base import Component
from components.foundation.addons.authority import Authority, AuthorityArgs
from components.foundation.addons.cert_manager import CertManager, CertManagerArgs
from components.foundation.addons.metrics_server import MetricsServer, MetricsServerArgs
from components.images import ImageSource
from components.tiers import Tier

CERT_MANAGER_NAMESPACE = "cert-manager"
"""Where a cluster that has cert-manager keeps the Secrets of its ClusterIssuers, unless it was set up otherwise."""


@dataclass(frozen=True, kw_only=True)
class AddonsArgs:
    """What the add-ons need."""

    tier: Tier
    """Where those run that the stack installs."""
    images: ImageSource
    install: Mapping[str, int]
    """Add-on -> its replicas. The cluster has those that are missing here."""


class Addons(Component):
    """`code:foundation:Addons`: cert-manager, the platform's certificate authority, metrics-server.

    Children: CertManager and MetricsServer where they are installed, an Authority.

    Args:
        name: Resource name.
        args: Which are installed, and where.

    Outputs:
        authority: Issues the platform's certificates.
    """

    TYPE: ClassVar[str] = "code:foundation:Addons"
    authority: Authority

    def __init__(self, name: str, args: AddonsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        if "cert-manager" in args.install:
            cert_manager = CertManager("cert-manager", CertManagerArgs(tier=args.tier, images=args.images), self.child)
            issued_in = AuthorityArgs(namespace=args.tier.namespace, requires=cert_manager.ready)
        else:
            issued_in = AuthorityArgs(namespace=CERT_MANAGER_NAMESPACE)
        self.authority = Authority("code", issued_in, self.child)
        if replicas := args.install.get("metrics-server"):
            MetricsServer(
                "metrics-server",
                MetricsServerArgs(tier=args.tier, images=args.images, authority=self.authority, replicas=replicas),
                self.child,
            )
        self.register_outputs({})
