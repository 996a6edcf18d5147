"""What the API server writes down of what it was asked, and by whom."""

from collections.abc import Mapping

from sandbox import paths

LOG = paths.LOGS / "audit.log"
"""One JSON object per line."""

ROTATED_MB = 50
"""Size at which a new file is begun; one old one is kept."""

POLICY: Mapping[str, object] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        # Bodies of these hold secrets or tokens: who touched which, never what is in it.
        {
            "level": "Metadata",
            "resources": [
                {"group": "", "resources": ["secrets", "configmaps", "serviceaccounts/token"]},
                {"group": "authentication.k8s.io", "resources": ["tokenreviews"]},
                {"group": "certificates.k8s.io", "resources": ["certificatesigningrequests"]},
            ],
        },
        # The cluster talking to itself, many times a second.
        {
            "level": "None",
            "nonResourceURLs": ["/healthz*", "/readyz*", "/livez*", "/version", "/openapi/*", "/metrics"],
        },
        {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
        {"level": "None", "resources": [{"group": "", "resources": ["events"]}, {"group": "events.k8s.io"}]},
        {"level": "None", "userGroups": ["system:nodes"], "verbs": ["get", "list", "watch"]},
        {"level": "None", "users": ["system:kube-proxy", "system:kube-scheduler"], "verbs": ["get", "list", "watch"]},
        {"level": "Metadata", "verbs": ["get", "list", "watch"]},
        # A change: with what was sent, which is how a defect is traced to its author.
        {"level": "Request"},
    ],
}
