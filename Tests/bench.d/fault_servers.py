"""Registries that take no upload: one answers 413 early, one resets the connection, one stalls.

usage: fault_servers.py KIND:PORT...        KIND is too-large, reset or stall; all ports are on 127.0.0.1

They know no image, open upload sessions, and fail when the body of a blob comes.
"""

import socket
import socketserver
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler

# What a faulty registry takes of a body before it fails.
TAKEN = 1024 * 1024


class FaultyRegistry(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, headers=()):
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.answer(200 if self.path == "/v2/" else 404)

    do_HEAD = do_GET

    def do_POST(self):
        """Opens an upload session, also when asked to mount."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        repository = self.path.split("/blobs/uploads")[0]
        self.answer(202, [("Location", f"{repository}/blobs/uploads/one"), ("Range", "0-0")])

    def do_PUT(self):
        kind = self.server.kind
        self.close_connection = True
        if kind == "too-large":
            self.answer(413, [("Connection", "close")])
            return
        length = self.headers.get("Content-Length")
        self.rfile.read(min(TAKEN, int(length)) if length else TAKEN)
        if kind == "reset":
            # Closing with a linger time of zero sends a reset.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.server.never.wait()

    do_PATCH = do_PUT

    def do_DELETE(self):
        self.answer(204)

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, kind, port):
        super().__init__(("127.0.0.1", port), FaultyRegistry)
        self.kind = kind
        self.never = threading.Event()

    def handle_error(self, *_):
        """Connections end in the middle here; that is what these servers are for."""


def main():
    threads = []
    for argument in sys.argv[1:]:
        kind, port = argument.split(":")
        threads.append(threading.Thread(target=Server(kind, int(port)).serve_forever))
    for thread in threads:
        thread.start()


main()
