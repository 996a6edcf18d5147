"""Stands between the engine and a policy pack until the pack can know its stack.

The engine says which stack a pack checks in a call to the running pack, but the Python SDK reads it
(`pulumi.get_stack()`, `pulumi.Config`) from the environment that the pack is started with. So a proxy
takes the engine's first calls, and the pack starts once they have come. The official host does the same.
"""

import json
import threading
from collections.abc import Callable
from concurrent import futures
from typing import TypeVar, cast

import grpc
from pulumi.runtime.proto import analyzer_pb2

from sandbox.plugins import wire
from sandbox.plugins.python_host.errors import HostError

_T = TypeVar("_T")
CLOSE_S = 1.0
"""Seconds that calls under way have to end when the proxy closes."""
CONFIGURE = "/pulumirpc.Analyzer/ConfigureStack"
Configuration = analyzer_pb2.AnalyzerStackConfigureRequest


class PolicyProxy(grpc.GenericRpcHandler):
    """An analyzer on a port of its own that passes calls on to a policy pack, once there is one."""

    def __init__(self) -> None:
        self._configuration: futures.Future[Configuration | None] = futures.Future()
        self._pack: futures.Future[grpc.Channel] = futures.Future()
        self._lock = threading.Lock()
        self._server = wire.server()
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def configuration(self) -> Configuration | None:
        """The stack to check, as soon as the engine said it; nothing where it asks for the pack alone.

        Errors:
            CancelledError: the proxy was closed first.
        """
        return self._configuration.result()

    def attach(self, port: int, configuration: Configuration | None) -> None:
        """Pass calls on to the pack that listens on `port`, from now on and those that wait.

        Errors:
            HostError: the pack does not take its stack.
        """
        channel = wire.channel(port)
        if configuration is not None:
            try:
                channel.unary_unary(CONFIGURE)(configuration.SerializeToString())
            except grpc.RpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:  # a pack with an older SDK
                    raise HostError(f"the policy pack refused its stack: {error.details()}") from error
        _settle(self._lock, self._pack, channel)

    def close(self, reason: str = "the policy pack ended; see what it said") -> None:
        """Take no more calls; those that wait for the pack fail with `reason`."""
        self._configuration.cancel()
        with self._lock:
            if not self._pack.done():
                self._pack.set_exception(HostError(reason))
        self._server.stop(CLOSE_S)  # time to say so

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Answer the calls that come before the pack, pass on the others as they are."""
        match handler_call_details.method.rpartition("/")[2]:
            case "Handshake":
                return grpc.unary_unary_rpc_method_handler(_shake)
            case "ConfigureStack":
                return grpc.unary_unary_rpc_method_handler(self._configure)
            case _:
                return grpc.unary_unary_rpc_method_handler(self._pass_on(handler_call_details.method))

    def _configure(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        _settle(self._lock, self._configuration, Configuration.FromString(request))
        return analyzer_pb2.AnalyzerStackConfigureResponse().SerializeToString()

    def _pass_on(self, method: str) -> Callable[[bytes, grpc.ServicerContext], bytes]:
        def call(request: bytes, context: grpc.ServicerContext) -> bytes:
            _settle(self._lock, self._configuration, None)  # `pulumi policy publish` names no stack
            try:
                return cast(bytes, self._pack.result().unary_unary(method)(request))
            except HostError as error:
                context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            except grpc.RpcError as error:
                context.abort(error.code(), error.details() or "")

        return call


def environment(configuration: Configuration | None) -> dict[str, str]:
    """What the SDK reads in a policy pack about the stack that it checks."""
    if configuration is None:
        return {}
    named = {
        "PULUMI_ORGANIZATION": configuration.organization,
        "PULUMI_PROJECT": configuration.project,
        "PULUMI_STACK": configuration.stack,
        "PULUMI_DRY_RUN": "true" if configuration.dry_run else "false",
        "PULUMI_CONFIG": json.dumps(dict(configuration.config)),
    }
    return {name: value for name, value in named.items() if value}


def _settle(lock: threading.Lock, future: "futures.Future[_T]", value: _T) -> None:
    """Give a future its value, unless it has one or was cancelled."""
    with lock:
        if not future.done():
            future.set_result(value)


def _shake(_request: bytes, _context: grpc.ServicerContext) -> bytes:
    return analyzer_pb2.AnalyzerHandshakeResponse().SerializeToString()
