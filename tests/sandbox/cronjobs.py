"""CronJobs that are run now."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.sandbox.harness import Cluster
from tests.waiting import until


@dataclass(frozen=True)
class Done:
    """How a Job ended."""

    succeeded: bool
    seconds: float
    log: str

    @property
    def last(self) -> str:
        """The last line that it printed."""
        return (self.log.strip().splitlines() or ["it printed nothing"])[-1][-200:]


def run(
    cluster: Cluster,
    namespace: str,
    cronjob: str,
    *,
    seconds: float,
    change: Callable[[dict[str, Any]], None] | None = None,
) -> Done:
    """Run a CronJob to its end, good or bad.

    Args:
        cluster: where.
        namespace: the CronJob's.
        cronjob: its name.
        seconds: within which it must end.
        change: changes its container first.
    """
    named, name = f"--namespace={namespace}", f"now-{uuid.uuid4().hex[:8]}"
    found = json.loads(cluster.kubectl("get", "cronjob", cronjob, named, "--output=json"))
    spec: dict[str, Any] = found["spec"]["jobTemplate"]["spec"]
    if change:
        change(spec["template"]["spec"]["containers"][0])
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    began = time.monotonic()
    cluster.kubectl("create", "--filename=-", stdin=json.dumps(job))

    def ended() -> str:
        state = json.loads(cluster.kubectl("get", "job", name, named, "--output=json"))
        true = [
            condition["type"] for condition in state["status"].get("conditions", []) if condition["status"] == "True"
        ]
        return next((end for end in true if end in ("Complete", "Failed")), "")

    end = until(f"{cronjob} ends", ended, seconds=seconds)
    took = time.monotonic() - began
    return Done(end == "Complete", took, cluster.kubectl("logs", named, f"job/{name}"))
