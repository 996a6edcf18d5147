"""The age of backups as Prometheus reads it: one that never ended well is not young."""

from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from data_tools.backup_metrics import page

MADE, BEGUN, ENDED = (datetime(2026, 11, day, tzinfo=UTC) for day in (1, 20, 19))


def values(*rows: tuple[str, str, datetime, datetime | None, datetime | None]) -> dict[tuple[str, str], float]:
    families = text_string_to_metric_families(page(rows))
    return {(sample.name, sample.labels["cronjob"]): sample.value for family in families for sample in family.samples}


def test_a_backup_is_as_old_as_its_last_good_end() -> None:
    found = values(("mcp-data", "postgres-backup-full", MADE, BEGUN, ENDED))
    assert found == {
        ("backup_last_success_timestamp_seconds", "postgres-backup-full"): ENDED.timestamp(),
        ("backup_last_schedule_timestamp_seconds", "postgres-backup-full"): BEGUN.timestamp(),
        ("backup_succeeded", "postgres-backup-full"): 1,
    }


def test_one_that_never_ended_well_is_as_old_as_itself_and_says_so() -> None:
    found = values(("mcp-data", "postgres-restore", MADE, BEGUN, None))
    assert found[("backup_last_success_timestamp_seconds", "postgres-restore")] == MADE.timestamp()
    assert found[("backup_succeeded", "postgres-restore")] == 0


def test_one_that_was_never_begun() -> None:
    assert values(("mcp-data", "x", MADE, None, None))[("backup_last_schedule_timestamp_seconds", "x")] == 0
