"""What an operator may set for each rule (`--policy-pack-config`), as JSON Schema with defaults."""

from collections.abc import Sequence
from typing import Any

from policies.rule import Settings


def _texts(default: Sequence[str], description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string"}, "default": list(default), "description": description}


IMAGE_DIGEST: Settings = {
    "sources": _texts(
        ["docker:index/image:Image", "docker-build:index:Image", "aws:ecr/repository:Repository"],
        "types of resources of the stack that an image unknown in a preview may come from",
    ),
}

POD_ISOLATION: Settings = {
    "capabilities": _texts(["NET_BIND_SERVICE"], "capabilities that a container may add"),
}

LIMITS_AND_PROBES: Settings = {
    "requests": _texts(["cpu", "memory"], "resources that every container must request"),
    # The CPU too: servers of one node share it, and the zone `hpc` pins whole CPUs only where limit equals request.
    "limits": _texts(["cpu", "memory"], "resources that every container must be limited in"),
}

NO_SECRET_IN_ENV: Settings = {
    "credentials": _texts(
        [
            "PASSWORD",
            "PASSWORDS",
            "PASSWD",
            "PASSPHRASE",
            "PWD",
            "SECRET",
            "SECRETS",
            "TOKEN",
            "CREDENTIAL",
            "CREDENTIALS",
            "API_KEY",
            "PRIVATE_KEY",
            "ACCESS_KEY",
            "SIGNING_KEY",
            "ENCRYPTION_KEY",
        ],
        "words by which a name is a credential's: `_` may be missing, case does not count",
    ),
    "not_credentials": _texts([], "names that only look like it, exactly as written"),
    # A pod that mounts a Secret is computed from the Secret's name, so Secret is among them; a value from inside one
    # is seen once it is known. What makes credentials (random, tls, iam) must never be.
    "sources": _texts(
        [
            "docker:index/image:Image",
            "kubernetes:core/v1:ConfigMap",
            "kubernetes:core/v1:Namespace",
            "kubernetes:core/v1:PersistentVolumeClaim",
            "kubernetes:core/v1:Secret",
            "kubernetes:core/v1:Service",
            "kubernetes:core/v1:ServiceAccount",
        ],
        "types of resources of the stack that alone a value unknown in a preview may come from",
    ),
}

NAMESPACE_DEFAULT_DENY: Settings = {
    "levels": _texts(["restricted"], "Pod Security levels that a namespace may enforce"),
}

RBAC_NO_WILDCARD: Settings = {
    "verbs": _texts(["escalate", "bind", "impersonate"], "verbs that nobody may be given"),
    "roles": _texts(["cluster-admin"], "roles that nobody may be bound to"),
    "subjects": _texts(
        ["system:anonymous", "system:unauthenticated", "system:authenticated", "system:serviceaccounts"],
        "users and groups that no role may be bound to: they are anybody",
    ),
}
