"""The proxy that an engine talks to until its policy pack can be started, and after."""

import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import cast

import grpc
import pytest
from pulumi.runtime.proto import analyzer_pb2, plugin_pb2

from sandbox.plugins import wire
from sandbox.plugins.python_host.policy import Configuration, PolicyProxy, environment

WAIT_S = 10.0
LARGE = 5 * 1024 * 1024
"""More bytes than gRPC lets through unless it is told to."""


_Call = Callable[[bytes, grpc.ServicerContext], bytes]


def _handler(call: _Call) -> "grpc.RpcMethodHandler[bytes, bytes]":
    return grpc.unary_unary_rpc_method_handler(call)


class _Pack:
    """A pack that remembers its stack, echoes what it is to analyze and refuses to remediate."""

    def __init__(self) -> None:
        self.stack = ""
        self.server = wire.server()
        calls: dict[str, _Call] = {
            "ConfigureStack": self._configure,
            "GetPluginInfo": lambda _request, _context: plugin_pb2.PluginInfo(version="1.2.3").SerializeToString(),
            "Analyze": lambda request, _context: request,
            "Remediate": lambda _request, context: context.abort(grpc.StatusCode.OUT_OF_RANGE, "not me"),
        }
        handlers = {name: _handler(call) for name, call in calls.items()}
        self.server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("pulumirpc.Analyzer", handlers),))
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def _configure(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        self.stack = Configuration.FromString(request).stack
        return b""


@pytest.fixture
def proxy() -> Iterator[PolicyProxy]:
    """A proxy without its pack."""
    proxy = PolicyProxy()
    yield proxy
    proxy.close()


@pytest.fixture
def pack() -> Iterator[_Pack]:
    """A pack that runs."""
    pack = _Pack()
    yield pack
    pack.server.stop(None)


def _ask(proxy: PolicyProxy, method: str, request: bytes = b"") -> "futures.Future[bytes]":
    """Call the proxy as an engine does; the answer comes, or does not."""
    call: grpc.UnaryUnaryMultiCallable[bytes, bytes]
    call = wire.channel(proxy.port).unary_unary(f"/pulumirpc.Analyzer/{method}")
    return cast("futures.Future[bytes]", call.future(request, timeout=WAIT_S))


def _refusal(answer: "futures.Future[bytes]") -> tuple[grpc.StatusCode, str | None]:
    error = answer.exception()
    assert isinstance(error, grpc.RpcError)
    return error.code(), error.details()


def test_the_stack_is_known_before_the_pack_runs(proxy: PolicyProxy, pack: _Pack) -> None:
    _ask(proxy, "Handshake").result()
    _ask(proxy, "ConfigureStack", Configuration(stack="dev").SerializeToString()).result()
    configuration = proxy.configuration()
    proxy.attach(pack.port, configuration)

    assert configuration is not None
    assert configuration.stack == "dev"
    assert pack.stack == "dev"


def test_calls_wait_for_the_pack(proxy: PolicyProxy, pack: _Pack) -> None:
    answer = _ask(proxy, "GetPluginInfo")

    assert proxy.configuration() is None  # the engine asks for the pack without naming a stack
    assert not answer.done()
    proxy.attach(pack.port, None)
    assert plugin_pb2.PluginInfo.FromString(answer.result()).version == "1.2.3"


def test_large_messages_and_refusals_pass_as_they_are(proxy: PolicyProxy, pack: _Pack) -> None:
    proxy.attach(pack.port, None)
    request = analyzer_pb2.AnalyzeRequest(name="x" * LARGE).SerializeToString()

    assert _ask(proxy, "Analyze", request).result() == request
    assert _refusal(_ask(proxy, "Remediate")) == (grpc.StatusCode.OUT_OF_RANGE, "not me")


def test_calls_that_wait_fail_with_the_reason_it_was_closed_for(proxy: PolicyProxy) -> None:
    answer = _ask(proxy, "GetPluginInfo")
    proxy.configuration()
    proxy.close("the pack broke")

    assert _refusal(answer) == (grpc.StatusCode.UNAVAILABLE, "the pack broke")


def test_closing_it_ends_the_wait_for_the_stack(proxy: PolicyProxy) -> None:
    threading.Timer(0, proxy.close).start()
    with pytest.raises(futures.CancelledError):
        proxy.configuration()


def test_the_environment_of_a_pack() -> None:
    configuration = Configuration(organization="o", project="p", stack="s", dry_run=True, config={"p:key": "value"})

    assert environment(configuration) == {
        "PULUMI_ORGANIZATION": "o",
        "PULUMI_PROJECT": "p",
        "PULUMI_STACK": "s",
        "PULUMI_DRY_RUN": "true",
        "PULUMI_CONFIG": '{"p:key": "value"}',
    }
    assert environment(None) == {}
