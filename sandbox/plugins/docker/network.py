"""`docker:index/network:Network`: nothing of it can change in place."""

import json
import threading
from typing import Any

import pulumi_docker
from docker.types import IPAMConfig, IPAMPool
from typing_extensions import override

from sandbox.plugins.docker.connection import Connection, Found, MissingError
from sandbox.plugins.enginelog import EngineLog
from sandbox.plugins.provider import CheckFailedError, Diff, Provider, ProviderError, Resource, State, compare
from sandbox.plugins.sdk_types import check_inputs
from sandbox.plugins.values import UNKNOWN, Properties, Secret, Value, as_value, has_secret, has_unknown, plain

_DEFAULTS: Properties = {"attachable": False, "ingress": False, "ipv6": False, "ipamDriver": "default"}
_FROM_ENGINE = ("driver", "internal", "ipamConfigs", "options")
"""What the engine fills in where the program says nothing; to say nothing any more is then no difference."""

_SETS = ("ipamConfigs", "labels")
"""The lists whose order means nothing."""

_AUTO = "__defaults"
"""The inputs whose values the provider made up, as the official one lists them in the state."""

BUSY_S = 30.0
"""How long a delete waits for the network's containers to leave, in seconds, as with the official provider."""

_BETWEEN_TRIES_S = 0.5


class Network(Provider):
    """Creates and deletes networks; a replacement gets the same name only after the old one is gone."""

    package = "docker"

    def __init__(self, connection: Connection, cancelled: threading.Event, log: EngineLog) -> None:
        self._connection = connection
        self._cancelled = cancelled
        self._log = log

    @override
    def check(self, resource: Resource, olds: Properties | None, news: Properties, seed: bytes) -> Properties:
        failures = check_inputs(pulumi_docker.NetworkArgs, news)
        if failures:
            raise CheckFailedError(failures)
        if "name" in news:
            return news
        kept = olds.get("name") if olds and olds.get(_AUTO) == ["name"] else None
        return {**news, "name": kept or f"{resource.name}-{seed.hex()[:7]}", _AUTO: ["name"]}

    @override
    def diff(self, resource: Resource, id: str, old: State, news: Properties) -> Diff:
        olds, wanted = _comparable(old.inputs), _comparable(news)
        for name in _FROM_ENGINE:
            if name not in wanted:
                olds.pop(name, None)
        changes = compare(olds, wanted).changes
        return Diff(changes, frozenset(changes), delete_before_replace=_AUTO not in news)

    @override
    def create(
        self, resource: Resource, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        if preview:
            return "", {**dict.fromkeys((*_FROM_ENGINE, "scope"), UNKNOWN), **_given(inputs)}
        with self._connection.api() as api:
            id = api.create_network(**_request(plain(_given(inputs))))["Id"]
            return id, _outputs(api.inspect_network(id), inputs)

    @override
    def read(self, resource: Resource, id: str, inputs: Properties, outputs: Properties) -> State | None:
        try:
            with self._connection.api() as api:
                found = api.inspect_network(id)
        except MissingError:
            return None
        is_now = _outputs(found, inputs)
        return State(found["Id"], inputs or _as_inputs(is_now), is_now)

    @override
    def delete(self, resource: Resource, old: State, *, timeout: float) -> None:
        left = timeout or BUSY_S
        while True:
            try:
                with self._connection.api() as api:
                    api.remove_network(old.id)
                return
            except MissingError:
                return
            except ProviderError as error:
                if "has active endpoints" not in str(error) or left <= 0:
                    raise
                self._log.status(resource.urn, f"waiting for its containers to leave: {error}")
            left -= _BETWEEN_TRIES_S
            if self._cancelled.wait(_BETWEEN_TRIES_S):
                raise ProviderError("cancelled while waiting for the network's containers to leave")


def _given(inputs: Properties) -> Properties:
    return _DEFAULTS | {name: value for name, value in inputs.items() if not name.startswith("__")}


def _comparable(inputs: Properties) -> Properties:
    given = _given(inputs)
    for name in _SETS:
        items = plain(given[name]) if name in given and not has_unknown(given[name]) else None
        if isinstance(items, list):
            given[name] = [as_value(item) for item in sorted(items, key=json.dumps)]
    return given


def _request(wanted: Any) -> dict[str, Any]:  # noqa: ANN401 (inputs of the SDK's types, checked)
    """The arguments of docker's create_network."""
    pools = [
        IPAMPool(
            subnet=pool.get("subnet"),
            iprange=pool.get("ipRange"),
            gateway=pool.get("gateway"),
            aux_addresses=pool.get("auxAddress"),
        )
        for pool in wanted.get("ipamConfigs", [])
    ]
    return {
        "name": wanted["name"],
        "driver": wanted.get("driver"),
        "options": wanted.get("options"),
        "ipam": IPAMConfig(wanted["ipamDriver"], pools, wanted.get("ipamOptions")),
        "internal": wanted.get("internal", False),
        "labels": {item["label"]: item["value"] for item in wanted.get("labels", [])},
        "enable_ipv6": wanted["ipv6"],
        "attachable": wanted["attachable"],
        "ingress": wanted["ingress"],
    }


def _outputs(found: Found, inputs: Properties) -> Properties:
    """What the engine says of a network, under the SDK's names."""
    ipam: Found = found["IPAM"]
    labels: dict[str, str] = found["Labels"] or {}
    pools: list[Found] = ipam["Config"] or []
    outputs: Properties = {
        "name": found["Name"],
        "labels": [{"label": label, "value": value} for label, value in sorted(labels.items())],
        "driver": found["Driver"],
        "options": found["Options"] or {},
        "internal": found["Internal"],
        "attachable": found["Attachable"],
        "ingress": found["Ingress"],
        "ipv6": found["EnableIPv6"],
        "ipamDriver": ipam["Driver"],
        "ipamOptions": ipam["Options"] or {},
        "ipamConfigs": [_pool(pool) for pool in pools],
        "scope": found["Scope"],
    }
    for name in _SETS:  # their places do not match those of the inputs one by one
        if has_secret(inputs.get(name)):
            outputs[name] = Secret(outputs[name])
    return outputs


def _as_inputs(outputs: Properties) -> Properties:
    """The inputs that an imported network would have been created with: what is empty or a default was not said."""
    said = {name: value for name, value in outputs.items() if name != "scope" and value not in ([], {}, False)}
    return {name: value for name, value in said.items() if value != _DEFAULTS.get(name)}


def _pool(pool: Found) -> Value:
    names = {"Subnet": "subnet", "IPRange": "ipRange", "Gateway": "gateway", "AuxiliaryAddresses": "auxAddress"}
    return {ours: pool[theirs] for theirs, ours in names.items() if pool.get(theirs)}
