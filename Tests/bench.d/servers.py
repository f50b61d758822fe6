"""The servers that a row needs, as processes on loopback: docker-registry, the delay proxy, the faulty registries."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import namedtuple

from data import Storage

HERE = os.path.dirname(os.path.abspath(__file__))

Request = namedtuple("Request", "method path status sent")

# As Debian sets it up, but for the log, the address and the login.
CONFIGURATION = """\
version: 0.1
log: {{level: error, accesslog: {{disabled: {quiet}}}}}
storage:
  cache: {{blobdescriptor: inmemory}}
  filesystem: {{rootdirectory: {storage}}}
  delete: {{enabled: true}}
  maintenance: {{uploadpurging: {{enabled: false}}}}
http: {{addr: "127.0.0.1:{port}", secret: only-for-the-benchmark}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for_port(port, process):
    for _ in range(2000):
        if process.poll() is not None:
            raise RuntimeError(f"a server ended at once: {' '.join(process.args)}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"a server does not listen: {' '.join(process.args)}")


class Server:
    """A process that ends with the `with` block it is opened in."""

    process = None

    def run(self, command, ports, output=subprocess.DEVNULL):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.DEVNULL)
        for port in ports:
            wait_for_port(port, self.process)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Registry(Server):
    """A docker-registry with a storage of its own. While `counting` is set, a restarted one writes an access log."""

    def __init__(self, folder):
        self.folder = folder
        self.storage = f"{folder}/storage"
        self.log = f"{folder}/access.log"
        self.port = free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.counting = False
        os.makedirs(self.storage)
        self.restart()

    def restart(self, empty=False):
        self.stop()
        if empty:
            shutil.rmtree(self.storage)
            os.makedirs(self.storage)
        configuration = f"{self.folder}/registry.yml"
        with open(configuration, "w", encoding="utf-8") as file:
            file.write(CONFIGURATION.format(quiet=str(not self.counting).lower(), storage=self.storage, port=self.port))
        with open(self.log, "wb") as log:
            self.run(["docker-registry", "serve", configuration], [self.port], log if self.counting else subprocess.DEVNULL)

    def requests(self):
        """What was asked since the last start, if it was told to count."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            found = re.findall(r'"([A-Z]+) (\S+) HTTP/[\d.]+" (\d+) (\d+)', file.read())
        return [Request(method, path, int(status), int(sent)) for method, path, status, sent in found]

    def tag(self, repository, tag):
        return Storage(self.storage).tag(repository, tag)

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder)


class FastRegistry(Server):
    """A registry that answers from memory, for images that are only looked at."""

    def __init__(self, program, images, answers):
        images.write_answers(answers)
        self.port = free_port()
        self.run([program, str(self.port), answers], [self.port])


class DelayProxy(Server):
    """Stands before registries, and delays every byte by `milliseconds` each way."""

    def __init__(self, registries, milliseconds):
        self.ports = [free_port() for _ in registries]
        self.hosts = [f"127.0.0.1:{port}" for port in self.ports]
        pairs = [f"{port}:{registry.port}" for port, registry in zip(self.ports, registries)]
        self.run([sys.executable, f"{HERE}/delay_proxy.py", str(milliseconds), *pairs], self.ports)


class FaultyRegistries(Server):
    """One registry for each kind: too-large answers 413 early, reset resets the connection, stall takes no more bytes."""

    def __init__(self, kinds):
        self.ports = [free_port() for _ in kinds]
        self.hosts = [f"127.0.0.1:{port}" for port in self.ports]
        pairs = [f"{kind}:{port}" for kind, port in zip(kinds, self.ports)]
        self.run([sys.executable, f"{HERE}/fault_servers.py", *pairs], self.ports)
