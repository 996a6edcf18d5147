"""The programs of the Kubernetes control plane: etcd, API server, controller manager, scheduler."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.cluster import audit, configuration, pki
from sandbox.cluster.configuration import CONFIG
from sandbox.cluster.pki import Pair
from sandbox.cluster.settings import CLUSTER_DOMAIN, NODE_NAME, RUN, Settings, kubeconfig
from sandbox.cluster.supervisor import Program

PKI = RUN / "pki"
"""Keys and certificates of the cluster."""

ETCD = "http://127.0.0.1:2379"
"""etcd as the API server sees it. Loopback of the node, which pods do not share."""


@dataclass(frozen=True)
class ClusterKeys:
    """The cluster's certificates.

    `client` issues the identities of users and components and the servers' certificates, `front_proxy` those of
    aggregated APIs' callers.
    """

    ca: Pair
    front_proxy_ca: Pair
    front_proxy: Pair
    api_server: Pair
    api_to_kubelet: Pair
    admin: Pair
    controller_manager: Pair
    scheduler: Pair
    kubelet: Pair
    kubelet_server: Pair
    kube_proxy: Pair
    service_accounts: Path


def keys(wanted: Settings) -> ClusterKeys:
    """Make the cluster's certificates, or find those made before."""
    ca = pki.authority(PKI, "ca", "code-sandbox")
    front_ca = pki.authority(PKI, "front-proxy-ca", "code-sandbox-front-proxy")
    network = wanted.network
    api_hosts = (
        *("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}"),
        *("localhost", "127.0.0.1", NODE_NAME, str(network.node), str(network.api_service)),
    )
    node = f"system:node:{NODE_NAME}"
    return ClusterKeys(
        ca=ca,
        front_proxy_ca=front_ca,
        front_proxy=pki.issue(front_ca, PKI, "front-proxy", "front-proxy-client"),
        api_server=pki.issue(ca, PKI, "kube-apiserver", "kube-apiserver", hosts=api_hosts),
        api_to_kubelet=pki.issue(ca, PKI, "api-to-kubelet", "kube-apiserver-kubelet", organization="system:masters"),
        admin=pki.issue(ca, PKI, "admin", "admin", organization="system:masters"),
        controller_manager=pki.issue(ca, PKI, "kube-controller-manager", "system:kube-controller-manager"),
        scheduler=pki.issue(ca, PKI, "kube-scheduler", "system:kube-scheduler"),
        kubelet=pki.issue(ca, PKI, "kubelet", node, organization="system:nodes"),
        kubelet_server=pki.issue(ca, PKI, "kubelet-server", node, hosts=(NODE_NAME, str(network.node))),
        kube_proxy=pki.issue(ca, PKI, "kube-proxy", "system:kube-proxy"),
        service_accounts=pki.signing_key(PKI, "service-accounts"),
    )


def local_kubeconfig(wanted: Settings, made: ClusterKeys, client: Pair, user: str) -> Path:
    """The kubeconfig of a component inside the node."""
    server = f"https://{wanted.network.node}:{wanted.api.node}"
    return configuration.kubeconfig(CONFIG / f"{user.split(':')[-1]}.kubeconfig", server, made.ca.cert, client, user)


def identity(wanted: Settings, name: str, user: str) -> Path:
    """The kubeconfig of a further program of the node that is known to the API server as `user`."""
    made = keys(wanted)
    return local_kubeconfig(wanted, made, pki.issue(made.ca, PKI, name, user), user)


def programs(wanted: Settings, made: ClusterKeys, binaries: Path) -> list[Program]:
    """Write the control plane's configuration; return its programs.

    Args:
        wanted: the node's settings.
        made: the cluster's certificates.
        binaries: the folder with kube-apiserver and its like.
    """
    configuration.kubeconfig(kubeconfig(), wanted.api_url, made.ca.cert, made.admin, "admin")
    manager = local_kubeconfig(wanted, made, made.controller_manager, "system:kube-controller-manager")
    scheduler = local_kubeconfig(wanted, made, made.scheduler, "system:kube-scheduler")
    return [
        Program(name="etcd", command=["/usr/bin/etcd", *_flags(_etcd())], order=10),
        _api_server(wanted, made, binaries),
        Program(
            name="kube-controller-manager",
            command=[binaries / "kube-controller-manager", *_flags(_controller_manager(wanted, made, manager))],
            files=(manager,),
            order=40,
        ),
        Program(
            name="kube-scheduler",
            command=[
                binaries / "kube-scheduler",
                *_flags(
                    {
                        "kubeconfig": scheduler,
                        "authentication-kubeconfig": scheduler,
                        "authorization-kubeconfig": scheduler,
                        "authentication-skip-lookup": "true",
                        "bind-address": "127.0.0.1",
                        "leader-elect": "false",
                    }
                ),
            ],
            files=(scheduler,),
            order=40,
        ),
    ]


def _etcd() -> dict[str, object]:
    return {
        "name": NODE_NAME,
        "data-dir": RUN / "etcd",
        "listen-client-urls": ETCD,
        "advertise-client-urls": ETCD,
        "listen-peer-urls": "http://127.0.0.1:2380",
        "initial-advertise-peer-urls": "http://127.0.0.1:2380",
        "initial-cluster": f"{NODE_NAME}=http://127.0.0.1:2380",
        # Safe against killed processes; a machine that goes down starts a new sandbox (state.takes_over).
        "unsafe-no-fsync": "true",
    }


def _api_server(wanted: Settings, made: ClusterKeys, binaries: Path) -> Program:
    network = wanted.network
    encryption = _encryption()
    audit_policy = configuration.write_yaml("audit-policy", audit.POLICY)
    flags = {
        "etcd-servers": ETCD,
        "bind-address": "0.0.0.0",  # noqa: S104 - of the node, not of the machine
        "secure-port": wanted.api.node,
        "advertise-address": network.node,
        "service-cluster-ip-range": network.services,
        "tls-cert-file": made.api_server.cert,
        "tls-private-key-file": made.api_server.key,
        "client-ca-file": made.ca.cert,
        "authorization-mode": "Node,RBAC",
        "enable-admission-plugins": "NodeRestriction",
        "anonymous-auth": "true",  # RBAC lets the unauthenticated see health and version only
        "service-account-issuer": f"https://kubernetes.default.svc.{CLUSTER_DOMAIN}",
        "service-account-key-file": made.service_accounts,
        "service-account-signing-key-file": made.service_accounts,
        "kubelet-client-certificate": made.api_to_kubelet.cert,
        "kubelet-client-key": made.api_to_kubelet.key,
        "kubelet-certificate-authority": made.ca.cert,
        "kubelet-preferred-address-types": "InternalIP",
        "requestheader-client-ca-file": made.front_proxy_ca.cert,
        "requestheader-allowed-names": "front-proxy-client",
        "requestheader-username-headers": "X-Remote-User",
        "requestheader-group-headers": "X-Remote-Group",
        "requestheader-extra-headers-prefix": "X-Remote-Extra-",
        "proxy-client-cert-file": made.front_proxy.cert,
        "proxy-client-key-file": made.front_proxy.key,
        "enable-aggregator-routing": "true",
        "encryption-provider-config": encryption,
        "audit-policy-file": audit_policy,
        "audit-log-path": audit.LOG,
        "audit-log-maxsize": audit.ROTATED_MB,
        "audit-log-maxbackup": 1,
        "profiling": "false",
    }
    return Program(
        name="kube-apiserver",
        command=[binaries / "kube-apiserver", *_flags(flags)],
        files=(encryption, audit_policy, made.api_server.cert),
        order=20,
        stop_s=10,
    )


def _controller_manager(wanted: Settings, made: ClusterKeys, own: Path) -> dict[str, object]:
    return {
        "kubeconfig": own,
        "authentication-kubeconfig": own,
        "authorization-kubeconfig": own,
        "authentication-skip-lookup": "true",
        "bind-address": "127.0.0.1",
        "leader-elect": "false",
        # It is alone with its API server; its own default throttle makes a start last 6 s instead of 2.
        "kube-api-qps": 200,
        "kube-api-burst": 400,
        "use-service-account-credentials": "true",
        "service-account-private-key-file": made.service_accounts,
        "root-ca-file": made.ca.cert,
        "cluster-signing-cert-file": made.ca.cert,
        "cluster-signing-key-file": made.ca.key,
        "service-cluster-ip-range": wanted.network.services,
        # The one node's pods take the whole range, by the CNI's own address management.
        "allocate-node-cidrs": "false",
    }


def _encryption() -> Path:
    """Secrets are encrypted in etcd with a key made once per sandbox."""
    key = PKI / "secrets.key"
    if not key.exists():
        pki.write_private(key, base64.b64encode(secrets.token_bytes(32)))
    secretbox = {"keys": [{"name": "sandbox", "secret": key.read_text()}]}
    # Whatever was written before it was encrypted can still be read.
    unencrypted: dict[str, object] = {}
    return configuration.write_yaml(
        "encryption",
        {
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [
                {
                    "resources": ["secrets"],
                    "providers": [{"secretbox": secretbox}, {"identity": unencrypted}],
                }
            ],
        },
    )


def _flags(values: Mapping[str, object]) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]
