"""One fixture for everything that registers resources: the Pulumi runtime with recording mocks."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from pulumi.runtime import mocks, settings, stack

DIGEST = "sha256:" + "a" * 64


@dataclass(frozen=True)
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    inputs: dict[str, Any]


@dataclass
class Recorder(mocks.Mocks):
    """Keeps what was registered, and answers as the providers' previews would."""

    resources: list[Registered] = field(default_factory=list[Registered])

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        resource = Registered(args.typ, args.name, cast("dict[str, Any]", args.inputs))  # pyright: ignore[reportUnknownMemberType] (untyped in the SDK)
        self.resources.append(resource)
        outputs = dict(resource.inputs)
        if resource.type == "docker:index/image:Image":
            outputs["repoDigest"] = resource.inputs["imageName"].rsplit(":", 1)[0] + "@" + DIGEST
        if resource.type.startswith("kubernetes:"):
            # The provider names what the program does not.
            outputs["metadata"] = {"name": args.name, **resource.inputs.get("metadata", {})}
        return f"{args.name}-id", outputs

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], None]:
        raise AssertionError(f"unexpected function call {args.token}")

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Inputs, by name, of every resource whose type ends in `:kind`."""
        return {r.name: r.inputs for r in self.resources if r.type.endswith(f":{kind}")}


@pytest.fixture(autouse=True)
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop of its own for each test; what outputs still do on it is done before the next test begins."""
    fresh = asyncio.new_event_loop()
    asyncio.set_event_loop(fresh)
    yield fresh
    while pending := asyncio.all_tasks(fresh):
        fresh.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    settings.reset_options()
    asyncio.set_event_loop(None)
    fresh.close()


Run = Callable[[Callable[[], object]], Recorder]


@pytest.fixture(params=[True, False], ids=["preview", "update"])
def run(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Run:
    """Runs a program with mocks, in a preview and in an update; returns once every registration has settled."""
    recorder = Recorder()

    def program(body: Callable[[], object]) -> Recorder:
        async def settled() -> None:
            body()
            await stack.wait_for_rpcs()

        mocks.set_mocks(recorder, project="code", stack="dev", preview=request.param)
        loop.run_until_complete(settled())
        return recorder

    return program
