"""Credentials from a kubeconfig's exec plugin (`client.authentication.k8s.io`, kind ExecCredential)."""

import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime

from sandbox.plugins.kubernetes.kubeconfig import KubeconfigError
from sandbox.plugins.kubernetes.objects import Obj, listed, mapped

_TIMEOUT_S = 60.0
_MARGIN_S = 30.0
"""A token is renewed this long before it ends."""


@dataclass(frozen=True)
class Credential:
    """What a plugin answered."""

    token: str = field(repr=False)
    certificate: str
    key: str = field(repr=False)
    ends: float
    """Unix time."""


class ExecPlugin:
    """Runs the plugin when a credential is needed, and keeps what it said until it ends. Thread-safe."""

    def __init__(self, spec: Obj) -> None:
        self._spec = spec
        self._lock = threading.Lock()
        self._kept: Credential | None = None

    def credential(self, *, fresh: bool = False) -> Credential:
        """A credential that is valid now; `fresh` after the API server refused the last one.

        Errors:
            KubeconfigError: the plugin cannot be run, fails, or answers nonsense.
        """
        with self._lock:
            if fresh or self._kept is None or self._kept.ends - _MARGIN_S < time.time():
                self._kept = self._run()
            return self._kept

    def _run(self) -> Credential:
        command = str(self._spec.get("command") or "")
        info = {"apiVersion": self._spec.get("apiVersion"), "kind": "ExecCredential", "spec": {"interactive": False}}
        extra = {str(item["name"]): str(item["value"]) for item in listed(self._spec, "env")}
        try:
            done = subprocess.run(
                [command, *map(str, listed(self._spec, "args"))],
                env={**os.environ, **extra, "KUBERNETES_EXEC_INFO": json.dumps(info)},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=True,
            )
            status = mapped(json.loads(done.stdout), "status")
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            # Of a failed plugin only the kind of failure: its output may hold credentials.
            raise KubeconfigError(
                f"the exec plugin {command!r} of the kubeconfig failed: {type(error).__name__}"
            ) from None
        ends = status.get("expirationTimestamp")
        return Credential(
            token=str(status.get("token") or ""),
            certificate=str(status.get("clientCertificateData") or ""),
            key=str(status.get("clientKeyData") or ""),
            ends=datetime.fromisoformat(str(ends)).timestamp() if ends else float("inf"),
        )
