"""Runs a Pulumi program against mocks and keeps all that it registered."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from pulumi.runtime import mocks, rpc, settings, stack

DIGEST = "sha256:" + "a" * 64
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    parent: str
    """Name of its parent, empty for the stack's own children."""
    inputs: dict[str, Any]
    depends_on: frozenset[str]
    """Names of what it waits for."""

    @property
    def manifest(self) -> dict[str, Any]:
        """A Kubernetes object as the API server gets it, secrets opened."""
        module, _, kind = self.type.removeprefix("kubernetes:").rpartition(":")
        return {"apiVersion": module.removeprefix("core/"), "kind": kind, **opened(self.inputs)}


@dataclass
class Recorder(mocks.Mocks):
    """Keeps what was registered, and answers as the providers' previews would."""

    resources: list[Registered] = field(default_factory=list[Registered])

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        inputs = cast("dict[str, Any]", args.inputs)  # pyright: ignore[reportUnknownMemberType] (untyped in the SDK)
        outputs = dict(inputs)
        if args.typ == "docker:index/image:Image":
            outputs["repoDigest"] = inputs["imageName"].rsplit(":", 1)[0] + "@" + DIGEST
        if args.typ == "random:index/randomPassword:RandomPassword":
            outputs["result"] = "sesame" + "".join(filter(str.isalnum, args.name))
        if args.typ.startswith("kubernetes:"):
            # The provider names what the program does not.
            outputs["metadata"] = {"name": args.name, **inputs.get("metadata", {})}
        if args.typ == "kubernetes:core/v1:Secret" and args.resource_id:  # one that is read, not made
            outputs["data"] = {
                "ca.crt": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUIKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="
            }
        return args.resource_id or f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"unexpected function call {args.token}")

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Inputs, by name, of every resource whose type ends in `:kind`."""
        return {r.name: r.inputs for r in self.resources if r.type.endswith(f":{kind}")}

    def manifests(self, kind: str) -> list[dict[str, Any]]:
        """Every Kubernetes object of a kind, as the API server gets it."""
        return [r.manifest for r in self.resources if r.type.startswith("kubernetes:") and r.type.endswith(f":{kind}")]


class _Monitor(mocks.MockMonitor):
    """Sees whole requests: parents and dependencies are not shown to mocks."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__(recorder)
        self._recorder = recorder

    def RegisterResource(self, request: Any) -> Any:  # noqa: ANN401, N802 (the protocol's)
        if request.type != "pulumi:pulumi:Stack":
            self._recorder.resources.append(
                Registered(
                    request.type,
                    request.name,
                    _name_of(request.parent),
                    cast("dict[str, Any]", rpc.deserialize_properties(request.object)),
                    frozenset(map(_name_of, request.dependencies)),
                )
            )
        return super().RegisterResource(request)  # pyright: ignore[reportUnknownMemberType] (untyped in the SDK)


def _name_of(urn: str) -> str:
    return "" if "pulumi:pulumi:Stack" in urn.split("::")[2:3] else urn.rpartition("::")[2]


def record(body: Callable[[], object], recorder: Recorder | None = None, *, preview: bool = False) -> Recorder:
    """Run a program with mocks on an event loop of its own; returns once every registration has settled.

    Args:
        body: the program.
        recorder: what keeps its resources, for a look at those of one that fails.
        preview: whether outputs are those of a preview.
    """
    recorder = recorder or Recorder()
    fresh = asyncio.new_event_loop()
    asyncio.set_event_loop(fresh)

    async def settled() -> None:
        try:
            body()
        finally:
            await stack.wait_for_rpcs()

    try:
        mocks.set_mocks(recorder, project="code", stack="dev", preview=preview, monitor=_Monitor(recorder))
        fresh.run_until_complete(settled())
    finally:
        while pending := asyncio.all_tasks(fresh):
            fresh.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        settings.reset_options()
        asyncio.set_event_loop(None)
        # A program that fails does so in many of its tasks, of which the first was raised. The others would be logged
        # when they are collected: that parses source, which CPython 3.11 does not bear while it parses already.
        fresh.set_exception_handler(_already_raised)
        fresh.close()
    return recorder


def _already_raised(_: asyncio.AbstractEventLoop, __: dict[str, Any]) -> None:
    """What came after the error that `record` raised."""


def opened(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """A value without the wrappers that mark what is secret; whole numbers are integers, as JSON has them."""
    match value:
        case {"4dabf18193072939515e22adb298388d": _, "value": inner}:
            return opened(inner)
        case dict():
            return {key: opened(item) for key, item in cast("dict[str, Any]", value).items()}
        case list():
            return [opened(item) for item in cast("list[Any]", value)]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def secrets_in(value: Any, path: str = "") -> dict[str, Any]:  # noqa: ANN401 (any JSON)
    """Path -> value of everything that is marked secret."""
    match value:
        case {"4dabf18193072939515e22adb298388d": _, "value": inner}:
            return {path: inner}
        case dict():
            items = [(f"{path}.{key}", item) for key, item in cast("dict[str, Any]", value).items()]
        case list():
            items = [(f"{path}[{index}]", item) for index, item in enumerate(cast("list[Any]", value))]
        case _:
            return {}
    return {place: secret for name, item in items for place, secret in secrets_in(item, name).items()}
