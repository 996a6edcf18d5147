"""Runs a `Provider` as a Pulumi plugin: gRPC on loopback, the port on stdout."""

import sys
import traceback
from collections.abc import Callable
from typing import Protocol, TypeVar

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugins import lifetime, wire
from sandbox.plugins.enginelog import EngineLog
from sandbox.plugins.provider import CheckFailedError, Diff, InitError, Kind, Provider, ProviderError, Resource, State
from sandbox.plugins.values import Properties, Secret, decode, encode, with_secrets_of

_T = TypeVar("_T")
_KINDS = {
    (Kind.ADD, False): provider_pb2.PropertyDiff.ADD,
    (Kind.ADD, True): provider_pb2.PropertyDiff.ADD_REPLACE,
    (Kind.UPDATE, False): provider_pb2.PropertyDiff.UPDATE,
    (Kind.UPDATE, True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
    (Kind.DELETE, False): provider_pb2.PropertyDiff.DELETE,
    (Kind.DELETE, True): provider_pb2.PropertyDiff.DELETE_REPLACE,
}


def serve(make: Callable[[EngineLog], Provider]) -> None:
    """Serve the provider that `make` builds until the engine ends; the engine's address is the first argument."""
    lifetime.tie_to_engine()
    server = wire.server()
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(_Servicer(make(EngineLog(sys.argv[1]))), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    server.wait_for_termination()


class _Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Translates the protocol to `Provider` and back; methods it lacks answer UNIMPLEMENTED."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    def Handshake(
        self, request: provider_pb2.ProviderHandshakeRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True)

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        return plugin_pb2.PluginInfo(version=self._provider.version)

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return self._checked(context, lambda: self._provider.check_config(decode(request.news)))

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        olds = decode(request.old_inputs if request.HasField("old_inputs") else request.olds)
        return _answer(context, lambda: _diff(self._provider.diff_config(olds, decode(request.news))))

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        _answer(context, lambda: self._provider.configure(decode(request.args)))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        olds = decode(request.olds) if request.HasField("olds") and request.olds.fields else None
        news = decode(request.news)
        return self._checked(
            context, lambda: self._provider.check(_resource(request), olds, news, bytes(request.randomSeed))
        )

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        old = _old(request, request.olds)
        news = decode(request.news)
        for path in request.ignoreChanges:
            _restore(news, old.inputs, path)
        return _answer(context, lambda: _diff(self._provider.diff(_resource(request), request.id, old, news)))

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        inputs = decode(request.properties)

        def create() -> provider_pb2.CreateResponse:
            id, outputs = self._provider.create(
                _resource(request), inputs, preview=request.preview, timeout=request.timeout
            )
            return provider_pb2.CreateResponse(id="" if request.preview else id, properties=_marked(outputs, inputs))

        return _answer(context, create)

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        inputs, outputs = decode(request.inputs), decode(request.properties)

        def read() -> provider_pb2.ReadResponse:
            state = self._provider.read(_resource(request), request.id, inputs, outputs)
            if state is None:
                return provider_pb2.ReadResponse()
            return provider_pb2.ReadResponse(
                id=state.id,
                inputs=_marked(state.inputs, inputs),
                properties=_marked(state.outputs, inputs),
            )

        return _answer(context, read)

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        old, news = _old(request, request.olds), decode(request.news)

        def update() -> provider_pb2.UpdateResponse:
            outputs = self._provider.update(
                _resource(request), old, news, preview=request.preview, timeout=request.timeout
            )
            return provider_pb2.UpdateResponse(properties=_marked(outputs, news))

        return _answer(context, update)

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        old = _old(request, request.properties)
        _answer(context, lambda: self._provider.delete(_resource(request), old, timeout=request.timeout))
        return empty_pb2.Empty()

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> provider_pb2.InvokeResponse:
        result = _answer(context, lambda: self._provider.invoke(request.tok, decode(request.args)))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(encode(result))  # `return` is a keyword of Python
        return response

    def Construct(
        self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConstructResponse:
        return _answer(context, lambda: self._provider.construct(request.type, request.name))

    def Cancel(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self._provider.cancel()
        return empty_pb2.Empty()

    def _checked(self, context: grpc.ServicerContext, check: Callable[[], Properties]) -> provider_pb2.CheckResponse:
        def run() -> provider_pb2.CheckResponse:
            try:
                return provider_pb2.CheckResponse(inputs=encode(check()))
            except CheckFailedError as error:
                return provider_pb2.CheckResponse(
                    failures=[provider_pb2.CheckFailure(property=f.property, reason=f.reason) for f in error.failures]
                )

        return _answer(context, run)


def _answer(context: grpc.ServicerContext, call: Callable[[], _T]) -> _T:
    """Run a call; what it raises becomes a gRPC status that the CLI shows in one piece."""
    try:
        return call()
    except InitError as error:
        context.abort_with_status(_init_failed(error))
    except ProviderError as error:
        context.abort(grpc.StatusCode.UNKNOWN, str(error))
    except Exception:
        # A defect of ours: the whole story, since nobody can act on less.
        context.abort(grpc.StatusCode.INTERNAL, f"defect in the stand-in:\n{traceback.format_exc()}")
    raise AssertionError("abort raises")


def _init_failed(error: InitError) -> grpc.Status:
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.id,
        properties=_marked(error.outputs, error.inputs),
        inputs=encode(error.inputs),
        reasons=error.reasons,
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    return _Status(grpc.StatusCode.UNKNOWN, str(error), (("grpc-status-details-bin", status.SerializeToString()),))


class _Status(grpc.Status):
    """A gRPC status with details; grpcio leaves the class to its user."""

    def __init__(self, code: grpc.StatusCode, details: str, trailing_metadata: tuple[tuple[str, bytes], ...]) -> None:
        self.code = code
        self.details = details
        self.trailing_metadata = trailing_metadata


class _Named(Protocol):
    """Any request about one resource."""

    @property
    def urn(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def name(self) -> str: ...


class _Known(Protocol):
    """Any request about a resource that exists."""

    @property
    def id(self) -> str: ...
    @property
    def old_inputs(self) -> struct_pb2.Struct: ...


def _resource(request: _Named) -> Resource:
    # Older engines send the URN alone: urn:pulumi:<stack>::<project>::<parents$type>::<name>
    parts = request.urn.split("::", 3)
    return Resource(request.urn, request.type or parts[2].rsplit("$", 1)[-1], request.name or parts[3])


def _old(request: _Known, outputs: struct_pb2.Struct) -> State:
    return State(request.id, decode(request.old_inputs), decode(outputs))


def _marked(outputs: Properties, inputs: Properties) -> struct_pb2.Struct:
    marked = with_secrets_of(outputs, inputs)
    if isinstance(marked, Secret) or not isinstance(marked, dict):
        raise TypeError("a resource's outputs are a map")
    return encode(marked)


def _restore(news: Properties, olds: Properties, path: str) -> None:
    """Give the top-level or dotted `path` in `news` its old value."""
    head, _, rest = path.partition(".")
    new, old = news.get(head), olds.get(head)
    if rest and isinstance(new, dict) and isinstance(old, dict):
        _restore(new, old, rest)
    elif head in olds:
        news[head] = olds[head]
    else:
        news.pop(head, None)


def _diff(diff: Diff) -> provider_pb2.DiffResponse:
    return provider_pb2.DiffResponse(
        changes=provider_pb2.DiffResponse.DIFF_SOME if diff.changes else provider_pb2.DiffResponse.DIFF_NONE,
        diffs=sorted({_head(path) for path in diff.changes}),
        replaces=sorted(diff.replaces),
        detailedDiff={
            path: provider_pb2.PropertyDiff(kind=_KINDS[kind, path in diff.replaces], inputDiff=True)
            for path, kind in diff.changes.items()
        },
        hasDetailedDiff=True,
        deleteBeforeReplace=diff.delete_before_replace,
    )


def _head(path: str) -> str:
    return path.split(".")[0].split("[")[0]
