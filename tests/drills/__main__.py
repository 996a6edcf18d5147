"""Runs the drills and prints a table: `python -m tests.drills [--short]`; ends with 1 if one failed."""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from sandbox import paths
from tests.drills import access, change, failover, restore
from tests.drills.report import Row
from tests.drills.site import Site
from tests.sandbox import harness

Drill = Callable[[Site], Row]

SHORT: Sequence[Drill] = (
    access.stranger,
    access.others_database,
    access.others_keys,
    failover.postgres_killed,
    failover.redis_killed,
    restore.first_backup,
    restore.to_a_second,
    restore.locked,
)
ALL: Sequence[Drill] = (
    *SHORT[:3],
    failover.postgres_killed,
    failover.postgres_patroni_stopped,
    failover.postgres_server_stopped,
    failover.postgres_cut_off,
    failover.redis_killed,
    failover.redis_stopped,
    failover.redis_cut_off,
    restore.first_backup,
    restore.nightly,
    restore.to_a_second,
    restore.volume,
    restore.locked,
    change.passwords,
    change.memory,
)


def name_of(drill: Drill) -> str:
    """As `--only` takes it."""
    return f"{drill.__module__.rpartition('.')[2]}.{getattr(drill, '__name__', '')}"


def run(site: Site, drills: Sequence[Drill]) -> list[Row]:
    """Each drill, whatever came of the one before."""
    rows: list[Row] = []
    for drill in drills:
        began = time.monotonic()
        sys.stderr.write(f"... {name_of(drill)}\n")
        try:
            row = drill(site)
        except Exception as error:
            row = Row(name_of(drill), False, f"{type(error).__name__}: {str(error)[-400:]}")
        rows.append(row)
        sys.stderr.write(f"{row}  [{time.monotonic() - began:.0f} s]\n")
    return rows


def settings() -> dict[str, object]:
    """Those of the sandbox's dev stack, as far as drills need them."""
    config = yaml.safe_load((paths.STATE / "Pulumi.dev.yaml").read_text(encoding="utf-8"))["config"]
    wanted = ("registry", "image_lock", "cluster", "kubernetes_api", "pools", "requests_scale")
    return {
        **{name: config[f"code:{name}"] for name in wanted if f"code:{name}" in config},
        "addons": {"cert_manager": "present", "metrics_server": "present"},
        "data": {"keep_volumes": False},
    }


def main(arguments: Sequence[str]) -> int:
    """Deploy, drill, destroy; the exit code."""
    parser = argparse.ArgumentParser(prog="make drill-data", description="Drills of the data layer, in the sandbox.")
    parser.add_argument("--short", action="store_true", help="the subset that CI runs")
    parser.add_argument("--only", metavar="WORD", default="", help="those whose name has it: failover.redis, say")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="drills-") as folder:
        site = Site(harness.start(harness.here()), Path(folder), settings())
        try:
            sys.stderr.write(f"drill stack deployed in {site.up():.0f} s\n")
            wanted = [drill for drill in (SHORT if options.short else ALL) if options.only in name_of(drill)]
            rows = run(site, wanted)
        finally:
            site.close()
    print("\n".join(map(str, rows)))
    return 0 if all(row.good for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
