"""metrics-server: how much CPU and memory pods use, for scalers and `kubectl top`."""

import base64
from dataclasses import dataclass
from typing import ClassVar

import pulumi
from pulumi_kubernetes import apiregistration, meta

from catalog import services
from components.base import Component, labels
from components.endpoint import Addresses, ApiRule, Endpoint, Pods, Port, Via, kube_api
from components.foundation.addons.authority import Authority
from components.images import ImageSource
from components.kinds import Deployment
from components.mounts import secret_mount
from components.pod import Health, Http
from components.tiers import Purpose, Tier
from components.workload import Workload, WorkloadArgs

PORT = 4443
KUBELET_PORT = 10250
TLS_DIR = "/run/tls"
ACCOUNT_CA = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt"

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
"""The API that it serves."""

RULES = (
    ApiRule(verbs=("get",), resources=("nodes/metrics",), namespace=ApiRule.CLUSTER),
    ApiRule(verbs=("get", "list", "watch"), resources=("pods", "nodes"), namespace=ApiRule.CLUSTER),
    # It asks the API server who calls, and whether that may be.
    ApiRule(
        verbs=("create",), groups=("authentication.k8s.io",), resources=("tokenreviews",), namespace=ApiRule.CLUSTER
    ),
    ApiRule(
        verbs=("create",),
        groups=("authorization.k8s.io",),
        resources=("subjectaccessreviews",),
        namespace=ApiRule.CLUSTER,
    ),
    ApiRule(
        verbs=("get", "list", "watch"),
        resources=("configmaps",),
        names=("extension-apiserver-authentication",),
        namespace="kube-system",
    ),
)
"""Upstream's roles, written out."""


@dataclass(frozen=True, kw_only=True)
class MetricsServerArgs:
    """What metrics-server needs."""

    tier: Tier
    images: ImageSource
    authority: Authority
    replicas: int


class MetricsServer(Component):
    """`code:foundation:MetricsServer`: the API `metrics.k8s.io`.

    Children: its Certificate, a Workload, the APIService by which the API server finds it.

    Args:
        name: Resource name and Service name.
        args: Where it runs, and who signs its certificate.
    """

    TYPE: ClassVar[str] = "code:foundation:MetricsServer"

    def __init__(self, name: str, args: MetricsServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        service = services.load().service("metrics-server")
        tier = args.tier
        certificate = args.authority.certificate(f"{name}-tls", tier.namespace, [f"{name}.{tier.name}.svc"], self)
        api = Endpoint(
            name=name,
            at=Pods(workload=name, tier=tier, via=Via.API_SERVER),
            ports=[Port(name="https", port=443, target=PORT)],
            scheme="https",
        )
        kubelets = Endpoint(
            name="kubelets",
            at=Addresses(host=None, cidrs=tier.cluster.node_cidrs),
            ports=[Port(name="https", port=KUBELET_PORT, target=KUBELET_PORT)],
            purpose=Purpose.METRICS,
        )
        workload = Workload(
            name,
            WorkloadArgs(
                tier=tier,
                component="metrics",
                kind=Deployment(replicas=args.replicas),
                image=args.images.upstream("metrics-server"),
                command=[
                    "/metrics-server",
                    f"--secure-port={PORT}",
                    f"--tls-cert-file={TLS_DIR}/tls.crt",
                    f"--tls-private-key-file={TLS_DIR}/tls.key",
                    f"--kubelet-certificate-authority={ACCOUNT_CA}",
                    "--kubelet-preferred-address-types=InternalIP",
                    "--kubelet-use-node-status-port",
                    "--metric-resolution=15s",
                ],
                offers=[api],
                connects=[kube_api(tier.cluster, RULES), kubelets],
                health=Health(
                    live=Http(port=PORT, path="/livez", scheme="HTTPS"),
                    ready=Http(port=PORT, path="/readyz", scheme="HTTPS"),
                ),
                resources=service.resources,
                zone=service.zone,
                mounts=[secret_mount("tls", TLS_DIR, certificate)],
            ),
            opts=self.child,
        )
        apiregistration.v1.APIService(
            f"{name}-api",
            metadata=meta.v1.ObjectMetaArgs(name=f"{VERSION}.{GROUP}", labels=labels(name, "metrics")),
            spec=apiregistration.v1.APIServiceSpecArgs(
                group=GROUP,
                version=VERSION,
                group_priority_minimum=100,
                version_priority=100,
                ca_bundle=args.authority.ca.apply(_encoded),
                service=apiregistration.v1.ServiceReferenceArgs(name=name, namespace=tier.namespace, port=443),
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[workload]),
        )
        self.register_outputs({})


def _encoded(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
