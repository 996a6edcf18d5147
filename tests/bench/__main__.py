"""`make bench`: how long an operator waits.

Ends this checkout's sandbox and starts it anew. `FRESH=0` leaves out the first row, which builds everything with empty
caches (the Debian packages that are installed stay installed: they are some 60 s of a bare machine's time).
"""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox import paths, report
from sandbox.cluster import settings
from tests.bench import bare
from tests.sandbox import harness
from tests.sandbox.platform import STACK, Platform

RUNS = 5
"""Of each figure that takes seconds."""

RATIO = 1.3
"""What design.md allows a preview to cost more."""

CACHES = ("CODE_SANDBOX_CACHE", "GOCACHE", "GOMODCACHE")


def main() -> None:
    """Measure, and print one row per figure: minimum, median and maximum in seconds, and the aim."""
    rows: list[tuple[str, ...]] = []
    if os.environ.get("FRESH") != "0":
        rows.append(_row("fresh machine to answering server", [_fresh()], aim_s=35 * 60))
    _make("up", {})
    _make("down", {})
    rows.append(_row("make up, warm caches, to answering server", [_timed(lambda: _answering({}))], aim_s=90))
    platform = Platform(harness.start(harness.here()))
    rows.append(_row("pulumi up without a change", [_timed(platform.up) for _ in range(RUNS)]))
    previews = [(_timed(platform.unchanged), _timed(lambda: _judged(platform))) for _ in range(RUNS)]
    rows.append(_row("pulumi preview", [plain for plain, _ in previews]))
    rows.append(_ratio("preview: with the packs / without", [packed / plain for plain, packed in previews]))
    rows.append(_ratio("preview: the stack / a bare program of the same resources", bare.ratios(platform, RUNS)))
    _make("down", {})
    sys.stdout.write(
        report.table(("seconds, or ratio in one run", "min", "median", "max", "aim"), rows)
        + f"\nstack {STACK}, {os.cpu_count()} cores, {RUNS} runs of what takes seconds\n"
    )


def _fresh() -> float:
    """From a checkout with empty caches to a server that answers; the caches are thrown away."""
    folder = Path(tempfile.mkdtemp(prefix="code-bench-"))
    _make("down", {})
    try:
        return _timed(lambda: _answering({name: str(folder / name.lower()) for name in CACHES}))
    finally:
        _make("down", {})
        subprocess.run(["chmod", "-R", "u+w", folder], check=True)  # the Go module cache is read-only
        shutil.rmtree(folder)


def _answering(environment: Mapping[str, str]) -> None:
    _make("up", environment)
    running = harness.Checkout(folder=paths.CHECKOUT, environment=environment)
    platform = Platform(harness.Cluster(environment=running.exports(), wanted=settings.load()))
    _, tools, _ = platform.call("time", "get_current_time", {"timezone": "UTC"})
    if "get_current_time" not in tools:
        raise SystemExit("the server does not answer as it should")


def _make(target: str, environment: Mapping[str, str]) -> None:
    subprocess.run(["make", target], cwd=paths.CHECKOUT, env={**os.environ, **environment}, check=True)


def _timed(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began


def _judged(platform: Platform) -> None:
    platform.ok("preview", "--expect-no-changes", "--policy-pack", str(paths.CHECKOUT / "policies" / "security"))


def _ratio(what: str, ratios: list[float]) -> tuple[str, ...]:
    middle = statistics.median(ratios)
    verdict = f"{RATIO} {'met' if middle <= RATIO else 'MISSED'}"
    return (what, f"{min(ratios):.2f}", f"{middle:.2f}", f"{max(ratios):.2f}", verdict)


def _row(what: str, seconds: list[float], aim_s: float | None = None) -> tuple[str, ...]:
    middle = statistics.median(seconds)
    verdict = "" if aim_s is None else f"{aim_s:.0f} {'met' if middle <= aim_s else 'MISSED'}"
    return (what, f"{min(seconds):.1f}", f"{middle:.1f}", f"{max(seconds):.1f}", verdict)


if __name__ == "__main__":
    main()
