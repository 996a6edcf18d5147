"""The front of all programs: `python -m data_tools <program> ...`, each with `--help`.

Each can be run again at any time: what is as it must be stays as it is. It waits for servers that are not there yet,
fails with one line on stderr and a code that is not 0, and never prints a secret.
"""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from data_tools import clients, credentials
from data_tools.deadline import Deadline
from data_tools.errors import ToolError

if TYPE_CHECKING:
    from data_tools.rollout.order import Roles

# Each program imports what it needs itself: the client of the Kubernetes API alone takes a second.

FOLDER = "folder with the files username, password and ca.crt"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a program; its exit code."""
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace, Deadline], None] = options.run
    try:
        run(options, Deadline(options.deadline))
    except ToolError as error:
        print(f"data_tools: {error}", file=sys.stderr, flush=True)
        return 1
    return 0


def _end(number: int, _: object) -> None:
    sys.exit(128 + number)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="data_tools", description="Programs that Jobs of the data layer run.")
    programs = parser.add_subparsers(metavar="PROGRAM", required=True)

    def program(name: str, run: Callable[[argparse.Namespace, Deadline], None], text: str) -> argparse.ArgumentParser:
        made = programs.add_parser(name, help=text, description=text)
        made.set_defaults(run=run)
        made.add_argument(
            "--deadline", type=float, default=300, metavar="S", help="seconds for all of it (%(default)s)"
        )
        return made

    def accounts(name: str, run: Callable[[argparse.Namespace, Deadline], None], text: str) -> argparse.ArgumentParser:
        made = program(name, run, text)
        made.add_argument("verb", choices=("apply", "retire"), help="make what is missing, or take away what is left")
        made.add_argument("--clients", type=Path, required=True, metavar="FILE", help="clients.json")
        made.add_argument("--credentials", type=Path, required=True, metavar="DIR", help=f"administrator: {FOLDER}")
        return made

    made = accounts("postgres", _postgres, "Accounts of PostgreSQL: a database and its roles for each client.")
    _server(made, 5432)
    made.add_argument("--lookup-user", metavar="NAME", help="role by which PgBouncer looks up passwords")
    made.add_argument("--lookup-password-file", type=Path, metavar="FILE")
    made.add_argument("--monitor-user", default="monitor", metavar="NAME", help="role of an exporter (%(default)s)")
    made.add_argument("--monitor-password-file", type=Path, metavar="FILE", help="without it, no such role is made")

    made = accounts("redis", _redis, "Accounts of Redis: an ACL user for each client, on every member.")
    made.add_argument("--member", action="append", required=True, metavar="HOST:PORT", help="for each member")

    made = accounts("objects", _objects, "Accounts of MinIO: a bucket, a user and a policy for each client.")
    _server(made, 443)
    made.add_argument("--region", default="us-east-1", help="(%(default)s)")

    text = "Replace outdated pods of a StatefulSet: replicas, then a switchover, then the old primary; or wait for all."
    made = program("rollout", _rollout, text)
    made.add_argument("kind", choices=("postgres", "redis"))
    made.add_argument("--statefulset", required=True, metavar="NAME", help="in the pod's own namespace")
    made.add_argument("--domain", required=True, help="of its members: a member is <pod>.<domain>")
    made.add_argument("--port", type=int, required=True, help="of Patroni's REST API, or of Redis")
    made.add_argument(
        "--credentials", type=Path, required=True, metavar="DIR", help=f"of that API, or of Redis: {FOLDER}"
    )
    made.add_argument(
        "--patience", type=float, default=120, metavar="S", help="for an outdated pod to get ready (%(default)s)"
    )
    made.add_argument("--sentinel", action="append", default=[], metavar="HOST:PORT", help="for each Sentinel")
    made.add_argument(
        "--sentinel-credentials", type=Path, metavar="DIR", help="where they are others than the members'"
    )
    made.add_argument("--master", default="main", help="what Sentinel calls the set (%(default)s)")

    made = program("backup-metrics", _backup_metrics, "Serve how old backups and restores are, until told to end.")
    made.add_argument("--port", type=int, required=True)
    made.add_argument("--namespace", action="append", required=True, metavar="NAME", help="for each with CronJobs")
    return parser


def _server(program: argparse.ArgumentParser, port: int) -> None:
    program.add_argument("--host", required=True, help="a name that the server's certificate has")
    program.add_argument("--port", type=int, default=port, help="(%(default)s)")


def _postgres(options: argparse.Namespace, deadline: Deadline) -> None:
    from data_tools.postgres import clients as accounts
    from data_tools.postgres.retire import retire
    from data_tools.postgres.server import Server

    def helper(name: str | None, password: Path | None) -> accounts.Helper | None:
        return accounts.Helper(name=name, password=credentials.text(password)) if name and password else None

    if bool(options.lookup_user) != bool(options.lookup_password_file):
        raise ToolError("--lookup-user and --lookup-password-file go together")
    listed = clients.load(options.clients)
    server = Server(host=options.host, port=options.port, admin=credentials.read(options.credentials))
    if options.verb == "retire":
        retire(server, listed, deadline)
        return
    helpers = accounts.Helpers(
        pooler=helper(options.lookup_user, options.lookup_password_file),
        monitor=helper(options.monitor_user, options.monitor_password_file),
    )
    accounts.apply(server, listed, helpers, deadline)


def _redis(options: argparse.Namespace, deadline: Deadline) -> None:
    from data_tools import redis_clients
    from data_tools.redis_server import parsed

    members = redis_clients.Members(
        addresses=[parsed(text) for text in options.member], admin=credentials.read(options.credentials)
    )
    work = redis_clients.apply if options.verb == "apply" else redis_clients.retire
    work(members, clients.load(options.clients), deadline)


def _objects(options: argparse.Namespace, deadline: Deadline) -> None:
    from data_tools import objects

    store = objects.connect(options.host, options.port, credentials.read(options.credentials), options.region)
    work = objects.apply if options.verb == "apply" else objects.retire
    work(store, clients.load(options.clients), deadline)


def _backup_metrics(options: argparse.Namespace, _: Deadline) -> None:
    from data_tools import backup_metrics

    backup_metrics.serve(options.port, options.namespace)


def _rollout(options: argparse.Namespace, deadline: Deadline) -> None:
    from data_tools.rollout import order, pods

    roles = _patroni(options) if options.kind == "postgres" else _sentinels(options)
    order.roll(pods.in_cluster(options.statefulset), roles, deadline, options.patience)


def _patroni(options: argparse.Namespace) -> "Roles":
    from data_tools.rollout.patroni import Patroni

    return Patroni(
        url=lambda name: f"https://{name}.{options.domain}:{options.port}",
        credentials=credentials.read(options.credentials),
    )


def _sentinels(options: argparse.Namespace) -> "Roles":
    from data_tools.redis_server import Address, parsed
    from data_tools.rollout.sentinel import Sentinels

    return Sentinels(
        address=lambda name: Address(host=f"{name}.{options.domain}", port=options.port),
        credentials=credentials.read(options.credentials),
        sentinels=[parsed(text) for text in options.sentinel],
        sentinel_credentials=credentials.read(options.sentinel_credentials or options.credentials),
        master=options.master,
    )


if __name__ == "__main__":
    # The first process of a container would ignore it.
    signal.signal(signal.SIGTERM, _end)
    sys.exit(main())
