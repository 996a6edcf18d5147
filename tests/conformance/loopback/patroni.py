"""A member of PostgreSQL as a front sees it: what says whether it is the primary, and what is handed on to."""

import http.server
import socket
import socketserver
import ssl
import threading

from components.data.front.config import PostgresCheck
from sandbox.cluster.pki import Pair

STORE_PORT = 5432


class Patroni:
    """Answers `OPTIONS /primary` over TLS, and says its own name to whoever opens a session."""

    def __init__(self, name: str, address: str, pair: Pair) -> None:
        """Listen at `address`, with that certificate; it is no primary yet."""
        self.primary = False
        self.hangs = False
        self._let_go = threading.Event()
        self._servers = [self._checked(address, pair), _Sessions((address, STORE_PORT), name.encode())]
        self._threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in self._servers]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Listen no more."""
        self.hangs = False
        self._let_go.set()
        for server in self._servers:
            server.shutdown()
            server.server_close()

    def _checked(self, address: str, pair: Pair) -> socketserver.BaseServer:
        member = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_OPTIONS(self) -> None:
                if member.hangs:
                    member._let_go.wait(60)
                self.send_response(200 if self.path == "/primary" and member.primary else 503)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        server = _Checks((address, PostgresCheck().port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        return server


class _Checks(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A check that hangs up before it has its answer is no error here."""


class _Sessions(socketserver.ThreadingTCPServer):
    """Says its name, and then keeps the session open until the other side ends it."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], name: bytes) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                session: socket.socket = self.request
                session.sendall(name)
                session.recv(1)

        super().__init__(address, Handler)
