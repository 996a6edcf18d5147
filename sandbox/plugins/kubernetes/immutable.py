"""Which changes no update can make, so that the resource must be replaced.

The table is that of the official provider (its `provider/pkg/provider/diff.go`), for the versions that a current
API server serves. A change of any other immutable field fails in preview, in the API server's words.
"""

import re

from sandbox.plugins.kubernetes.objects import Obj

_ALWAYS = ("metadata.name", "metadata.namespace")
_ROLE_BINDING = ("roleRef",)

_POD_SPEC = (
    "affinity automountServiceAccountToken dnsConfig dnsPolicy enableServiceLinks hostAliases hostIPC hostNetwork "
    "hostPID hostname imagePullSecrets nodeName nodeSelector overhead preemptionPolicy priority priorityClassName "
    "readinessGates restartPolicy runtimeClassName schedulerName securityContext serviceAccount serviceAccountName "
    "shareProcessNamespace subdomain terminationGracePeriodSeconds volumes"
)
_CONTAINER = (
    "args command env image imagePullPolicy lifecycle livenessProbe ports readinessProbe resources securityContext "
    "stdin stdinOnce terminationMessagePath terminationMessagePolicy tty volumeDevices volumeMounts workingDir"
)
_VOLUME_SOURCES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk glusterfs "
    "hostPath iscsi local nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)


def _under(prefix: str, names: str) -> tuple[str, ...]:
    return tuple(f"{prefix}.{name}" for name in names.split())


_TABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps/v1", "DaemonSet"): ("spec.selector",),
    ("apps/v1", "Deployment"): ("spec.selector",),
    ("apps/v1", "StatefulSet"): _under(
        "spec", "podManagementPolicy revisionHistoryLimit selector serviceName volumeClaimTemplates"
    ),
    ("batch/v1", "Job"): _under("spec", "completions parallelism selector template"),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): _ROLE_BINDING,
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): _ROLE_BINDING,
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
    ("v1", "PersistentVolume"): _under("spec", _VOLUME_SOURCES),
    ("v1", "PersistentVolumeClaim"): _under("spec", "accessModes selector storageClassName volumeName"),
    ("v1", "Pod"): (
        *_under("spec", _POD_SPEC),
        *_under("spec.containers[*]", _CONTAINER),
        *_under("spec.initContainers[*]", _CONTAINER),
    ),
    ("v1", "ResourceQuota"): ("spec.scopes",),
    ("v1", "Service"): ("spec.clusterIP",),
}


def replaced_paths(
    paths: list[str], manifest: Obj, *, config_map_mutable: bool, secret_mutable: bool
) -> frozenset[str]:
    """Those of the changed paths that cannot change in place.

    A ConfigMap's and a Secret's data count as immutable unless the provider is told otherwise: a new one gets a new
    name, and what uses it rolls out.
    """
    key = (str(manifest.get("apiVersion")), str(manifest.get("kind")))
    fixed: list[str] = list(_ALWAYS)
    frozen = manifest.get("immutable") is True
    if key == ("v1", "Secret"):
        fixed += ["type", "stringData", "data"] if frozen or not secret_mutable else ["type"]
    elif key == ("v1", "ConfigMap"):
        fixed += ["binaryData", "data"] if frozen or not config_map_mutable else []
    else:
        fixed += _TABLE.get(key, ())
    return frozenset(path for path in paths if any(_lies_in(path, prefix) for prefix in fixed))


def _lies_in(path: str, prefix: str) -> bool:
    general = re.sub(r"\[\d+\]", "[*]", path)
    return general == prefix or general.startswith((f"{prefix}.", f"{prefix}["))
