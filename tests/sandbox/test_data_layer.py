"""The data layer as the stack deploys it: the HTM store is crawled and answers, backups are as old as they say."""

import json
import uuid
from typing import Any

from tests.sandbox.platform import Platform
from tests.waiting import until

JOB_S = 300


def run(platform: Platform, namespace: str, cronjob: str, command: list[str] | None = None) -> str:
    """Run a CronJob now, with another command where one is given, to its good end; what it printed."""
    kubectl, name = platform.cluster.kubectl, f"now-{uuid.uuid4().hex[:8]}"
    found = json.loads(kubectl("get", "cronjob", cronjob, f"--namespace={namespace}", "--output=json"))
    spec: dict[str, Any] = found["spec"]["jobTemplate"]["spec"]
    if command:
        spec["template"]["spec"]["containers"][0]["command"] = command
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": namespace}, "spec": spec}
    kubectl("create", "--filename=-", stdin=json.dumps(job))

    def ended() -> str:
        state = json.loads(kubectl("get", "job", name, f"--namespace={namespace}", "--output=json"))
        ends = [c["type"] for c in state["status"].get("conditions", []) if c["status"] == "True"]
        return next((end for end in ends if end in ("Complete", "Failed")), "")

    end = until(f"{cronjob} ends", ended, seconds=JOB_S)
    printed = kubectl("logs", f"--namespace={namespace}", f"job/{name}")
    assert end == "Complete", printed
    return printed


def test_the_htm_store_answers_what_is_similar(platform: Platform) -> None:
    said = run(platform, "mcp-backend", "htm-crawler")
    assert "feature-hashing-768" in said, "what stands in for a model says so"
    query = ["python", "-m", "htm", "query", "network policy that closes a namespace", "--limit", "5"]
    found = run(platform, "mcp-backend", "htm-crawler", query)
    assert "components/tiers.py" in found
    checked = run(platform, "mcp-backend", "htm-crawler", ["python", "-m", "htm", "check"])
    assert "768 dimensions" in checked


def test_a_backup_restores_where_nobody_is_disturbed(platform: Platform) -> None:
    said = run(platform, "mcp-data-restore", "htm-restore")
    assert "restore: htm-crawler is whole" in said
    assert "restore: postgres is whole" in said


def test_how_old_backups_are_can_be_read(platform: Platform) -> None:
    kubectl = platform.cluster.kubectl
    path = "/api/v1/namespaces/mcp-data/services/backup-metrics-metrics:9188/proxy/metrics"
    page = kubectl("get", "--raw", path)
    for cronjob in ("postgres-backup-full", "postgres-backup-incr", "postgres-restore", "redis-members-0-backup"):
        assert f'cronjob="{cronjob}"' in page
