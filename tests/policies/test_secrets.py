"""k8s-no-secret-in-env."""

import base64
from typing import Any

import pytest

from policies.plain import UNKNOWN
from policies.security.rules import pods, secrets
from tests.policies import samples
from tests.policies.samples import ABSENT, EMPTY, C, P, Sample, bad, bads, each, good, goods

CONFIG = secrets.RULE.config({})
ENV: samples.Path = (*C, "env")
VALUE = f"{samples.dotted(ENV)}[0].value"
NAME = f"{samples.dotted(ENV)}[0].name"
REFERENCE = {"secretKeyRef": {"name": "db", "key": "password"}}
CREDENTIALS = ("PASSWORD", "DB_PASSWORD", "PGPASSWORD", "GITHUB_TOKEN", "clientSecret", "API_KEY", "OPENAI_APIKEY")
MORE_CREDENTIALS = ("SSH_PRIVATE_KEY", "AWS_SECRET_ACCESS_KEY", "token", "redis-password", "SECRET_1", "PASSPHRASE")
ORDINARY = ("PORT", "LOCAL_TIMEZONE", "MAX_TOKENS", "TOKENIZERS_PARALLELISM", "KEY_FILE", "SECRETARY", "PUBLIC_KEY")
# Put together here, so that no scanner takes this file for a leak.
SHAPES = {
    "pem": "-----BEGIN " + "PRIVATE KEY-----\nMIIE",
    "rsa": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "github": "ghp_" + "a" * 36,
    "github-fine": "github_pat_" + "a" * 40,
    "gitlab": "glpat-" + "a" * 20,
    "aws": "AKIA" + "A" * 16,
    "slack": "xoxb-" + "1" * 12,
    "google": "AIza" + "a" * 35,
    "anthropic": "sk-" + "ant-" + "a" * 30,
    "jwt": "eyJ" + "hbGciOi.eyJ" + "zdWIiOiI.c2ln",
    "url": "postgres://app:hunter2" + "@db:5432/app",
}


def variable(name: object, value: object = ABSENT, source: object = ABSENT) -> list[dict[str, Any]]:
    entry = samples.changed({"name": name}, ["value"], value)
    return [samples.changed(entry, ["valueFrom"], source)]


def judged(props: dict[str, Any], type: str = pods.DEPLOYMENT, **sources: list[str]) -> list[str]:
    resource = samples.resource(type, props, "app", **sources)
    return samples.paths(secrets.RULE.checks[type](resource, [resource], CONFIG))


@pytest.mark.parametrize(
    "sample",
    [
        *goods(ENV, ABSENT, None, []),
        *bads(ENV, UNKNOWN, "", 0, {}),
        *(bad(ENV, [value], f"{samples.dotted(ENV)}[0]") for value in each(UNKNOWN, None, "", 0)),
        *(bad(ENV, variable(name, "x"), NAME) for name in (None, UNKNOWN, 0)),
        *(bad(ENV, variable(name, "hunter2"), VALUE) for name in (*CREDENTIALS, *MORE_CREDENTIALS)),
        *(bad(ENV, variable("DB_PASSWORD", value), VALUE) for value in EMPTY),
        *(good(ENV, variable(name, "1")) for name in ORDINARY),
        *(good(ENV, variable("PORT", value)) for value in each(ABSENT, None, "", "8080")),
        *(bad(ENV, variable("PORT", value), VALUE) for value in each(UNKNOWN, 0, [], {})),
        *(bad(ENV, variable("CONFIG", text), VALUE) for text in SHAPES.values()),
        *(bad(ENV, variable("CONFIG", f"a={text} b"), VALUE) for text in SHAPES.values()),
        *(good(ENV, variable(f"DB_PASSWORD_{end}", "/run/secrets/db")) for end in ("FILE", "PATH", "DIR")),
        good(ENV, variable("DB_PASSWORD_FILE", "./db")),
        *(bad(ENV, variable("DB_PASSWORD_FILE", value), VALUE) for value in each(*EMPTY, "hunter2", "file", "a b/")),
        bad(ENV, variable("DB_PASSWORD_FILENAME", "/run/secrets/db"), VALUE),
        good(ENV, variable("DB_PASSWORD", source=REFERENCE)),
        good(ENV, variable("DB_PASSWORD", source={"secretKeyRef": {"name": UNKNOWN, "key": "password"}})),
        bad(ENV, variable("DB_PASSWORD", "x", REFERENCE), VALUE),
        *(bad(ENV, variable("DB_PASSWORD", source=value), VALUE) for value in each(None, UNKNOWN, {}, "", [])),
        *(bad(ENV, variable("DB_PASSWORD", source={"secretKeyRef": v}), VALUE) for v in each(None, UNKNOWN, {}, "")),
        bad(ENV, variable("DB_PASSWORD", source={"secretKeyRef": {"name": "", "key": "a"}}), VALUE),
        bad(ENV, variable("DB_PASSWORD", source={"configMapKeyRef": {"name": "a", "key": "b"}}), VALUE),
        good(ENV, variable("NODE", source={"fieldRef": {"fieldPath": "status.hostIP"}})),
        *bads((*P, "containers"), *EMPTY),
    ],
    ids=str,
)
def test_environment(sample: Sample) -> None:
    assert judged(samples.changed(samples.deployment(), sample.path, sample.value)) == sample.wrong


@pytest.mark.parametrize(
    "sample",
    [
        good(["data"], {"nginx.conf": "http { proxy_pass http://$server:8080; }"}),
        *goods(["data"], ABSENT, None, {}),
        *bads(["data"], UNKNOWN, "", 0, []),
        *bads(["data", "app.conf"], None, UNKNOWN, 0, []),
        good(["data", "app.conf"], ""),
        *(bad(["data", name], value) for name in ("password", "api-key") for value in each("hunter2", "", UNKNOWN)),
        *(bad(["data", "app.conf"], f"key = {text}\n") for text in SHAPES.values()),
        *(bad(["binaryData", "app.bin"], base64.b64encode(text.encode()).decode()) for text in SHAPES.values()),
        bad(["binaryData"], UNKNOWN),
        bad(["binaryData", "app.bin"], UNKNOWN),
        good(["binaryData", "app.bin"], base64.b64encode(b"\xff\x00").decode()),
        good(["binaryData", "app.bin"], "no base64"),
    ],
    ids=str,
)
def test_config_maps(sample: Sample) -> None:
    props = samples.changed({"metadata": {"name": "app"}}, sample.path, sample.value)
    assert judged(props, secrets.CONFIG_MAP) == sample.wrong


SERVICE, SECRET, PASSWORD = "kubernetes:core/v1:Service", "kubernetes:core/v1:Secret", "random:index/randomPassword:X"


@pytest.mark.parametrize(
    ("sources", "passes"),
    [([], False), ([SERVICE], True), ([SERVICE, SECRET], True), ([PASSWORD], False), ([SERVICE, PASSWORD], False)],
)
def test_an_unknown_value_passes_only_if_all_that_it_comes_from_holds_no_credential(
    sources: list[str], passes: bool
) -> None:
    props = samples.changed(samples.deployment(), ENV, variable("SERVER", UNKNOWN))
    assert judged(props, spec=sources) == ([] if passes else [VALUE])
    assert judged({"data": {"a": UNKNOWN}}, secrets.CONFIG_MAP, data=sources) == ([] if passes else ["data.a"])
    assert judged({"data": UNKNOWN}, secrets.CONFIG_MAP, data=sources) == ([] if passes else ["data"])


def test_an_unknown_credential_is_refused_whatever_it_comes_from() -> None:
    props = samples.changed(samples.deployment(), ENV, variable("DB_PASSWORD", UNKNOWN))
    assert judged(props, spec=[SERVICE]) == [VALUE]


@pytest.mark.parametrize("kind", ["initContainers", "ephemeralContainers"])
def test_other_containers(kind: str) -> None:
    props = samples.changed(samples.deployment(), (*P, kind), [{"env": variable("TOKEN", "x")}])
    assert judged(props) == [f"{samples.dotted(P)}.{kind}[0].env[0].value"]


@pytest.mark.parametrize("type", pods.PATHS)
def test_every_kind_with_pods(type: str) -> None:
    path = (*pods.PATHS[type], "containers", 0, "env")
    assert judged(samples.with_pod(type), type) == []
    refused = judged(samples.changed(samples.with_pod(type), path, variable("TOKEN", "x")), type)
    assert refused == [f"{samples.dotted(path)}[0].value"]


@pytest.mark.parametrize("text", SHAPES.values())
def test_no_message_tells_a_secret(text: str) -> None:
    props = samples.changed(samples.deployment(), ENV, [*variable("A", text), *variable("PASSWORD", text)])
    resource = samples.resource(pods.DEPLOYMENT, props)
    messages = [str(violation) for violation in secrets.check_pod(resource, [], CONFIG)]
    assert len(messages) >= 2
    assert not any(text in message for message in messages)


def test_names_that_only_look_like_it_can_be_configured() -> None:
    config = secrets.RULE.config({"not_credentials": ["TOKEN_ISSUER"]})
    props = samples.changed(samples.deployment(), ENV, variable("TOKEN_ISSUER", "https://issuer"))
    assert list(secrets.check_pod(samples.resource(pods.DEPLOYMENT, props), [], config)) == []
