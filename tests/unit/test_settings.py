"""Bad input dies early, with one line per key."""

import json
from collections.abc import Iterator, Mapping

import pytest
from pulumi.runtime import config

from stacks import settings

KEY = "code:edge_key"
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
VALID = {
    "code:registry": "registry.example:5000/code",
    "code:edge_cert": CERTIFICATE,
    "code:edge_ca": CERTIFICATE,
    KEY: "a key",
}


@pytest.fixture(autouse=True)
def _clean() -> Iterator[None]:
    yield
    config.set_all_config({}, [])


def load(
    changed: Mapping[str, str | None] | None = None, secret: str = KEY
) -> tuple[settings.Settings, settings.Secrets]:
    given = {key: value for key, value in {**VALID, **(changed or {})}.items() if value is not None}
    config.set_all_config(given, [secret])
    return settings.load("code")


def test_defaults_fill_what_a_stack_leaves_out() -> None:
    loaded, _ = load()
    assert loaded.servers == ("everything", "time")
    assert loaded.edge_replicas == 2
    assert loaded.image_lock is None


def test_values_arrive_as_text_and_are_read_as_json() -> None:
    loaded, _ = load({"code:servers": json.dumps(["time"]), "code:edge_replicas": "3"})
    assert loaded.servers == ("time",)
    assert loaded.edge_replicas == 3


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"code:edge_replica": "2"}, "code:edge_replica: '2': Extra inputs are not permitted"),
        ({"code:edge_replicas": "0"}, "code:edge_replicas: 0: Input should be greater than or equal to 1"),
        ({"code:edge_replicas": "5"}, "code:edge_replicas: 5: Input should be less than or equal to 4"),
        ({"code:edge_replicas": "two"}, "code:edge_replicas: 'two': Input should be a valid integer"),
        ({"code:registry": None}, "code:registry: Field required"),
        ({"code:registry": "https://registry"}, "code:registry: 'https://registry': String should match pattern"),
        ({"code:servers": "[]"}, "code:servers: []: Tuple should have at least 1 item"),
        ({"code:servers": '["tme"]'}, "unknown or repeated: tme; the catalogue has everything, time"),
        ({"code:servers": '["time", "time"]'}, "unknown or repeated: time"),
        ({"code:servers": "time"}, "code:servers: 'time': Input should be a valid tuple"),
        ({"code:image_lock": "missing.json"}, "code:image_lock: 'missing.json': Value error, no such file"),
        ({"code:edge_cert": "x"}, "code:edge_cert: 'x': String should match pattern"),
        ({"code:edge_key": None}, "code:edge_key: not set; give it with: pulumi config set --secret"),
    ],
)
def test_each_wrong_value_is_one_line_with_key_and_value(changed: Mapping[str, str | None], said: str) -> None:
    with pytest.raises(settings.SettingsError) as error:
        load(changed)
    lines = [line for line in str(error.value).splitlines() if said in line]
    assert len(lines) == 1, str(error.value)


def test_a_key_in_plain_text_is_refused_and_not_shown() -> None:
    with pytest.raises(settings.SettingsError, match="code:edge_key: is in plain text") as error:
        load(secret="code:other")
    assert "a key" not in str(error.value)


def test_every_wrong_key_is_named_at_once() -> None:
    with pytest.raises(settings.SettingsError) as error:
        load({"code:edge_replicas": "9", "code:typo": "x", "code:edge_key": None})
    assert len(str(error.value).splitlines()) == 3


def test_keys_of_other_namespaces_are_not_ours() -> None:
    loaded, _ = load({"kubernetes:context": "mine"})
    assert loaded.registry == VALID["code:registry"]
