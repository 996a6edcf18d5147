"""How old backups and restores are, for Prometheus: the cluster knows when each CronJob last ended well.

A CronJob that never ended well has no time of success: its age counts from when it was made, and says so by 0 in
`backup_succeeded`.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import urllib3
from kubernetes import client, config

from data_tools.errors import ToolError, one_line

SELECTOR = "app.kubernetes.io/part-of=code,app.kubernetes.io/component=backup"
"""What the platform's own backups and restores are labelled with."""

_TIMEOUT_S = (5, 30)

_TEXTS = {
    "backup_last_success_timestamp_seconds": "When it last ended well; when it was made, if it never did.",
    "backup_succeeded": "Whether it ever ended well.",
    "backup_last_schedule_timestamp_seconds": "When it was last begun; 0: never.",
}

Row = tuple[str, str, datetime, datetime | None, datetime | None]
"""Namespace, name, made, last begun, last ended well."""


def page(rows: Iterable[Row]) -> str:
    """Prometheus' text format."""
    values: dict[str, list[str]] = {name: [] for name in _TEXTS}
    for namespace, name, made, begun, ended in rows:
        named = f'{{namespace="{namespace}",cronjob="{name}"}}'
        values["backup_last_success_timestamp_seconds"].append(f"{named} {(ended or made).timestamp():.0f}")
        values["backup_succeeded"].append(f"{named} {int(ended is not None)}")
        values["backup_last_schedule_timestamp_seconds"].append(f"{named} {begun.timestamp() if begun else 0:.0f}")
    return "".join(
        f"# HELP {name} {_TEXTS[name]}\n# TYPE {name} gauge\n" + "".join(f"{name}{line}\n" for line in lines)
        for name, lines in values.items()
    )


def look(api: client.BatchV1Api, namespaces: Sequence[str]) -> list[Row]:
    """All CronJobs of backups and restores.

    Errors:
        ToolError: the API does not answer, or refuses.
    """
    try:
        return [_row(namespace, job) for namespace in namespaces for job in _listed(api, namespace)]
    except (client.ApiException, urllib3.exceptions.HTTPError) as error:
        raise ToolError(f"Kubernetes API: {one_line(error)}") from error


def _listed(api: client.BatchV1Api, namespace: str) -> Sequence[Any]:
    return api.list_namespaced_cron_job(namespace, label_selector=SELECTOR, _request_timeout=_TIMEOUT_S).items


def _row(namespace: str, job: Any) -> Row:  # noqa: ANN401 (the client's type allows what the API never sends)
    about, status = job.metadata, job.status
    return namespace, about.name, about.creation_timestamp, status.last_schedule_time, status.last_successful_time


def serve(port: int, namespaces: Sequence[str]) -> None:
    """Answer `/metrics` until told to end: 200 with what the API says now, or 503.

    Errors:
        ToolError: there is no token.
    """
    try:
        cast(Any, config).load_incluster_config()
    except config.ConfigException as error:
        raise ToolError(f"no access to the Kubernetes API: {one_line(error)}") from error
    api = client.BatchV1Api()
    server = ThreadingHTTPServer(("", port), handler(lambda: look(api, namespaces)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    thread.join()


def handler(rows: Callable[[], Sequence[Row]]) -> type[BaseHTTPRequestHandler]:
    """What answers: `/metrics`, and `/healthz` for the probe."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/healthz":
                self._answer(200, "ok\n")
            elif self.path == "/metrics":
                try:
                    self._answer(200, page(rows()))
                except ToolError as error:
                    self._answer(503, f"{error}\n")
            else:
                self._answer(404, "/metrics\n")

        def _answer(self, status: int, text: str) -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Not each look."""

    return Handler
