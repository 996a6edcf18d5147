"""What the stand-in for random draws, and which inputs it refuses."""

import string
from collections import Counter
from typing import Any

import bcrypt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.plugins.provider import CheckFailedError, Failure, Kind, Resource, State
from sandbox.plugins.random.numbers import RandomId
from sandbox.plugins.random.provider import RandomProvider
from sandbox.plugins.random.texts import SPECIAL, RandomPassword, RandomString
from sandbox.plugins.values import UNKNOWN, Properties, Secret, plain, reveal


def resource(kind: str) -> Resource:
    """A resource of one of random's types."""
    type = f"random:index/{kind[0].lower()}{kind[1:]}:{kind}"
    return Resource(f"urn:pulumi:dev::demo::{type}::it", type, "it")


def refusals(kind: str, inputs: Properties) -> list[Failure]:
    """Why inputs are refused; empty where they are not."""
    try:
        RandomProvider().check(resource(kind), None, inputs, b"")
    except CheckFailedError as error:
        return error.failures
    return []


@st.composite
def texts(draw: st.DrawFn) -> dict[str, Any]:
    """Inputs of a text that are right."""
    least = {name: draw(st.integers(0, 5)) for name in ("minLower", "minUpper", "minNumeric", "minSpecial")}
    on = {name: draw(st.booleans()) for name in ("lower", "upper", "numeric")}
    special = draw(st.none() | st.text("äß🙂.,", min_size=1))
    extra = {"overrideSpecial": special} if special else {}
    length = sum(least.values()) + draw(st.integers(0, 20))
    return {**least, **on, **extra, "special": True, "length": max(length, 1)}


@given(texts())
def test_a_text_has_what_was_asked_for(inputs: dict[str, Any]) -> None:
    assert refusals("RandomString", inputs) == []
    text = RandomString.model_validate(inputs).text()
    sets = {
        "Lower": (string.ascii_lowercase, inputs["lower"]),
        "Upper": (string.ascii_uppercase, inputs["upper"]),
        "Numeric": (string.digits, inputs["numeric"]),
        "Special": (inputs.get("overrideSpecial", SPECIAL), True),
    }
    counts = Counter(next(name for name, (characters, _) in sets.items() if c in characters) for c in text)
    assert len(text) == inputs["length"]
    for name, (_, on) in sets.items():
        least = inputs[f"min{name}"]
        assert counts[name] >= least if on else counts[name] == least


def test_texts_differ_and_minimums_are_not_all_at_the_start() -> None:
    drawn = {RandomString.model_validate({"length": 24, "minNumeric": 12, "special": False}).text() for _ in range(50)}
    assert len(drawn) == 50
    assert len({text[:12].isdigit() for text in drawn} | {text[0].isdigit() for text in drawn}) == 2


@pytest.mark.parametrize(
    ("kind", "inputs", "property", "reason"),
    [
        ("RandomPassword", {}, "length", "missing"),
        ("RandomPassword", {"length": 0}, "length", "value must be at least 1, got: 0"),
        ("RandomPassword", {"length": 3, "minLower": 2, "minUpper": 2}, "length", "= 4, got: 3"),
        ("RandomPassword", {"length": 3, "minLower": -1}, "minLower", "value must be at least 0, got: -1"),
        ("RandomPassword", {"length": 3, "number": True, "numeric": False}, "number", "different values"),
        (
            "RandomPassword",
            {"length": 3, "special": False, "lower": False, "upper": False, "number": False},
            "numeric",
            "at least one",
        ),
        ("RandomPassword", {"length": 3, "lenght": 3}, "lenght", "did you mean 'length'"),
        ("RandomPassword", {"length": "many"}, "length", "expected int"),
        ("RandomId", {"byteLength": 0}, "byteLength", "value must be at least 1, got: 0"),
        ("RandomBytes", {"length": 0}, "length", "value must be at least 1, got: 0"),
        ("RandomInteger", {"min": 2, "max": 1}, "min", "smaller than or equal"),
        ("RandomInteger", {"min": 1, "max": 2, "seed": "x"}, "seed", "PLUGINS=official"),
    ],
)
def test_refused(kind: str, inputs: Properties, property: str, reason: str) -> None:
    failures = refusals(kind, inputs)
    assert [failure.property for failure in failures] == [property]
    assert reason in failures[0].reason


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("RandomPassword", {"length": UNKNOWN, "minLower": 4}),
        ("RandomPassword", {"length": 3, "keepers": {"a": UNKNOWN}}),
        ("RandomPassword", {"length": Secret(3), "keepers": Secret({"a": "b"})}),
        ("RandomInteger", {"min": 1, "max": 1}),
    ],
)
def test_accepted(kind: str, inputs: Properties) -> None:
    assert refusals(kind, inputs) == []


@pytest.mark.parametrize(
    ("olds", "news", "changes"),
    [
        ({"length": 3}, {"length": 3, "upper": True, "minLower": 0, "keepers": {}}, {}),
        ({"length": 3}, {"length": "3"}, {}),
        ({"length": 3, "number": False}, {"length": 3, "numeric": False}, {}),
        ({"length": 3, "overrideSpecial": ""}, {"length": 3}, {}),
        ({"length": 3, "keepers": {"a": "1"}}, {"length": 3, "keepers": {"a": 1, "b": None}}, {}),
        ({"length": 3, "keepers": {"a": "1"}}, {"length": 3, "keepers": Secret({"a": "1"})}, {}),
        ({"length": 3, "keepers": {"a": "1"}}, {"length": 3, "keepers": {"a": "2"}}, {"keepers.a": Kind.UPDATE}),
        ({"length": 3, "keepers": {"a": "1"}}, {"length": 3}, {"keepers": Kind.DELETE}),
        ({"length": 3}, {"length": 3, "keepers": {"a": UNKNOWN}}, {"keepers": Kind.ADD}),
        ({"length": 3}, {"length": UNKNOWN}, {"length": Kind.UPDATE}),
        ({"length": 3}, {"length": 3, "overrideSpecial": ""}, {"overrideSpecial": Kind.ADD}),
    ],
)
def test_every_change_is_a_replacement(olds: Properties, news: Properties, changes: dict[str, Kind]) -> None:
    diff = RandomProvider().diff(resource("RandomPassword"), "none", State("none", olds, {}), news)
    assert diff.changes == changes
    assert diff.replaces == changes.keys()
    assert not diff.delete_before_replace


def test_preview_knows_inputs_and_defaults_but_no_result() -> None:
    id, outputs = RandomProvider().create(
        resource("RandomPassword"), {"length": UNKNOWN, "minLower": 1}, preview=True, timeout=0
    )
    assert id == ""
    assert outputs["length"] is UNKNOWN
    assert outputs["result"] == Secret(UNKNOWN)
    assert outputs["minLower"] == 1
    assert outputs["special"] is True


def test_hash_of_a_long_password_is_that_of_its_first_72_bytes() -> None:
    drawn = RandomPassword(length=100).draw()
    text, hashed = (str(reveal(drawn.outputs[name])) for name in ("result", "bcryptHash"))
    assert bcrypt.checkpw(text.encode()[:72], hashed.encode())


@pytest.mark.parametrize("prefix", ["", "with,comma-"])
def test_an_imported_id_gives_back_what_was_drawn(prefix: str) -> None:
    drawn = RandomId.model_validate({"byteLength": 5, "prefix": prefix or None}).draw()
    adopted, again = RandomId.adopt(f"{prefix},{drawn.id}" if prefix else drawn.id)
    assert again == drawn
    assert adopted.byte_length == 5


@pytest.mark.parametrize(("kind", "id"), [("RandomInteger", "1,2"), ("RandomUuid", "no"), ("RandomBytes", "*")])
def test_an_import_that_cannot_be(kind: str, id: str) -> None:
    with pytest.raises(Exception, match=f"cannot import random:index/.*{kind} it: "):
        RandomProvider().read(resource(kind), id, {}, {})


def test_import_is_told_from_refresh_by_the_outputs() -> None:
    provider = RandomProvider()
    imported = provider.read(resource("RandomPassword"), "the word", {}, {})
    assert imported is not None
    assert imported.id == "none"
    assert imported.inputs == {"length": 8}
    assert plain(imported.outputs["result"]) == "the word"
    assert provider.read(resource("RandomPassword"), "none", imported.inputs, imported.outputs) == imported
