"""A real HTTP endpoint before an engine, which notes requests and may answer in its place."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

Reply = tuple[int, dict[str, Any]]
Forward = Callable[[dict[str, Any]], Reply]
Rule = Callable[[str, dict[str, Any], Forward], Reply]

KIND = "com.amazonaws.dynamodb.v20120810#"


def error(code: str, status: int = 400, **more: Any) -> Reply:
    """Return DynamoDB's reply that says what is wrong."""
    return status, {"__type": KIND + code, "message": "no", **more}


class Endpoint:
    """Be an endpoint; ``rule(operation, body, forward)`` makes the reply to each request."""

    def __init__(self, url: str) -> None:
        self.target = urlsplit(url)
        self.seen: list[str] = []
        self.errors: list[Exception] = []  # of rules, which a client takes for a broken server
        self.bodies: list[dict[str, Any]] = []
        self.rule: Rule = lambda operation, body, forward: forward(body)
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # A header and a body in two packets would wait for each other's acknowledgement.
            wbufsize = -1
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                sent = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                endpoint.seen.append(operation)
                endpoint.bodies.append(json.loads(sent))
                headers = {k: v for k, v in self.headers.items() if k != "Content-Length"}
                try:
                    status, body = endpoint.rule(
                        operation, json.loads(sent), lambda asked: endpoint._forward(asked, headers)
                    )
                except Exception as error:
                    endpoint.errors.append(error)
                    raise
                data = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                self.wfile.flush()

            def log_message(self, *args: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    @staticmethod
    def wire(data: bytes) -> str:
        """Return bytes as they travel."""
        return base64.b64encode(data).decode()

    def _forward(self, body: dict[str, Any], headers: dict[str, str]) -> Reply:
        wire = HTTPConnection(str(self.target.hostname), self.target.port, timeout=10)
        try:
            wire.request("POST", "/", json.dumps(body), headers)
            reply = wire.getresponse()
            return reply.status, json.loads(reply.read())
        finally:
            wire.close()

    @contextmanager
    def noting(self) -> Iterator[list[str]]:
        """Give the operations that are asked for inside the ``with``."""
        before, during = len(self.seen), list[str]()
        yield during
        during += self.seen[before:]

    @contextmanager
    def ruled(self, rule: Rule) -> Iterator[None]:
        """Let a rule make the replies inside the ``with``."""
        self.rule, before = rule, self.rule
        try:
            yield
        finally:
            self.rule = before

    def __enter__(self) -> "Endpoint":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        assert self.errors == []
