"""The platform's own certificate authority, made and kept by cert-manager: its key never leaves the cluster."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pulumi
from pulumi_kubernetes import apiextensions, core, meta

from components.base import Component, labels

API = "cert-manager.io/v1"

AUTHORITY_HOURS = 10 * 365 * 24
LEAF_HOURS = 90 * 24
"""How long certificates hold; cert-manager renews them when a third of that is left."""

_READY = {"pulumi.com/waitFor": "condition=Ready"}


@dataclass(frozen=True, kw_only=True)
class AuthorityArgs:
    """What the authority needs."""

    namespace: pulumi.Input[str]
    """Where cert-manager looks for the Secrets of cluster-wide issuers (`--cluster-resource-namespace`)."""
    requires: Sequence[pulumi.Resource] = ()
    """What must be there first: cert-manager, where the stack installs it."""


class Authority(Component):
    """`code:foundation:Authority`: a certificate authority for everything in the cluster.

    Children: a self-signed ClusterIssuer, the authority's own Certificate, the ClusterIssuer that signs with it, and a
    Certificate that nobody serves: reading its Secret tells the authority's certificate without taking any private key
    of use into the state.

    Args:
        name: Name of the resource and of the ClusterIssuer.
        args: Where its key lies.

    Outputs:
        ca: PEM of its certificate; not secret.
    """

    TYPE: ClassVar[str] = "code:foundation:Authority"
    ca: pulumi.Output[str]

    def __init__(self, name: str, args: AuthorityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self._name = name
        root = self._issuer(f"{name}-root", {"selfSigned": {}}, args.requires)
        own = _certificate(
            f"{name}-ca",
            args.namespace,
            {
                "isCA": True,
                "commonName": f"{name} authority",
                "duration": f"{AUTHORITY_HOURS}h",
                # The same key when it is renewed: what trusts the old certificate trusts the new one.
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Never"},
                "issuerRef": _reference(f"{name}-root"),
            },
            pulumi.ResourceOptions(parent=self, depends_on=[root]),
        )
        self._signer = self._issuer(name, {"ca": {"secretName": f"{name}-ca"}}, [own])
        shown = self.certificate(f"{name}-shown", args.namespace, [f"{name}.invalid"], self)
        secret = core.v1.Secret.get(
            f"{name}-shown-secret",
            pulumi.Output.format("{0}/{1}", args.namespace, shown),
            pulumi.ResourceOptions(parent=self),
        )
        self.ca = pulumi.Output.unsecret(secret.data.apply(_authority_of))
        self.register_outputs({"ca": self.ca})

    def certificate(
        self,
        name: str,
        namespace: pulumi.Input[str],
        dns_names: Sequence[str],
        parent: pulumi.Resource,
        *,
        client: bool = False,
    ) -> pulumi.Output[str]:
        """Ask for a server's certificate.

        Args:
            name: of the Certificate and of its Secret.
            namespace: where it is wanted.
            dns_names: what it is for.
            parent: of the Certificate.
            client: whether its holder shows it to other servers too, who know it by its name.

        Returns:
            The Secret's name, known once it holds `tls.crt`, `tls.key` and `ca.crt`; it is renewed in place.
        """
        made = _certificate(
            name,
            namespace,
            {
                "dnsNames": list(dns_names),
                **({"commonName": name} if client else {}),
                "duration": f"{LEAF_HOURS}h",
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
                "usages": ["digital signature", "server auth", *(["client auth"] if client else [])],
                "issuerRef": _reference(self._name),
            },
            pulumi.ResourceOptions(parent=parent, depends_on=[self._signer]),
        )
        # By its id, which is known when it is ready; its name would be known before.
        return made.id.apply(lambda _: name)

    def _issuer(
        self, name: str, spec: Mapping[str, Any], requires: Sequence[pulumi.Resource]
    ) -> apiextensions.CustomResource:
        return apiextensions.CustomResource(
            name,
            api_version=API,
            kind="ClusterIssuer",
            metadata=meta.v1.ObjectMetaArgs(name=name, labels=labels(name, "certificates"), annotations=_READY),
            spec=spec,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(requires)),
        )


def _certificate(
    name: str, namespace: pulumi.Input[str], spec: Mapping[str, Any], opts: pulumi.ResourceOptions
) -> apiextensions.CustomResource:
    return apiextensions.CustomResource(
        name,
        api_version=API,
        kind="Certificate",
        metadata=meta.v1.ObjectMetaArgs(
            name=name, namespace=namespace, labels=labels(name, "certificates"), annotations=_READY
        ),
        spec={"secretName": name, "secretTemplate": {"labels": labels(name, "certificates")}, **spec},
        opts=opts,
    )


def _reference(issuer: str) -> dict[str, str]:
    return {"name": issuer, "kind": "ClusterIssuer", "group": "cert-manager.io"}


def _authority_of(data: Mapping[str, str]) -> str:
    return base64.b64decode(data["ca.crt"]).decode()
