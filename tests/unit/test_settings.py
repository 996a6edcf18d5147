"""Bad input dies early, one line each, with key, value and what is allowed; good input is what the stacks get."""

import json
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network
from itertools import combinations
from pathlib import Path
from types import EllipsisType
from typing import Any, NamedTuple

import pulumi
import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st
from pulumi.runtime import config
from pydantic import ValidationError

from catalog import crds, images, mcp, services
from catalog.model import Zone, cpu_m, scaled_cpu
from stacks import loading
from stacks.settings import AddonMode, Settings
from tests.program import record
from tests.stack_settings import VALID

PASSWORD = "correct horse battery staple"
POOL: dict[str, Any] = VALID["pools"]["all"]
CIDR = "text (IPv4 range, its host bits 0, say 10.0.2.0/24)"
TIER = "a range of at least /24 (a /26 in each of three zones) in one of 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16"
NAMED = "text (lower case, digits and _, at most 41, a letter first)"
DNS = "text (DNS name in lower case, say mcp.example.org)"
REGISTRY = "text (host and path, without a scheme, where the platform's own images are kept, say ghcr.io/you)"
ZONES = "hpc, data, edge, general"
SCALE = "a number from 0.01 to 1 (multiplies CPU requests where machines are smaller than the catalogue's)"
CPU = "text (what pods may have of each node in cores, say '2' or 1500m)"
MEMORY = "text (what pods may have of each node, say 8Gi or 512Mi)"
SERVERS = "a list of at least 1, each text (ids of the catalogue to run)"
POOLS = "an object of at least 1 (name -> machines that pods share; every zone is in one)"
LOCK = "a file with a digest for each image of catalog/images.yaml; unset it to use upstream's"
REMEDY = "give it with: pulumi config set --secret"
GIB_16 = "from 1Gi to 16Gi"
TOP = (
    "registry, image_lock, servers, replicas, tiers, cluster, kubernetes_api, pools, requests_scale, addons, data, "
    "domains, retention, secrets"
)
DB = {"db": {"config": "db_password"}}


class Bad(NamedTuple):
    """Settings with one mistake, and what is said of it."""

    changed: dict[str, Any]
    key: str
    value: str | None
    """As JSON; of a key that is missing, unknown or secret there is none."""
    allowed: str
    encrypted: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        if self.value is None:
            return f"code:{self.key}: {self.allowed}"
        return f"code:{self.key}: {self.value}: must be {self.allowed}"


def pools(**changed: Any) -> dict[str, Any]:  # noqa: ANN401 (any setting)
    return {"pools": {"all": {name: value for name, value in {**POOL, **changed}.items() if value is not ...}}}


def apart(**changed: object) -> dict[str, Any]:
    """A pool of its own for what is no data."""
    most, own = {**POOL, "zones": ["hpc", "data"]}, {**POOL, "zones": ["edge", "general"], **changed}
    return {"pools": {"most": most, "apart": own}}


def retention(**changed: object) -> dict[str, Any]:
    return {"retention": changed}


def overlap(key: str, value: str, other: str, **changed: object) -> Bad:
    return Bad(changed, key, json.dumps(value), f"a range of its own; it overlaps {other}")


PODS = 2 + sum(entry.replicas.default for entry in services.load().services)
NODES = {"nodes": ["10.0.2.100/32"]}
BAD = {
    # keys
    "misspelt key": Bad({"serverss": ["time"]}, "serverss", None, "no such setting; did you mean servers?"),
    "unknown key": Bad({"edge_cert": PASSWORD}, "edge_cert", None, f"no such setting; there are {TOP}"),
    "misspelt nested key": Bad(
        {"tiers": {"dzm": "10.1.0.0/24"}}, "tiers.dzm", None, "no such setting; did you mean dmz?"
    ),
    "unknown nested key": Bad(
        {"addons": {"istio": "install"}},
        "addons.istio",
        None,
        "no such setting; there are cert_manager, metrics_server",
    ),
    "misspelt key of a pool": Bad(
        pools(zoness=["hpc"]), "pools.all.zoness", None, "no such setting; did you mean zones?"
    ),
    "key of several lines": Bad({"a\nb": 1}, '["a\\nb"]', None, f"no such setting; there are {TOP}"),
    "registry missing": Bad({"registry": ...}, "registry", None, f"is required: {REGISTRY}"),
    "pools missing": Bad({"pools": ...}, "pools", None, f"is required: {POOLS}"),
    "cluster missing": Bad({"cluster": ...}, "cluster", None, "is required: an object with pods, services, nodes"),
    "nodes missing": Bad(
        {"cluster": {"pods": "10.1.0.0/16"}},
        "cluster.nodes",
        None,
        f"is required: a list of at least 1, each {CIDR} (addresses of the nodes)",
    ),
    "port missing": Bad(
        {"kubernetes_api": {"cidrs": ["10.0.2.100/32"]}},
        "kubernetes_api.port",
        None,
        "is required: a whole number from 1 to 65535",
    ),
    "cpu of a pool missing": Bad(pools(cpu=...), "pools.all.cpu", None, f"is required: {CPU}"),
    # types
    "text for a list": Bad({"servers": "time"}, "servers", '"time"', SERVERS),
    "JSON that is none": Bad({"servers": '["time"'}, "servers", r'"[\"time\""', SERVERS),
    "object for a list": Bad({"servers": {"time": 1}}, "servers", '{"time": 1}', SERVERS),
    "number for a server": Bad({"servers": [1]}, "servers[0]", "1", "text"),
    "list for an object": Bad({"pools": [POOL["zones"]]}, "pools", f"[{json.dumps(POOL['zones'])}]", POOLS),
    "number for a model": Bad({"tiers": 3}, "tiers", "3", "an object with dmz, frontend, backend, data"),
    "null for a list": Bad({"servers": "null"}, "servers", "null", SERVERS),
    "nothing for a list": Bad({"servers": ""}, "servers", '""', SERVERS),
    "null for a number": Bad(retention(logs=None), "retention.logs", "null", "a whole number from 1 to 400"),
    "null for an address": Bad({"tiers": {"data": None}}, "tiers.data", "null", CIDR),
    "float for a whole number": Bad(pools(nodes=1.5), "pools.all.nodes", "1.5", "a whole number from 1 to 100"),
    "text for a whole number": Bad(pools(nodes="1"), "pools.all.nodes", '"1"', "a whole number from 1 to 100"),
    "bool for a whole number": Bad({"replicas": {"edge": True}}, "replicas.edge", "true", "a whole number"),
    "bool for a number": Bad({"requests_scale": "true"}, "requests_scale", "true", SCALE),
    "text for a number": Bad({"requests_scale": "half"}, "requests_scale", '"half"', SCALE),
    "number for a quantity": Bad(pools(cpu=2), "pools.all.cpu", "2", CPU),
    "number for an address": Bad({"tiers": {"dmz": 10}}, "tiers.dmz", "10", CIDR),
    # ranges of values
    "no number": Bad({"requests_scale": "NaN"}, "requests_scale", "NaN", SCALE),
    "scale of nothing": Bad({"requests_scale": "0"}, "requests_scale", "0", SCALE),
    "scale too large": Bad({"requests_scale": "1.5"}, "requests_scale", "1.5", SCALE),
    "no nodes": Bad(pools(nodes=0), "pools.all.nodes", "0", "a whole number from 1 to 100"),
    "port too large": Bad(
        {"kubernetes_api": {"cidrs": ["10.0.2.100/32"], "port": 65536}},
        "kubernetes_api.port",
        "65536",
        "a whole number from 1 to 65535",
    ),
    "backups longer than RDS keeps": Bad(
        retention(backups=36),
        "retention.backups",
        "36",
        "a whole number from 7 to 35 (point-in-time restore; 35 is the most that RDS keeps)",
    ),
    "unknown add-on mode": Bad(
        {"addons": {"cert_manager": "absent"}}, "addons.cert_manager", '"absent"', "one of install, present"
    ),
    "unknown zone": Bad(pools(zones=["hcp"]), "pools.all.zones[0]", '"hcp"', f"one of {ZONES}"),
    "cpu of half cores": Bad(pools(cpu="1.5"), "pools.all.cpu", '"1.5"', CPU),
    "memory without unit": Bad(pools(memory="8"), "pools.all.memory", '"8"', MEMORY),
    "memory of a decimal unit": Bad(pools(memory="8G"), "pools.all.memory", '"8G"', MEMORY),
    "name of a pool": Bad({"pools": {"All": POOL}}, "pools.All", '"All"', NAMED),
    "registry with a scheme": Bad({"registry": "https://ghcr.io/you"}, "registry", '"https://ghcr.io/you"', REGISTRY),
    "registry of nothing": Bad({"registry": ""}, "registry", '""', REGISTRY),
    "value of several lines": Bad({"registry": "ghcr.io\nyou"}, "registry", r'"ghcr.io\nyou"', REGISTRY),
    "value too long to show": Bad({"registry": "/" * 300}, "registry", '"' + "/" * 59 + "...", REGISTRY),
    "image lock without file": Bad(
        {"image_lock": "missing.json"},
        "image_lock",
        '"missing.json"',
        LOCK,
    ),
    "image lock of something else": Bad(
        {"image_lock": "Pulumi.yaml"},
        "image_lock",
        '"Pulumi.yaml"',
        f"{LOCK} (Pulumi.yaml: not a readable image lock: Expecting value: line 1 column 1 (char 0))",
    ),
    "API server at its Service": Bad(
        {"kubernetes_api": {"cidrs": ["10.100.0.1/32"], "port": 443}},
        "kubernetes_api.cidrs[0]",
        '"10.100.0.1/32"',
        "the API server itself, behind its Service: kubectl get endpointslices kubernetes; it lies in cluster.services"
        " 10.100.0.0/16",
    ),
    "image lock that no file can be": Bad(
        {"image_lock": "{" * 300},
        "image_lock",
        '"' + "{" * 59 + "...",
        LOCK,
    ),
    "host name in capitals": Bad(
        {"domains": {"edge": ["mcp.Example.org"]}}, "domains.edge[0]", '"mcp.Example.org"', DNS
    ),
    "host name with a scheme": Bad(
        {"domains": {"edge": ["localhost", "https://mcp.example.org"]}},
        "domains.edge[1]",
        '"https://mcp.example.org"',
        DNS,
    ),
    "address for a host name": Bad({"domains": {"edge": ["10.0.0.1"]}}, "domains.edge[0]", '"10.0.0.1"', DNS),
    # empty lists
    "no servers": Bad({"servers": []}, "servers", "[]", SERVERS),
    "no names": Bad({"domains": {"edge": []}}, "domains.edge", "[]", f"a list of at least 1, each {DNS}"),
    "no zones": Bad(pools(zones=[]), "pools.all.zones", "[]", f"a list of at least 1, each one of {ZONES}"),
    "no pools": Bad({"pools": {}}, "pools", "{}", POOLS),
    "no addresses of the API": Bad(
        {"kubernetes_api": {"cidrs": [], "port": 6443}},
        "kubernetes_api.cidrs",
        "[]",
        f"a list of at least 1, each {CIDR} (its addresses)",
    ),
    # addresses
    "no address": Bad({"cluster": {"nodes": ["node-1"]}}, "cluster.nodes[0]", '"node-1"', CIDR),
    "host bits of a tier": Bad({"tiers": {"dmz": "10.1.0.1/24"}}, "tiers.dmz", '"10.1.0.1/24"', CIDR),
    "host bits of a node": Bad({"cluster": {"nodes": ["10.0.2.100/24"]}}, "cluster.nodes[0]", '"10.0.2.100/24"', CIDR),
    "nodes that are half the world": Bad(
        {"cluster": {"nodes": ["0.0.0.0/1"]}},
        "cluster.nodes[0]",
        '"0.0.0.0/1"',
        "at most a /16: a NetworkPolicy opens all of it",
    ),
    "API server that is anybody": Bad(
        {"kubernetes_api": {"cidrs": ["10.0.2.100/32", "0.0.0.0/0"], "port": 6443}},
        "kubernetes_api.cidrs[1]",
        '"0.0.0.0/0"',
        "at most a /16: a NetworkPolicy opens all of it",
    ),
    "tier too small": Bad({"tiers": {"dmz": "10.1.0.0/25"}}, "tiers.dmz", '"10.1.0.0/25"', TIER),
    "tier of public addresses": Bad({"tiers": {"data": "8.8.8.0/24"}}, "tiers.data", '"8.8.8.0/24"', TIER),
    "tier of loopback addresses": Bad({"tiers": {"data": "127.0.0.0/24"}}, "tiers.data", '"127.0.0.0/24"', TIER),
    "tier beyond its private range": Bad({"tiers": {"data": "172.0.0.0/8"}}, "tiers.data", '"172.0.0.0/8"', TIER),
    "tier in a tier": overlap(
        "tiers.dmz", "172.20.0.0/16", "tiers.frontend 172.20.0.0/24", tiers={"dmz": "172.20.0.0/16"}
    ),
    "tiers that are the same": overlap(
        "tiers.backend",
        "10.1.0.0/24",
        "tiers.data 10.1.0.0/24",
        tiers={"backend": "10.1.0.0/24", "data": "10.1.0.0/24"},
    ),
    "tier in the pods": overlap(
        "tiers.data", "10.244.7.0/24", "cluster.pods 10.244.0.0/16", tiers={"data": "10.244.7.0/24"}
    ),
    "tier in the services": overlap(
        "tiers.data", "10.100.7.0/24", "cluster.services 10.100.0.0/16", tiers={"data": "10.100.7.0/24"}
    ),
    "node in a tier": overlap(
        "tiers.dmz", "10.0.2.0/24", "cluster.nodes[0] 10.0.2.100/32", tiers={"dmz": "10.0.2.0/24"}
    ),
    "services in the pods": overlap(
        "cluster.pods",
        "10.64.0.0/10",
        "cluster.services 10.96.0.0/12",
        cluster={"pods": "10.64.0.0/10", "services": "10.96.0.0/12", "nodes": ["192.168.1.1/32"]},
    ),
    "node in the pods": overlap(
        "cluster.pods",
        "10.244.0.0/16",
        "cluster.nodes[1] 10.244.0.7/32",
        cluster={"nodes": ["10.0.2.100/32", "10.244.0.7/32"]},
    ),
    "node in the services": overlap(
        "cluster.services", "10.100.0.0/16", "cluster.nodes[0] 10.100.0.7/32", cluster={"nodes": ["10.100.0.7/32"]}
    ),
    "no room for pods": Bad(
        {"cluster": {**NODES, "pods": "10.244.0.0/30"}},
        "cluster.pods",
        '"10.244.0.0/30"',
        f"large enough for {PODS} pods; it has 4 addresses",
    ),
    # the catalogue
    "unknown server": Bad({"servers": ["time", "tme"]}, "servers[1]", '"tme"', "one of everything, time"),
    "repeated server": Bad({"servers": ["time", "time"]}, "servers[1]", '"time"', "there once"),
    "replicas of an unknown service": Bad(
        {"replicas": {"mysql": 3}},
        "replicas.mysql",
        "3",
        f"for a service of catalog/services.yaml: {', '.join(entry.id for entry in services.load().services)}",
    ),
    "more gateways than S4 allows": Bad(
        {"replicas": {"gateway": 9}}, "replicas.gateway", "9", "a whole number from 1 to 8"
    ),
    "more edges than S3 allows": Bad({"replicas": {"edge": 5}}, "replicas.edge", "5", "a whole number from 1 to 4"),
    "fewer edges than one": Bad({"replicas": {"edge": 0}}, "replicas.edge", "0", "a whole number from 1 to 4"),
    # the data layer
    "one member that waits for a second": Bad(
        {"replicas": {"postgres-members": 1}},
        "data.postgres.synchronous",
        "true",
        "false with replicas.postgres-members 1: no second member could have the write",
    ),
    "memory upside down": Bad(
        {"data": {"redis": {"memory": {"request": "2Gi", "limit": "1Gi"}}}},
        "data.redis.memory.limit",
        '"1Gi"',
        "no less than request, which is 2Gi",
    ),
    "more memory than S5 allows": Bad(
        {"data": {"postgres": {"memory": {"request": "17Gi"}}}}, "data.postgres.memory.request", '"17Gi"', GIB_16
    ),
    "less memory than S5 allows": Bad(
        {"data": {"htm": {"memory": {"request": "512Mi"}}}}, "data.htm.memory.request", '"512Mi"', GIB_16
    ),
    "more memory than S6 allows": Bad(
        {"data": {"redis": {"memory": {"request": "4Gi", "limit": "9Gi"}}}},
        "data.redis.memory.limit",
        '"9Gi"',
        "from 1Gi to 8Gi",
    ),
    "a volume too small for its memory": Bad(
        {"data": {"redis": {"memory": {"request": "4Gi"}}}},
        "data.redis.storage",
        '"4Gi"',
        "at least 9828Mi with memory of 4Gi: a log being rewritten, a snapshot",
    ),
    "backups kept for no day": Bad(
        retention(backups=0),
        "retention.backups",
        "0",
        "a whole number from 7 to 35 (point-in-time restore; 35 is the most that RDS keeps)",
    ),
    "archived later than the RPO": Bad(
        {"data": {"backups": {"archive_s": 301}}},
        "data.backups.archive_s",
        "301",
        "a whole number from 10 to 300 (seconds after which the log is archived: the most that may be lost)",
    ),
    "pools beyond max_connections": Bad(
        {"data": {"postgres": {"pool": 50}}},
        "data.postgres.pool",
        "50",
        "at most 8, or max_connections at least 1644, not 300: 8 clients x (50 + 1) x (3 + 1) pods + 12 that are no"
        " clients'",
    ),
    "more connections than memory": Bad(
        {"data": {"postgres": {"max_connections": 400}}},
        "data.postgres.max_connections",
        "400",
        "at most 341 with 1024 MiB of memory: each is to have 768 kB of a quarter of it",
    ),
    "passwords of no generation": Bad(
        {"data": {"passwords": 0}},
        "data.passwords",
        "0",
        "a whole number from 1 (raised by one, every client gets a new password)",
    ),
    "a schedule of four fields": Bad(
        {"data": {"backups": {"full": "1 2 3 4"}}},
        "data.backups.full",
        '"1 2 3 4"',
        "text (five fields, as cron has them, in UTC)",
    ),
    "a use that there is not": Bad(
        {"data": {"redis": {"use": "queue"}}}, "data.redis.use", '"queue"', "one of cache, durable"
    ),
    # contradictions
    "audit shorter than logs": Bad(
        retention(audit=60, logs=61),
        "retention.audit",
        "60",
        "no shorter than logs, which are kept 61 days: audit outlives the logs it explains",
    ),
    "zone in two pools": Bad(
        {"pools": {"all": POOL, "gpu": {**POOL, "zones": ["hpc"]}}},
        "pools",
        '{"all": ["hpc", "data", "edge", "general"], "gpu": ["hpc"]}',
        "pools that take each zone once; zone hpc is in: all, gpu",
    ),
    "zone twice in a pool": Bad(
        pools(zones=["hpc", "data", "edge", "general", "hpc"]),
        "pools",
        '{"all": ["hpc", "data", "edge", "general", "hpc"]}',
        "pools that take each zone once; zone hpc is in: all, all",
    ),
    "zone in no pool": Bad(
        pools(zones=["hpc", "data", "edge"]),
        "pools",
        '{"all": ["hpc", "data", "edge"]}',
        "pools that take each zone once; zone general is in: none",
    ),
    "cpu that does not fit": Bad(
        {**apart(cpu="100m", nodes=3), "replicas": {"edge": 3}},
        "pools.apart.cpu",
        '"100m"',
        "enough for cert-manager 1 x 20m + metrics-server 1 x 20m + gateway 2 x 50m + edge 3 x 50m"
        " + mcp-time 1 x 50m = 340m; it has 3 x 100m = 300m:"
        " add nodes, or lower requests_scale",
    ),
    "scaled cpu that does not fit": Bad(
        {**apart(cpu="100m"), "requests_scale": "0.5"},
        "pools.apart.cpu",
        '"100m"',
        "enough for cert-manager 1 x 10m + metrics-server 1 x 10m + gateway 2 x 25m + edge 2 x 25m"
        " + mcp-time 1 x 25m = 145m; it has 1 x 100m = 100m:"
        " add nodes, or lower requests_scale",
    ),
    "memory that does not fit": Bad(
        {
            "pools": {
                "most": {**POOL, "zones": ["hpc", "data", "edge"]},
                "rest": {**POOL, "zones": ["general"], "memory": "200Mi"},
            },
            "addons": {"metrics_server": "present"},
        },
        "pools.rest.memory",
        '"200Mi"',
        "enough for cert-manager 1 x 64Mi + mcp-time 1 x 160Mi = 224Mi; it has 1 x 200Mi = 200Mi:"
        " add nodes, or run less",
    ),
    # secrets
    "secret that is not set": Bad(
        {"secrets": DB}, "db_password", None, f"`secrets` refers to it, and it is not set; {REMEDY}"
    ),
    "secret in plain text": Bad(
        {"secrets": DB, "db_password": PASSWORD},
        "db_password",
        None,
        f"`secrets` refers to it, and it is in plain text; {REMEDY}",
    ),
    "secret without a reference": Bad(
        {"db_password": PASSWORD},
        "db_password",
        None,
        "is encrypted, but `secrets` does not refer to it: name it there, or remove it",
        encrypted=("db_password",),
    ),
    "setting that is encrypted": Bad(
        {"registry": PASSWORD},
        "registry",
        None,
        "is encrypted, and a setting is in plain text: set it without --secret",
        encrypted=("registry",),
    ),
    "setting that is encrypted, and would contradict another": Bad(
        {"tiers": {"dmz": "10.244.0.0/16"}},
        "tiers",
        None,
        "is encrypted, and a setting is in plain text: set it without --secret",
        encrypted=("tiers",),
    ),
    "reference to a setting": Bad(
        {"secrets": {"db": {"config": "registry"}}},
        "secrets.db.config",
        None,
        "must be a key of its own: this one is a setting",
    ),
    "value for a reference": Bad(
        {"secrets": {"db": PASSWORD}}, "secrets.db", None, "must be an object with config, generation"
    ),
    "value for the key of a reference": Bad(
        {"secrets": {"db": {"config": PASSWORD}}},
        "secrets.db.config",
        None,
        "must be text (key of this stack file (lower case, digits and _), set with: pulumi config set --secret)",
    ),
    "value beside a reference": Bad(
        {"secrets": {"db": {"config": "db_password", "value": PASSWORD}}, "db_password": PASSWORD},
        "secrets.db.value",
        None,
        "no such setting; there are config, generation",
        encrypted=("db_password",),
    ),
    "generation before the first": Bad(
        {"secrets": {"db": {"config": "db_password", "generation": 0}}, "db_password": PASSWORD},
        "secrets.db.generation",
        None,
        "must be a whole number from 1 (raised with a new value: its users roll over to it)",
        encrypted=("db_password",),
    ),
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("PULUMI_CONFIG", raising=False)
    yield
    config.set_all_config({}, [])


def load(changed: Mapping[str, Any], encrypted: tuple[str, ...] = ()) -> tuple[Settings, loading.Secrets]:
    """Loads what is valid but for the changes, as the CLI hands it over: each a text, JSON of all but texts."""
    given = {f"code:{key}": value for key, value in {**VALID, **changed}.items() if not isinstance(value, EllipsisType)}
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}
    config.set_all_config(
        {**texts, "kubernetes:context": "{mine", "codex:servers": "[]"}, [f"code:{key}" for key in encrypted]
    )
    return loading.load("code")


def said(changed: Mapping[str, Any], encrypted: tuple[str, ...] = ()) -> list[str]:
    """The lines that it dies with; none where it is content."""
    try:
        load(changed, encrypted)
    except loading.SettingsError as error:
        return str(error).split("\n")
    return []


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_a_mistake_is_one_line_with_key_value_and_what_is_allowed(bad: Bad) -> None:
    lines = said(bad.changed, bad.encrypted)
    assert lines == [bad.line]
    assert PASSWORD not in lines[0]


def test_there_are_many_ways_to_be_wrong() -> None:
    assert len(BAD) >= 45


def test_every_wrong_key_is_named_at_once() -> None:
    changed = {
        "registry": ...,
        "sevrers": ["time"],
        "replicas": {"edge": 9, "gateway": 9},
        "domains": {"edge": ["A", "localhost", "B"]},
        "secrets": DB,
        "other": PASSWORD,
    }
    assert said(changed, ("other",)) == [
        f"code:registry: is required: {REGISTRY}",
        "code:replicas.edge: 9: must be a whole number from 1 to 4",
        "code:replicas.gateway: 9: must be a whole number from 1 to 8",
        f'code:domains.edge[0]: "A": must be {DNS}',
        f'code:domains.edge[2]: "B": must be {DNS}',
        "code:sevrers: no such setting; did you mean servers?",
        f"code:db_password: `secrets` refers to it, and it is not set; {REMEDY}",
        "code:other: is encrypted, but `secrets` does not refer to it: name it there, or remove it",
    ]


def test_every_contradiction_is_named_at_once() -> None:
    lines = said({"tiers": {"dmz": "10.0.0.0/8"}, **pools(cpu="1m", memory="1Mi")})
    assert [line.split(":")[1] for line in lines] == [*["tiers.dmz"] * 3, "pools.all.cpu", "pools.all.memory"]


def test_defaults_fill_what_a_stack_leaves_out() -> None:
    loaded, secrets = load({})
    assert loaded.servers == ("everything", "time")
    assert loaded.image_lock is None
    assert (loaded.replicas_of("edge"), loaded.replicas_of("gateway"), loaded.requests_scale) == (2, 2, 1)
    assert loaded.tiers.data == IPv4Network("172.22.0.0/24")
    assert (loaded.cluster.pods, loaded.cluster.services) == (
        IPv4Network("10.244.0.0/16"),
        IPv4Network("10.100.0.0/16"),
    )
    assert loaded.installed_addons == {"cert-manager": 1, "metrics-server": 1}
    assert loaded.domains.edge == ("localhost",)
    assert (loaded.retention.logs, loaded.retention.audit, loaded.retention.backups) == (30, 90, 30)
    assert secrets == {}


def test_an_addon_whose_kinds_are_not_vendored_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def differing(addon: str, _locked: crds.Locked) -> list[str]:
        return [f"{addon}.yaml"]

    monkeypatch.setattr(crds, "differing", differing)
    with pytest.raises(loading.SettingsError) as error:
        load({})
    assert str(error.value) == (
        'code:addons.cert_manager: "install": must be present, until `make vendor` has brought'
        " vendor/crds/cert-manager/cert-manager.yaml"
    )


def test_every_value_arrives_as_text(tmp_path: Path) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps({f"{i.name}:{i.tag}": i.digest for i in images.load().images.values()}))
    loaded, _ = load(
        {
            "registry": "5000",  # a text setting is what it looks like, even if that is JSON
            "image_lock": str(lock),
            "servers": '["time"]',
            "replicas": '{"edge":3,"metrics-server":2}',
            "requests_scale": "1",
            "addons": '{"cert_manager":"present"}',
            "cluster": '{"nodes":["10.0.2.0/24","10.0.3.7"]}',
        }
    )
    assert (loaded.registry, loaded.image_lock, loaded.servers) == ("5000", str(lock), ("time",))
    assert (loaded.replicas_of("edge"), loaded.replicas_of("gateway"), loaded.requests_scale) == (3, 2, 1.0)
    assert loaded.installed_addons == {"metrics-server": 2}
    assert loaded.cluster.nodes == (IPv4Network("10.0.2.0/24"), IPv4Network("10.0.3.7/32"))


def test_the_environment_is_read_too(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {f"code:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in VALID.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({**given, "code:servers": '["everything"]'}))
    config.set_all_config({"code:servers": '["time"]'}, [])
    loaded, _ = loading.load("code")
    assert loaded.servers == ("time",)


def test_a_secret_is_a_reference_with_its_generation() -> None:
    values: list[list[object]] = []
    sources = {"db": {"config": "db_password", "generation": 3}, "cache": {"config": "cache_password"}}

    def program() -> None:
        loaded, secrets = load(
            {"secrets": sources, "db_password": PASSWORD, "cache_password": '{"a": 1}'},
            ("db_password", "cache_password"),
        )
        assert PASSWORD not in repr(loaded)
        assert {name: secret.generation for name, secret in secrets.items()} == {"db": 3, "cache": 1}
        for secret in secrets.values():
            pulumi.Output.all(secret.value, secret.value.is_secret()).apply(values.append)

    record(program)
    assert values == [[PASSWORD, True], ['{"a": 1}', True]]


# Properties


@st.composite
def ranges(draw: st.DrawFn, count: int) -> list[str]:
    """Private ranges apart from each other and from the API server, /16 to /24."""
    blocks = draw(st.lists(st.integers(1, 255), min_size=count, max_size=count, unique=True))
    prefixes = [draw(st.integers(16, 24)) for _ in blocks]
    return [
        f"10.{block}.{draw(st.integers(0, 2 ** (prefix - 16) - 1)) << (24 - prefix)}.0/{prefix}"
        for block, prefix in zip(blocks, prefixes, strict=True)
    ]


@st.composite
def good(draw: st.DrawFn) -> dict[str, Any]:
    """Settings that are valid."""
    dmz, frontend, backend, data, pods, cluster_services, *nodes = draw(ranges(6 + draw(st.integers(1, 3))))
    owners = {zone: draw(st.sampled_from(["a", "b", "c_1"])) for zone in Zone}
    logs = draw(st.integers(1, 400))
    replicas = {
        entry.id: draw(st.integers(entry.replicas.min, entry.replicas.max))
        for entry in services.load().services
        if draw(st.booleans())
    }
    return {
        **VALID,
        "data": {
            # One member has no second, and pools of many pods are many connections.
            "postgres": {"synchronous": replicas.get("postgres-members", 3) > 1, "clients": 2},
            "htm": {"synchronous": False, "clients": 1},
        },
        "servers": draw(
            st.lists(st.sampled_from([server.id for server in mcp.load().servers]), min_size=1, unique=True)
        ),
        "replicas": replicas,
        "tiers": {"dmz": dmz, "frontend": frontend, "backend": backend, "data": data},
        "cluster": {"pods": pods, "services": cluster_services, "nodes": nodes},
        "pools": {
            name: {
                "zones": [zone for zone in Zone if owners[zone] == name],
                "nodes": draw(st.integers(1, 100)),
                "cpu": draw(st.sampled_from(["16", "15500m", "64"])),
                "memory": draw(st.sampled_from(["64Gi", "65536Mi"])),
            }
            for name in set(owners.values())
        },
        "requests_scale": draw(st.one_of(st.floats(0.01, 1), st.just(1))),
        "addons": {name: draw(st.sampled_from(AddonMode)) for name in ("cert_manager", "metrics_server")},
        "retention": {"logs": logs, "audit": draw(st.integers(max(30, logs), 2557))},
    }


@effort(max_examples=60, deadline=None)
@given(good())
def test_valid_settings_are_accepted_and_their_demand_adds_up(given: dict[str, Any]) -> None:
    loaded = Settings.model_validate_json(json.dumps(given))
    demand = list(loaded.demand())
    present = {name.replace("_", "-") for name, mode in given["addons"].items() if mode == AddonMode.PRESENT}
    expected = {
        **{entry.id: entry.replicas.default for entry in services.load().services},
        **given["replicas"],
        **{f"mcp-{id}": 1 for id in given["servers"]},
    }
    assert {entry.name: entry.replicas for entry in demand} == {
        name: count for name, count in expected.items() if name not in present
    }
    assert len({entry.name for entry in demand}) == len(demand)


@effort(max_examples=40, deadline=None)
@given(good(), st.sampled_from(["cpu", "memory"]), st.integers(1, 4))
def test_a_pool_that_has_exactly_what_is_requested_is_enough_and_one_less_is_not(
    given: dict[str, Any], what: str, nodes: int
) -> None:
    loaded = Settings.model_validate_json(json.dumps(given))
    name, pool = next(iter(given["pools"].items()))
    own = [entry for entry in loaded.demand() if entry.zone in pool["zones"]]
    amounts = {
        "cpu": sum(e.replicas * cpu_m(scaled_cpu(e.requests.cpu, loaded.requests_scale)) for e in own),
        "memory": sum(e.replicas * e.requests.memory_mib for e in own),
    }

    each = -(-amounts[what] // nodes)

    def sized(amount: int) -> str:
        resized = {**pool, "nodes": nodes, what: f"{amount}{'m' if what == 'cpu' else 'Mi'}"}
        return json.dumps({**given, "pools": {**given["pools"], name: resized}})

    Settings.model_validate_json(sized(max(1, each)))
    if each > 1:
        with pytest.raises(ValidationError, match=rf"pools\.{name}\.{what}: must be enough for"):
            Settings.model_validate_json(sized(each - 1))


@effort(max_examples=60, deadline=None)
@given(good(), st.data())
def test_no_two_ranges_may_share_an_address(given: dict[str, Any], data: st.DataObject) -> None:
    places = [("tiers", tier) for tier in ("dmz", "frontend", "backend", "data")]
    places += [("cluster", "pods"), ("cluster", "services"), ("cluster", "nodes")]
    (group, name), (other_group, other) = data.draw(st.sampled_from(list(combinations(places, 2))))
    taken = IPv4Network(given[group][name])
    inside = str(data.draw(st.sampled_from([taken, *taken.subnets(new_prefix=24)])))
    changed = {**given, other_group: {**given[other_group], other: [inside] if other == "nodes" else inside}}
    with pytest.raises(ValidationError) as error:
        Settings.model_validate_json(json.dumps(changed))
    index = r"[0]" if other == "nodes" else ""
    assert f"{group}.{name}: must be a range of its own; it overlaps {other_group}.{other}{index} {inside}" in str(
        error.value
    )


@effort(max_examples=60, deadline=None)
@given(
    st.sampled_from([name for name in Settings.model_fields if name != "image_lock"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["all", "dmz", "nodes", "zones"]) | st.text(), inner)
        ),
        max_leaves=8,
    ),
)
def test_whatever_is_written_there_is_a_line_for_each_mistake(key: str, value: object) -> None:
    lines = said({key: json.dumps(value)})
    assert "\n".join(lines).splitlines() == lines
    assert all(line.startswith(f"code:{key}") for line in lines)
