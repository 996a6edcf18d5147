"""Passwords and memory that change while clients write: nobody fails twice in a row."""

import time

from tests.drills.report import Row
from tests.drills.site import Site
from tests.waiting import until

MOST_TRIES = 2
"""The first, and one more."""


def passwords(site: Site) -> Row:
    """Every client gets a new password, by one setting."""
    began, generation = time.time(), site.data.get("passwords", 1) + 1
    took = site.up(passwords=generation)
    row = _judged(site, f"passwords of generation {generation}", began, took)
    logins = site.sql(
        site.primary("postgres"), "postgres", "SELECT rolname FROM pg_roles WHERE rolname LIKE 'alpha-g%'"
    )
    users = [name for name in site.redis(site.primary("redis"), "ACL", "USERS").split() if name.startswith("alpha")]
    only = f"alpha-g{generation}"
    good = row.good and logins == only and users == [only]
    return Row(row.drill, good, f"{row.figures}; of alpha's accounts {logins.split()} and {users} are left")


def memory(site: Site) -> Row:
    """More memory for PostgreSQL and Redis, by one setting each."""
    began = time.time()
    took = site.up(
        postgres={**site.data.get("postgres", {}), "memory": {"request": "1280Mi"}},
        redis={**site.data.get("redis", {}), "memory": {"request": "1280Mi"}},
    )
    row = _judged(site, "memory 1Gi to 1280Mi", began, took)
    buffers = site.sql(site.primary("postgres"), "postgres", "SHOW shared_buffers")
    most = site.redis(site.primary("redis"), "CONFIG", "GET", "maxmemory").split()[-1]
    good = row.good and buffers == "320MB" and int(most) == 768 << 20
    return Row(row.drill, good, f"{row.figures}; shared_buffers {buffers}, maxmemory {int(most) >> 20}MB")


def _judged(site: Site, what: str, began: float, took: float) -> Row:
    now = time.time()
    for store in ("postgres", "redis"):
        until(f"{store} takes writes", lambda store=store: site.acks.of(store, now), seconds=60)
    figures, good = [f"deployed in {took:.0f} s"], True
    for store in ("postgres", "redis"):
        done = site.acks.of(store, began)
        retried = sum(line["tries"] > 1 for line in done)
        worst = max(line["tries"] for line in done)
        lost = site.lost(store, "alpha") + site.lost(store, "beta")
        good = good and worst <= MOST_TRIES and (lost == 0 or store == "redis")
        figures.append(
            f"{store}: {len(done)} writes, {retried} tried again, at most {worst} times, "
            f"longest gap {site.acks.gap(store, began):.1f} s, lost {lost}"
        )
    return Row(what, good, "; ".join(figures))
