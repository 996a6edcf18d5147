"""Accounts of a store are made of the endpoints that were handed out: of all of them, and of nothing else."""

import json
from typing import Any

import pytest

from catalog.model import Amounts, Resources, Zone
from components.base import Component, DeclarationError
from components.cluster import Cluster
from components.data.accounts import Accounts, AccountsArgs, Maker
from components.endpoint import Admission, Endpoint, Pods, Port
from components.pod import Health, Tcp
from components.tiers import Tiers, close_tiers
from components.workload import Workload, WorkloadArgs
from tests.program import DIGEST, Recorder, opened, secrets_in
from tests.unit.conftest import Run

SMALL = Resources(requests=Amounts(cpu="5m", memory="24Mi"), limits=Amounts(cpu="200m", memory="96Mi"))
IMAGE = f"registry.example/x@{DIGEST}"


class Store(Component):
    """A store with accounts."""

    TYPE = "code:test:Store"

    def __init__(self, tiers: Tiers, *, generation: int = 1, most: int = 2) -> None:
        super().__init__("store")
        at = Pods(workload="store", tier=tiers.data)
        admin = Endpoint(name="store-admin", at=at, ports=[Port(name="sql", port=5432, target=5432)])
        args = AccountsArgs(tier=tiers.data, generation=generation, most=most)
        offered = Endpoint(name="store", at=at, ports=admin.ports, accounts=self.account)
        workload(tiers, "store", offers=[admin, offered], tier=tiers.data)
        self.accounts = Accounts("store", args, self.child)
        self.accounts.run(
            Maker(image=IMAGE, command=lambda verb: ["data_tools", verb], connects=[admin], opened_by=["store"])
        )
        self.endpoint = offered

    def account(self, admission: Admission) -> dict[str, Any]:
        own = self.accounts.open(admission.consumer, admission.parent, {"limit": 3})
        return {"username": own.ref(own.username), "password": own.ref(own.password)}


def workload(tiers: Tiers, name: str, **args: Any) -> Workload:  # noqa: ANN401 (any argument)
    given: dict[str, Any] = {
        "tier": tiers.backend,
        "component": "x",
        "zone": Zone.GENERAL,
        "image": IMAGE,
        "resources": SMALL,
        **args,
    }
    return Workload(name, WorkloadArgs(health=Health(live=Tcp(port=1)), **given))


def program(*clients: str, fails: bool = False, **store: int) -> None:
    cluster = Cluster(api_cidrs=["10.0.2.100/32"], api_port=6443, node_cidrs=["10.0.2.100/32"])
    with cluster.graph:
        tiers = close_tiers(cluster)
        made = Store(tiers, **store)
        for client in clients:
            workload(tiers, client, connects=[made.endpoint])
        workload(tiers, "stranger")
        if fails:
            raise RuntimeError("half-way")


def listed(recorder: Recorder) -> list[dict[str, Any]]:
    (secret,) = (opened(inputs) for name, inputs in recorder.of("Secret").items() if name == "store-accounts")
    return json.loads(secret["stringData"]["clients.json"])["clients"]


def test_who_was_handed_the_endpoint_is_listed_and_nobody_else(run: Run) -> None:
    recorder = run(lambda: program("b", "a"))
    assert [(entry["client"], entry["username"], entry["grant"]) for entry in listed(recorder)] == [
        ("a", "a-g1", {"limit": 3}),
        ("b", "b-g1", {"limit": 3}),
    ]
    assert recorder.of("RandomPassword").keys() == {"a.store-g1", "b.store-g1"}


def test_a_client_waits_for_nothing_of_others_and_retiring_waits_for_all(run: Run) -> None:
    by_name = {r.name: r for r in run(lambda: program("a", "b")).resources}
    assert {"a-deployment", "b-deployment"} <= by_name["store-retired-job"].depends_on
    assert not {"a-deployment", "b-deployment"} & by_name["store-clients-job"].depends_on
    assert "stranger-deployment" not in by_name["store-retired-job"].depends_on


def test_another_generation_is_another_account_in_another_secret(run: Run) -> None:
    first, second = run(lambda: program("a")), run(lambda: program("a", generation=2))
    assert [entry["username"] for entry in listed(second)] == ["a-g2"]
    names = [
        {name: inputs["metadata"]["name"] for name, inputs in recorder.of("Secret").items()}
        for recorder in (first, second)
    ]
    assert names[0].keys() == names[1].keys() == {"a.store", "store-accounts"}
    assert all(names[0][key] != names[1][key] for key in names[0])


def test_one_client_more_than_allowed_is_refused(run: Run) -> None:
    with pytest.raises(DeclarationError, match=r"'c' would be client 3 of 'store': its settings allow 2"):
        run(lambda: program("a", "b", "c"))


def test_what_is_not_all_is_not_applied(run: Run) -> None:
    # A program that fails half-way must not take away the accounts of those it did not come to.
    seen = Recorder()
    with pytest.raises(RuntimeError, match="half-way"):
        run(lambda: program("a", fails=True), seen)
    assert seen.of("Secret").keys() == {"a.store"}


def test_passwords_are_secrets_wherever_they_lie(run: Run) -> None:
    recorder = run(lambda: program("a"))
    for resource in recorder.resources:
        hidden = json.dumps(list(secrets_in(resource.inputs).values()))
        assert json.dumps(resource.inputs).count("sesame") == hidden.count("sesame"), resource.name
