"""What a rollout makes of the answers of Patroni, Redis and the Kubernetes API."""

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from kubernetes import client

from data_tools.errors import ToolError
from data_tools.rollout import patroni, sentinel
from data_tools.rollout.order import Member, NotYet, Standing
from data_tools.rollout.pods import StatefulSetPods

NAMES = ["m-0", "m-1", "m-2"]


class Cluster:
    """Answers of three members of PostgreSQL, as Patroni 4.1 gives them: m-0 is primary, m-1 follows synchronously."""

    def __init__(self) -> None:
        self.cluster: dict[str, Any] = {
            "members": [
                {"name": "m-0", "role": "leader", "state": "running", "timeline": 1},
                {"name": "m-1", "role": "sync_standby", "state": "streaming", "lag": 0, "receive_lag": 0},
                {"name": "m-2", "role": "replica", "state": "streaming", "lag": 0, "receive_lag": 0},
            ],
            "scope": "m",
        }
        self.config: dict[str, Any] = {"synchronous_mode": True, "ttl": 20}
        self.fed = [
            {"application_name": "m-1", "state": "streaming", "sync_state": "sync", "sync_priority": 1},
            {"application_name": "m-2", "state": "streaming", "sync_state": "async", "sync_priority": 0},
        ]
        self.states: dict[str, dict[str, Any]] = {
            "m-0": {"state": "running", "role": "primary", "xlog": {"location": 5000}, "replication": self.fed},
            "m-1": self._replica(4000),
            "m-2": self._replica(5000),
        }

    def _replica(self, replayed: int) -> dict[str, Any]:
        xlog = {"received_location": 5000, "replayed_location": replayed, "paused": False}
        return {"state": "running", "role": "replica", "replication_state": "streaming", "xlog": xlog}

    def standing(self, names: list[str] = NAMES) -> Standing:
        return patroni.standing(names, self.cluster, self.config, self.states)


def test_a_synchronous_member_takes_over() -> None:
    assert Cluster().standing() == Standing(primary="m-0", successors=["m-1"])


def test_without_synchronous_mode_who_is_least_behind_takes_over() -> None:
    known = Cluster()
    known.config = {}
    assert known.standing() == Standing(primary="m-0", successors=["m-2", "m-1"])


def test_a_single_member_follows_nobody() -> None:
    known = Cluster()
    known.config = {"synchronous_mode": False}
    del known.states["m-0"]["replication"]
    assert known.standing(["m-0"]) == Standing(primary="m-0", successors=[])


def broken(**change: Any) -> Cluster:  # noqa: ANN401 (JSON)
    known = Cluster()
    for key, value in change.items():
        setattr(known, key, value)
    return known


def with_state(name: str, **change: object) -> Cluster:
    known = Cluster()
    known.states[name] |= change
    return known


def without_answer(name: str) -> Cluster:
    known = Cluster()
    del known.states[name]
    return known


def with_fed(index: int, **change: str | int) -> Cluster:
    known = Cluster()
    known.fed[index] |= change
    return known


def far_behind() -> Cluster:
    known = Cluster()
    known.states["m-0"]["xlog"]["location"] += patroni.MOST_LAG + 1
    return known


@pytest.mark.parametrize(
    ("known", "reason"),
    [
        (broken(cluster={"members": []}), "there is no primary"),
        (without_answer("m-0"), "m-0: is to be the primary, and is not"),
        (with_state("m-0", role="replica"), "m-0: is to be the primary, and is not"),
        (with_state("m-0", state="stopping"), "m-0: is to be the primary, and is not"),
        (with_state("m-0", replication=None), "m-1: does not follow"),
        (without_answer("m-2"), "m-2: does not follow"),
        (with_state("m-2", state="starting"), "m-2: does not follow"),
        (with_state("m-2", replication_state="in archive recovery"), "m-2: does not follow"),
        # `/cluster` still says what was: the primary knows better.
        (with_fed(1, state="catchup"), "m-2: does not follow"),
        (with_fed(0, sync_state="async"), "m-0: no member follows synchronously"),
        (far_behind(), "m-1: more than 16777216 bytes behind"),
    ],
)
def test_what_a_rollout_of_postgres_waits_for(known: Cluster, reason: str) -> None:
    with pytest.raises(NotYet, match=reason):
        known.standing()


def redis_primary(*replicas: Mapping[str, object]) -> dict[str, Any]:
    found = {f"slave{number}": dict(entry) for number, entry in enumerate(replicas)}
    return {"role": "master", "connected_slaves": len(replicas), "master_repl_offset": 90, **found}


def redis_replica(link: str = "up") -> dict[str, Any]:
    return {"role": "slave", "master_link_status": link, "slave_repl_offset": 80, "slave_priority": 100}


def fed(host: str, offset: int, state: str = "online") -> dict[str, object]:
    return {"ip": host, "port": 6379, "state": state, "offset": offset, "lag": 0}


def at(name: str) -> set[str]:
    return {f"{name}.redis:6379", f"10.0.0.{name[-1]}:6379"}


def test_the_replica_that_is_farthest_takes_over() -> None:
    # One is known by its name, and one by its address.
    members = {
        "m-0": redis_replica(),
        "m-1": redis_primary(fed("m-0.redis", 80), fed("10.0.0.2", 90)),
        "m-2": redis_replica(),
    }
    assert sentinel.standing(members, NAMES, at) == Standing(primary="m-1", successors=["m-2", "m-0"])
    assert sentinel.online_offsets(members["m-1"]) == {"m-0.redis:6379": 80, "10.0.0.2:6379": 90}


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"m-0": redis_replica(), "m-1": redis_replica()}, "nobody is primary"),
        ({"m-0": redis_primary(), "m-1": redis_primary()}, "m-0 and m-1 is primary"),
        ({"m-0": redis_primary(fed("m-1.redis", 90))}, "m-1: has no link"),
        ({"m-0": redis_primary(fed("m-1.redis", 90)), "m-1": redis_replica("down")}, "m-1: has no link"),
        ({"m-0": redis_primary(), "m-1": redis_replica()}, "m-1: has not caught up"),
        ({"m-0": redis_primary(fed("m-1.redis", 0, "send_bulk")), "m-1": redis_replica()}, "m-1: has not caught up"),
        ({"m-0": redis_primary(fed("m-7.redis", 90)), "m-1": redis_replica()}, "m-1: has not caught up"),
    ],
)
def test_what_a_rollout_of_redis_waits_for(members: dict[str, dict[str, Any]], reason: str) -> None:
    with pytest.raises(NotYet, match=reason):
        sentinel.standing(members, NAMES[:2], at)


class FakeApi:
    """A Kubernetes API server that answers what it is told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, dict[str, Any]]] = {}
        self.asked: list[tuple[str, str, dict[str, Any]]] = []
        api = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer()

            def do_DELETE(self) -> None:
                self._answer()

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                path = self.path.split("?")[0]
                api.asked.append((self.command, self.path, json.loads(body or b"{}")))
                status, found = api.answers.get(f"{self.command} {path}", (404, {}))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(found).encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True).start()


SET, PODS = "GET /apis/apps/v1/namespaces/data/statefulsets/m", "GET /api/v1/namespaces/data/pods"


@pytest.fixture
def api() -> Iterator[FakeApi]:
    fake = FakeApi()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.fixture
def pods(api: FakeApi) -> StatefulSetPods:
    host = f"http://127.0.0.1:{api.server.server_port}"
    return StatefulSetPods("m", "data", client.ApiClient(client.Configuration(host=host)))


def stateful_set(*, replicas: int = 3, generation: int = 2, seen: int = 2) -> tuple[int, dict[str, Any]]:
    labels = {"app.kubernetes.io/name": "m", "app.kubernetes.io/part-of": "code"}
    return 200, {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "m", "generation": generation},
        "spec": {
            "replicas": replicas,
            "serviceName": "m",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "m", "image": "m"}]}},
        },
        "status": {"replicas": replicas, "observedGeneration": seen, "updateRevision": "m-new"},
    }


def pod(ordinal: int, revision: str, *, ready: str = "True", going: bool = False) -> dict[str, Any]:
    times = {"deletionTimestamp": "2026-11-25T02:00:00Z"} if going else {}
    return {
        "metadata": {
            "name": f"m-{ordinal}",
            "uid": f"uid-{ordinal}",
            "labels": {"controller-revision-hash": revision},
            **times,
        },
        "spec": {"containers": [{"name": "m", "image": "m"}]},
        "status": {
            "phase": "Running",
            "conditions": [{"type": "ContainersReady", "status": "True"}, {"type": "Ready", "status": ready}],
        },
    }


def test_members_are_pods_of_a_stateful_set(api: FakeApi, pods: StatefulSetPods) -> None:
    listed = [pod(1, "m-old", ready="False"), pod(0, "m-new"), pod(2, "m-old", going=True), pod(7, "m-old")]
    api.answers |= {SET: stateful_set(replicas=4), PODS: (200, {"items": listed, "metadata": {}})}
    assert pods.look() == [
        Member(name="m-0", uid="uid-0", ready=True, outdated=False),
        Member(name="m-1", uid="uid-1", ready=False, outdated=True),
        Member(name="m-2", uid="uid-2", ready=False, outdated=True),
        Member(name="m-3", uid="", ready=False, outdated=False),
    ]
    chosen = parse_qs(urlsplit(api.asked[-1][1]).query)["labelSelector"]
    assert chosen == ["app.kubernetes.io/name=m,app.kubernetes.io/part-of=code"]


def test_a_template_that_the_controller_has_not_seen_is_waited_for(api: FakeApi, pods: StatefulSetPods) -> None:
    api.answers |= {SET: stateful_set(generation=3, seen=2), PODS: (200, {"items": [], "metadata": {}})}
    with pytest.raises(NotYet, match="m: its controller has not seen"):
        pods.look()


def test_only_the_pod_that_was_seen_is_taken_away(api: FakeApi, pods: StatefulSetPods) -> None:
    api.answers["DELETE /api/v1/namespaces/data/pods/m-1"] = (200, pod(1, "m-old", going=True))
    pods.replace(Member(name="m-1", uid="uid-1", ready=True, outdated=True))
    (asked,) = api.asked
    assert asked[2]["preconditions"] == {"uid": "uid-1"}


@pytest.mark.parametrize(("status", "error"), [(404, NotYet), (409, NotYet), (500, NotYet), (503, NotYet)])
def test_an_api_that_cannot_now_is_asked_again(
    api: FakeApi, pods: StatefulSetPods, status: int, error: type[Exception]
) -> None:
    api.answers[SET] = (status, {"kind": "Status", "message": "x"})
    with pytest.raises(error, match=f"Kubernetes API: {status}"):
        pods.look()


@pytest.mark.parametrize("status", [401, 403, 422])
def test_an_api_that_refuses_ends_the_rollout(api: FakeApi, pods: StatefulSetPods, status: int) -> None:
    api.answers[SET] = (status, {"kind": "Status", "message": "x"})
    with pytest.raises(ToolError, match=f"^Kubernetes API: {status} [A-Z][A-Za-z ]+$"):
        pods.look()


def test_an_api_that_is_away_is_asked_again(api: FakeApi, pods: StatefulSetPods) -> None:
    api.server.shutdown()
    api.server.server_close()
    with pytest.raises(NotYet, match="Kubernetes API: "):
        pods.look()
