"""cert-manager: issues and renews certificates in the cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pulumi

from catalog import services
from components.base import Component
from components.endpoint import ApiRule, kube_api
from components.foundation.addons.definitions import define
from components.images import ImageSource
from components.kinds import Deployment
from components.pod import Health, Http
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

HEALTH_PORT = 9403
"""Of the controller's health endpoint."""

CONTROLLERS = (
    "issuers",
    "clusterissuers",
    "certificates-trigger",
    "certificates-readiness",
    "certificates-key-manager",
    "certificates-request-manager",
    "certificates-issuing",
    "certificates-revision-manager",
    "certificaterequests-approver",
    "certificaterequests-issuer-ca",
    "certificaterequests-issuer-selfsigned",
)
"""All that an authority of our own needs: no ACME, no Vault, no ingress shim, and none of their rights."""


def _in_all_namespaces(group: str, verbs: Sequence[str], *resources: str) -> ApiRule:
    return ApiRule(verbs=verbs, groups=(group,), resources=resources, namespace=ApiRule.CLUSTER)


_OWN = "cert-manager.io"
RULES = (
    _in_all_namespaces(_OWN, ("list", "watch"), "issuers", "clusterissuers"),
    _in_all_namespaces(_OWN, ("get", "list", "watch"), "certificates"),
    _in_all_namespaces(_OWN, ("list", "watch", "create", "delete"), "certificaterequests"),
    _in_all_namespaces(
        _OWN,
        ("update",),
        *("issuers/status", "clusterissuers/status", "certificates/status", "certificaterequests/status"),
        # For clusters where who sets an owner must have a right to it (OwnerReferencesPermissionEnforcement).
        "certificates/finalizers",
    ),
    # Certificates may be asked for in every namespace, and their Secrets lie beside them.
    _in_all_namespaces("", ("get", "list", "watch", "create", "patch", "delete"), "secrets"),
    _in_all_namespaces("", ("create", "patch"), "events"),
)
"""What these controllers do with the API, read off an audit log and their source: less than upstream's ClusterRoles."""


@dataclass(frozen=True, kw_only=True)
class CertManagerArgs:
    """What cert-manager needs."""

    tier: Tier
    images: ImageSource


class CertManager(Component):
    """`code:foundation:CertManager`: cert-manager's controller, without webhook and CA injector (docs/adr/0008).

    Children: its CustomResourceDefinitions, a Workload.

    Args:
        name: Resource name.
        args: Where it runs.

    Outputs:
        ready: What must be there before a certificate can be asked for.
    """

    TYPE: ClassVar[str] = "code:foundation:CertManager"
    ready: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: CertManagerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        service = services.load().service("cert-manager")
        kinds = define("cert-manager", self.child)
        workload = Workload(
            name,
            WorkloadArgs(
                tier=args.tier,
                component="certificates",
                # Nobody is elected among several, so the old one ends first.
                kind=Deployment(recreate=True),
                image=args.images.upstream("cert-manager-controller"),
                command=[
                    "/app/cmd/controller/controller",
                    f"--controllers={','.join(CONTROLLERS)}",
                    f"--cluster-resource-namespace={args.tier.name}",
                    "--leader-elect=false",
                ],
                connects=[kube_api(args.tier.cluster, RULES)],
                health=Health(live=Http(port=HEALTH_PORT, path="/livez")),
                resources=service.resources,
                zone=service.zone,
            ),
            # Its caches need the kinds to be served.
            opts=pulumi.ResourceOptions(parent=self, depends_on=kinds),
        )
        self.ready = [*kinds, workload]
        self.register_outputs({})
