"""A primary that dies, stops, or is cut off: how long until writes are accepted again, and what is lost."""

import subprocess
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from tests.drills.report import Row
from tests.drills.site import DATA, Site
from tests.waiting import until

AIM_S = 30
"""Seconds until writes are accepted again."""
SETTLED_S = 180
"""Seconds until all members are as they were."""

_HANGING = """
while :; do
    timeout 5 psql --host=/tmp --username=postgres --dbname=alpha -XAtq \\
        --command="INSERT INTO writes VALUES ('old', $(date +%s%N)) RETURNING extract(epoch FROM clock_timestamp())" \\
        2>/dev/null
    sleep 0.2
done
"""
"""A client of the old primary, which does not go away: a line for each acknowledged write."""


@contextmanager
def stopped(site: Site, pod: str, program: str) -> Generator[None]:
    """A pod whose processes of a program do nothing."""
    numbers = site.stop(pod, program)
    assert numbers, f"{pod} has no {program}"
    try:
        yield
    finally:
        site.proceed(pod, numbers)


def kill(site: Site, pod: str) -> None:
    """A pod that is gone at once."""
    site.kubectl("delete", "pod", f"--namespace={DATA}", pod, "--grace-period=0", "--force", "--wait=false")


def postgres_killed(site: Site) -> Row:
    """The primary's pod is deleted without a farewell."""
    return _failover(site, "postgres", "pod killed", lambda pod: _once(kill, site, pod))


def postgres_patroni_stopped(site: Site) -> Row:
    """Patroni hangs, PostgreSQL goes on."""
    return _failover(site, "postgres", "Patroni stopped", lambda pod: stopped(site, pod, "/opt/patroni/bin/patroni"))


def postgres_server_stopped(site: Site) -> Row:
    """PostgreSQL hangs, Patroni goes on."""
    return _failover(site, "postgres", "postgres stopped", lambda pod: stopped(site, pod, "postgres: |bin/postgres"))


def postgres_cut_off(site: Site) -> Row:
    """The primary's pod has no network."""
    return _failover(site, "postgres", "link down", site.cut_off)


def redis_killed(site: Site) -> Row:
    """The primary's pod is deleted without a farewell."""
    return _failover(site, "redis", "pod killed", lambda pod: _once(kill, site, pod))


def redis_stopped(site: Site) -> Row:
    """The server hangs."""
    return _failover(site, "redis", "server stopped", lambda pod: stopped(site, pod, "redis-server"))


def redis_cut_off(site: Site) -> Row:
    """The primary's pod has no network."""
    return _failover(site, "redis", "link down", site.cut_off)


def _once(act: Callable[[Site, str], None], site: Site, pod: str) -> AbstractContextManager[None]:
    act(site, pod)
    return nullcontext()


def _failover(site: Site, store: str, what: str, fault: Callable[[str], AbstractContextManager[None]]) -> Row:
    until(f"{store} takes writes", lambda: site.acks.of(store, time.time() - 2), seconds=60)
    old = until(f"{store} has a primary", lambda: site.primary(store), seconds=60)
    hanging = _hold_on(site, old) if store == "postgres" else None
    # It is connected and writes before anything happens.
    ready = time.time()
    until("twenty more writes", lambda: len(site.acks.of(store, ready)) > 20, seconds=30)
    began = time.time()
    with fault(old):
        site.other_primary(store, old)
        promoted = time.time()
        until(f"{store} takes writes again", lambda: site.acks.of(store, promoted), seconds=60)
        # Whoever still talks to the old one is listened to for a while.
        until("ten more writes", lambda: len(site.acks.of(store, promoted)) > 10, seconds=30)
        held = _acknowledged(hanging, began, promoted)
    until(f"all members of {store} are well", lambda: site.whole(store), seconds=SETTLED_S)
    gap = site.acks.gap(store, began - 1)
    lost = site.lost(store, "alpha") + site.lost(store, "beta")
    # What Redis promises: see docs/adr/0013-redis.md.
    bound = 0 if store == "postgres" else None
    good = 0 <= gap <= AIM_S and held == 0 and (bound is None or lost <= bound)
    return Row(
        f"{store}: {what}", good, f"writes again after {gap:.1f} s (aim {AIM_S}), lost {lost}, by the old one {held}"
    )


def _hold_on(site: Site, pod: str) -> "subprocess.Popen[str]":
    command = ["kubectl", "exec", f"--namespace={DATA}", pod, "--", "sh", "-c", _HANGING]
    environment = dict(site.cluster.environment)
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def _acknowledged(client: "subprocess.Popen[str] | None", began: float, promoted: float) -> int:
    """Writes that the old primary acknowledged after another was promoted, of a client that wrote there before."""
    if client is None:
        return 0
    client.kill()
    printed, _ = client.communicate()
    times = [float(line) for line in printed.split() if line.replace(".", "", 1).isdigit()]
    assert any(moment < began for moment in times), "the client of the old primary never wrote there"
    return sum(moment > promoted for moment in times)
