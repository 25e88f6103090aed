"""The real binary on loopback, with a data folder of its own for each test."""
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("HYAKUYO_BINARY", ROOT / "build" / "hyakuyo"))
CORPORA = ROOT.parent / "shared" / "corpora"
TOOLS = ROOT.parent / "shared" / "tools"


WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
PORTS = (10_000 + WORKER * 5_000 + (os.getpid() * 37 + i) % 5_000 for i in itertools.count())


def free_port():
    """Below the ports that the kernel gives to outgoing connections, which could take it before the server does, and
    again while a test has its server stopped. Each process of the tests has its own."""
    for port in PORTS:
        try:
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(("127.0.0.1", port))
            return port
        except OSError:
            continue


def run(*arguments, check=True, timeout=120, env=None, **options):
    """One command of the binary; its output as text."""
    done = subprocess.run([str(BINARY), *map(str, arguments)], capture_output=True, text=True, timeout=timeout,
                          env={**os.environ, "LANG": "C.UTF-8", **(env or {})}, **options)
    if check and done.returncode != 0:
        raise AssertionError(f"hyakuyo {' '.join(map(str, arguments))} ended with {done.returncode}: {done.stderr}")
    return done


def rows(*arguments, **options):
    return [json.loads(line) for line in run(*arguments, **options).stdout.splitlines()]


class Server:
    def __init__(self, folder, *options, env=None):
        self.data = pathlib.Path(folder) / "var"
        self.options = options
        self.env = env or {}
        self.syslog_port, self.http_port = free_port(), free_port()
        self.process = None
        self.log = pathlib.Path(folder) / "serve.log"

    def start(self, timeout=30):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "serve", "--data", str(self.data), "--listen-syslog", f"127.0.0.1:{self.syslog_port}",
                 "--listen-http", f"127.0.0.1:{self.http_port}", *map(str, self.options)],
                stdout=log, stderr=log, env={**os.environ, "LANG": "C.UTF-8", "TZ": "Asia/Tokyo", **self.env})
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError("serve ended at once: " + self.text())
            if self.is_ready():
                return self
            time.sleep(0.02)
        raise AssertionError("serve was not ready in time: " + self.text())

    def is_ready(self):
        if not (self.data / "server.json").exists():
            return False
        try:
            return self.request("GET", "/readyz", token=False)[0] == 200
        except OSError:
            return False

    def text(self):
        return self.log.read_text(errors="replace")[-4000:]

    def stop(self, timeout=60):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout)
        return self.process.returncode if self.process else None

    def kill(self):
        self.process.kill()
        self.process.wait()
        with contextlib.suppress(FileNotFoundError):
            (self.data / "server.json").unlink()

    def token(self):
        return json.loads((self.data / "server.json").read_text())["token"]

    def take_up(self, *arguments, timeout=60):
        """A command that changes what the server has loaded, and the end of its loading."""
        def loaded():
            return self.log.read_text(errors="replace").count(" loaded anew: ")
        before = loaded()
        done = run(*arguments, "--data", self.data)
        deadline = time.monotonic() + timeout
        while loaded() == before:
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.02)
        return done

    def request(self, method, path, body=None, headers=None, token=True, timeout=60):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=timeout)
        try:
            head = dict(headers or {})
            if token:
                head["Authorization"] = "Bearer " + self.token()
            connection.request(method, path, body, head)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def get(self, path):
        status, body = self.request("GET", path)
        assert status == 200, (path, status, body)
        return json.loads(body)

    def post_records(self, source, body, key=None):
        headers = {"Idempotency-Key": key} if key else {}
        status, answer = self.request("POST", f"/api/v1/records/{source}", body, headers, token=False)
        return status, json.loads(answer)

    def send_tcp(self, *lines):
        with socket.create_connection(("127.0.0.1", self.syslog_port)) as s:
            s.sendall(b"".join((line if isinstance(line, bytes) else line.encode()) + b"\n" for line in lines))

    def count(self, expression="*"):
        q = urllib.parse.quote(f"{expression} | count")
        return self.get(f"/api/v1/search?q={q}")["rows"][0]["count"]

    def wait_count(self, wanted, expression="*", timeout=60):
        deadline = time.monotonic() + timeout
        seen = None
        while time.monotonic() < deadline:
            seen = self.count(expression)
            if seen >= wanted:
                return seen
            time.sleep(0.1)
        raise AssertionError(f"{seen} of {wanted} events after {timeout} s")

    def query(self, expression, limit=1000):
        return rows("query", "--data", self.data, "--limit", limit, expression)

    def balance(self):
        done = run("balance", "--data", self.data, check=False)
        total = {}
        for line in done.stdout.splitlines():
            for name, value in json.loads(line).items():
                if isinstance(value, int):
                    total[name] = total.get(name, 0) + value
        return done.returncode, total


@pytest.fixture
def server(tmp_path):
    started = []

    def make(*options, folder=tmp_path, env=None):
        s = Server(folder, *options, env=env)
        started.append(s)
        return s.start()

    yield make
    for s in started:
        s.stop()


@pytest.fixture(scope="session")
def corpora():
    if not CORPORA.is_dir():
        pytest.skip("the test corpora are not beside this clone")
    return CORPORA


# Debian gives only root the folders of daemons.
os.environ["PATH"] += "".join(":" + folder for folder in ("/usr/local/sbin", "/usr/sbin", "/sbin") if folder not in os.environ["PATH"].split(":"))


def needs(program):
    return pytest.mark.skipif(shutil.which(program) is None, reason=f"{program} is not installed")
