"""The programs that run pods: containerd, kubelet, kube-proxy."""

import json
from pathlib import Path

from sandbox import images
from sandbox.cluster import configuration
from sandbox.cluster.control_plane import ClusterKeys, local_kubeconfig
from sandbox.cluster.settings import CLUSTER_DOMAIN, NODE_NAME, REGISTRY, RUN, Settings
from sandbox.cluster.supervisor import Program

CONTAINERD = RUN / "containerd.sock"
"""containerd's socket, reachable from the machine too: `ctr --address ... --namespace k8s.io`."""

ZONES = ("hpc", "data", "edge", "general")
"""The one node belongs to every zone."""

MAX_PODS = 250
"""The whole fleet runs on the one node; Kubernetes' default is 110."""


def programs(wanted: Settings, made: ClusterKeys, binaries: Path) -> list[Program]:
    """Write the configuration of what runs pods; return its programs."""
    own = local_kubeconfig(wanted, made, made.kubelet, f"system:node:{NODE_NAME}")
    kubelet = configuration.write_yaml("kubelet", _kubelet(wanted, made))
    proxy = configuration.write_yaml("kube-proxy", _kube_proxy(wanted, made))
    containerd = _containerd(wanted)
    return [
        Program(
            name="containerd",
            command=["/usr/bin/containerd", "--config", containerd],
            files=(containerd,),
            order=10,
        ),
        Program(
            name="kubelet",
            command=[
                binaries / "kubelet",
                f"--config={kubelet}",
                f"--kubeconfig={own}",
                f"--hostname-override={NODE_NAME}",
                f"--node-ip={wanted.network.node}",
                f"--node-labels={','.join(f'{key}={value}' for key, value in _labels().items())}",
            ],
            files=(kubelet, own, made.kubelet_server.cert),
            order=30,
        ),
        Program(
            name="kube-proxy",
            command=[binaries / "kube-proxy", f"--config={proxy}", f"--hostname-override={NODE_NAME}"],
            files=(proxy,),
            order=30,
        ),
    ]


def _labels() -> dict[str, str]:
    return {
        **{f"zone.code/{zone}": "true" for zone in ZONES},
        "topology.kubernetes.io/zone": "sandbox-a",
        "topology.kubernetes.io/region": "sandbox",
    }


def _kubelet(wanted: Settings, made: ClusterKeys) -> dict[str, object]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "containerRuntimeEndpoint": f"unix://{CONTAINERD}",
        "cgroupDriver": "cgroupfs",
        # Machines with cgroup version 1 still serve as a sandbox; kubelet refuses them unless told.
        "failCgroupV1": False,
        "failSwapOn": False,
        "maxPods": MAX_PODS,
        "podCIDR": str(wanted.network.pods),
        "podLogsDir": "/var/log/pods",
        "clusterDNS": [str(wanted.network.dns_service)],
        "clusterDomain": CLUSTER_DOMAIN,
        "resolvConf": "/etc/resolv.conf",
        "volumePluginDir": str(RUN / "volume-plugins"),
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(made.ca.cert)},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(made.kubelet_server.cert),
        "tlsPrivateKeyFile": str(made.kubelet_server.key),
        # Only a process with CAP_SYS_RESOURCE may lower it, and not every machine's root has that.
        "oomScoreAdj": 0,
        "serializeImagePulls": False,
        "maxParallelImagePulls": 3,
        # The disk is the machine's: what others fill does not evict our pods, running dry does.
        "evictionHard": {"memory.available": "200Mi", "nodefs.available": "2%", "imagefs.available": "2%"},
        "imageGCHighThresholdPercent": 100,
        "shutdownGracePeriod": "0s",
        "shutdownGracePeriodCriticalPods": "0s",
    }


def _kube_proxy(wanted: Settings, made: ClusterKeys) -> dict[str, object]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "clusterCIDR": str(wanted.network.pods),
        "clientConnection": {"kubeconfig": str(local_kubeconfig(wanted, made, made.kube_proxy, "system:kube-proxy"))},
        # Connection tracking's size is a setting of the machine: zero leaves it alone.
        "conntrack": {"maxPerCore": 0, "min": 0},
        "oomScoreAdj": 0,
    }


def _containerd(wanted: Settings) -> Path:
    registries = configuration.write_text("certs.d/_default/hosts.toml", _MIRROR).parent.parent
    cni = configuration.write_json("cni/10-pods.conflist", _cni(wanted)).parent
    return configuration.write_text(
        "containerd.toml",
        f"""\
version = 2
root = "{RUN}/containerd"
state = "/run/containerd"
disabled_plugins = {json.dumps(_UNUSED_PLUGINS)}
[grpc]
  address = "{CONTAINERD}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{":".join(images.PAUSE)}"
  # Without CAP_SYS_RESOURCE no container could be given a lower OOM score than containerd's own.
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd]
    # Compressed layers are in the registry already.
    discard_unpacked_layers = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{cni}"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{registries}"
""",
    )


_UNUSED_PLUGINS = [
    "io.containerd.internal.v1.opt",
    *(f"io.containerd.snapshotter.v1.{name}" for name in ("aufs", "btrfs", "devmapper", "zfs")),
]

_MIRROR = f"""\
# Whatever registry an image names, the sandbox's serves it, and nothing else is asked.
server = "http://{REGISTRY}"
[host."http://{REGISTRY}"]
  capabilities = ["pull", "resolve"]
"""


def _cni(wanted: Settings) -> dict[str, object]:
    """Routed pods: what a bridge connects would skip the FORWARD chain, and NetworkPolicies with it."""
    return {
        "cniVersion": "0.4.0",
        "name": "pods",
        "plugins": [
            {
                "type": "ptp",
                "ipMasq": True,
                "ipam": {
                    "type": "host-local",
                    "ranges": [[{"subnet": str(wanted.network.pods)}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
