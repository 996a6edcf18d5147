"""What a provider says beside its answers."""

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class EngineLog:
    """The engine's log: what a provider says beside its answers, shown under a resource."""

    def __init__(self, address: str) -> None:
        self._engine = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address))

    def info(self, urn: str, message: str) -> None:
        """A line that stays in the output."""
        self._log(urn, message, engine_pb2.INFO, ephemeral=False)

    def status(self, urn: str, message: str) -> None:
        """What is being waited for now; the next line takes its place."""
        self._log(urn, message, engine_pb2.INFO, ephemeral=True)

    def warning(self, urn: str, message: str) -> None:
        """A line marked as a warning."""
        self._log(urn, message, engine_pb2.WARNING, ephemeral=False)

    def _log(self, urn: str, message: str, severity: engine_pb2.LogSeverity.ValueType, *, ephemeral: bool) -> None:
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral)
        self._engine.Log(request)  # pyright: ignore[reportUnknownMemberType] (half-typed in the SDK)
