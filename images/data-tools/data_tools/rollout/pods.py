"""The pods of a StatefulSet, by the API of the cluster that the program runs in."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import urllib3
from kubernetes import client, config

from data_tools import credentials
from data_tools.errors import ToolError, one_line
from data_tools.rollout.order import Member, NotYet

NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
"""Where a pod finds the name of its own."""

REVISION = "controller-revision-hash"
"""Label of a pod: the template that it was made of."""

_TIMEOUT_S = (5, 30)
"""For a connection, and for an answer."""

_T = TypeVar("_T")


class StatefulSetPods:
    """See `order.Pods`.

    Args:
        name: of the StatefulSet.
        namespace: its own.
        api: client of the cluster's API.
    """

    def __init__(self, name: str, namespace: str, api: client.ApiClient) -> None:
        self._name, self._namespace = name, namespace
        self._apps, self._core = client.AppsV1Api(api), client.CoreV1Api(api)

    def look(self) -> Sequence[Member]:
        """See `order.Pods`."""
        found = _asked(
            lambda: self._apps.read_namespaced_stateful_set(self._name, self._namespace, _request_timeout=_TIMEOUT_S)
        )
        seen = found.status.observed_generation if found.status else None
        if found.metadata is None or (seen or 0) < (found.metadata.generation or 0):
            raise NotYet(f"{self._name}: its controller has not seen its present template")
        revision = found.status.update_revision if found.status else None
        chosen = ",".join(f"{key}={value}" for key, value in (found.spec.selector.match_labels or {}).items())
        pods = _asked(
            lambda: self._core.list_namespaced_pod(self._namespace, label_selector=chosen, _request_timeout=_TIMEOUT_S)
        )
        by_name = {pod.metadata.name: pod for pod in pods.items if pod.metadata}
        count = 1 if found.spec.replicas is None else found.spec.replicas
        names = [f"{self._name}-{ordinal}" for ordinal in range(count)]
        return [_member(name, by_name.get(name), revision or "") for name in names]

    def replace(self, member: Member) -> None:
        """See `order.Pods`."""
        only_this = client.V1DeleteOptions(preconditions=client.V1Preconditions(uid=member.uid))
        _asked(
            lambda: self._core.delete_namespaced_pod(
                member.name, self._namespace, body=only_this, _request_timeout=_TIMEOUT_S
            )
        )


def in_cluster(name: str) -> StatefulSetPods:
    """The pods of a StatefulSet in the program's own namespace, by the token of its own pod.

    Errors:
        ToolError: it has none.
    """
    try:
        cast(Any, config).load_incluster_config()
    except config.ConfigException as error:
        raise ToolError(f"no access to the Kubernetes API: {one_line(error)}") from error
    return StatefulSetPods(name, credentials.text(NAMESPACE), client.ApiClient())


def _member(name: str, pod: client.V1Pod | None, revision: str) -> Member:
    if pod is None or pod.metadata is None:
        return Member(name=name, uid="", ready=False, outdated=False)
    conditions = (pod.status.conditions if pod.status else None) or []
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in conditions)
    return Member(
        name=name,
        uid=pod.metadata.uid or "",
        ready=ready and pod.metadata.deletion_timestamp is None,
        outdated=(pod.metadata.labels or {}).get(REVISION) != revision,
    )


def _asked(question: Callable[[], _T]) -> _T:
    """What the API answers.

    Errors:
        NotYet: it is not there, or not able; or what was asked for has just gone.
        ToolError: it refuses.
    """
    try:
        return question()
    except client.ApiException as error:
        # Its text holds the headers, and whole objects.
        status = int(cast(Any, error).status or 0)
        message = f"Kubernetes API: {status} {cast(Any, error).reason}"
        if status in (404, 409, 429) or status >= 500:
            raise NotYet(message) from error
        raise ToolError(message) from error
    except urllib3.exceptions.HTTPError as error:
        raise NotYet(f"Kubernetes API: {one_line(error)}") from error
