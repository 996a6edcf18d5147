"""gRPC on loopback, as the Pulumi SDK speaks it."""

from collections.abc import Callable
from concurrent import futures

import grpc

MESSAGE_BYTES = 400 * 1024 * 1024
"""Largest gRPC message, as in the Pulumi SDK."""

THREADS = 64
"""Calls served at once; a running program, a policy pack or an await holds its thread."""

_LIMITS = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]


def server() -> grpc.Server:
    """A server that is not started yet."""
    return grpc.server(futures.ThreadPoolExecutor(THREADS), options=_LIMITS)


def channel(port: int) -> grpc.Channel:
    """A connection to a server on this machine."""
    return grpc.insecure_channel(f"127.0.0.1:{port}", options=_LIMITS)


def at_end(context: grpc.ServicerContext, do: Callable[[], None]) -> None:
    """Do something when a call is over, be it answered or dropped by the caller; at once if it is over already."""
    if not context.add_callback(do):
        do()
