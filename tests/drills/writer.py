"""What runs in a client's pod: it writes to each store, number after number, and logs each acknowledged write.

A line of JSON for each: store, pod, number, time, and how many times it had to be tried. What is tried again is the
same write: a store may have it already.
"""

import json
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PAUSE_S = 0.1
TRY_S = 3.0
"""An attempt without an answer is given up."""
POD = os.uname().nodename


def say(**line: object) -> None:
    """One line, whole."""
    sys.stdout.write(json.dumps({"pod": POD, "t": time.time(), **line}) + "\n")
    sys.stdout.flush()


def secret(store: str, name: str) -> str:
    """A file of a store's credentials."""
    return Path(os.environ[f"{store}_CREDENTIALS_DIR"], name).read_text()


class Postgres:
    """A row for each number."""

    def __init__(self) -> None:
        import psycopg

        self.session = psycopg.connect(
            secret("POSTGRES", "url"),
            connect_timeout=int(TRY_S),
            tcp_user_timeout=int(TRY_S * 1000),
            keepalives_idle=1,
            keepalives_interval=1,
            keepalives_count=3,
            autocommit=True,
        )
        self.session.execute(
            "CREATE TABLE IF NOT EXISTS writes (pod text, number bigint, at timestamptz DEFAULT now(),"
            " PRIMARY KEY (pod, number))"
        )

    def write(self, number: int) -> None:
        """Acknowledged when it returns."""
        self.session.execute("INSERT INTO writes VALUES (%s, %s) ON CONFLICT DO NOTHING", (POD, number))


class Redis:
    """A member of a set for each number."""

    def __init__(self) -> None:
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self.prefix = secret("REDIS", "prefix")
        self.session = redis.Redis(
            host=os.environ["REDIS_HOST"],
            port=int(os.environ["REDIS_PORT"]),
            username=secret("REDIS", "username"),
            password=secret("REDIS", "password"),
            ssl=True,
            ssl_ca_certs=str(Path(os.environ["REDIS_CREDENTIALS_DIR"], "ca.crt")),
            socket_timeout=TRY_S,
            socket_connect_timeout=TRY_S,
            retry=Retry(NoBackoff(), 0),
        )

    def write(self, number: int) -> None:
        """Acknowledged when it returns."""
        self.session.zadd(f"{self.prefix}writes:{POD}", {str(number): number})


def write(name: str, store: type[Postgres] | type[Redis]) -> None:
    """Forever."""
    number, worker, session = 0, None, None
    while True:
        number, tries, first = number + 1, 0, time.time()
        while True:
            tries += 1
            try:
                # Who gets no answer in time is left behind: what it may hear later counts for nothing.
                worker = worker or ThreadPoolExecutor(max_workers=1)
                session = session or worker.submit(store).result(timeout=TRY_S)
                worker.submit(session.write, number).result(timeout=TRY_S)
                break
            except Exception as error:
                say(store=name, number=number, error=f"{type(error).__name__}: {error}"[:200])
                if worker:
                    worker.shutdown(wait=False)
                worker = session = None
                time.sleep(PAUSE_S)
        say(store=name, number=number, tries=tries, took=time.time() - first)
        time.sleep(PAUSE_S)


def main() -> None:
    """Write, or only be there."""
    Path("/tmp/lives").touch()  # noqa: S108 (the pod's own)
    if "write" in sys.argv:
        for name, store in (("postgres", Postgres), ("redis", Redis)):
            threading.Thread(target=write, args=(name, store), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    main()
