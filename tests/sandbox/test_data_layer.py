"""The data layer as the stack deploys it: the HTM store is crawled and answers, backups are as old as they say."""

from typing import Any

from tests.sandbox import cronjobs
from tests.sandbox.platform import Platform

JOB_S = 300


def run(platform: Platform, namespace: str, cronjob: str, command: list[str] | None = None) -> str:
    """Run a CronJob now, with another command where one is given, to its good end; what it printed."""

    def changed(container: dict[str, Any]) -> None:
        container["command"] = command or container["command"]

    done = cronjobs.run(platform.cluster, namespace, cronjob, seconds=JOB_S, change=changed)
    assert done.succeeded, done.log
    return done.log


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
