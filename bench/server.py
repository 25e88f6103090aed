"""A running `hyakuyo serve` with a data folder of its own, and what its processes use: for scripts/bench and scripts/tune."""
import contextlib
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TICK = os.sysconf("SC_CLK_TCK")
CORES = os.cpu_count()


def free_port():
    with contextlib.closing(socket.socket()) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def thread_seconds(pid):
    """CPU seconds of each thread name so far, with the number of threads of that name."""
    seconds = {}
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            name = (task / "comm").read_text().strip()
            fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
            used, count = seconds.get(name, (0.0, 0))
            seconds[name] = (used + (int(fields[11]) + int(fields[12])) / TICK, count + 1)
    return seconds


def memory_mib(pid, what="VmRSS"):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(what + r":\s+(\d+) kB", text)[1]) / 1024


def machine_busy_seconds():
    """CPU seconds of all processes of the machine; what a hypervisor takes away counts as busy."""
    fields = [int(n) for n in pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


class Server:
    """hyakuyo serve with a data folder of its own."""

    def __init__(self, binary, folder, *options, env=None, is_again=False):
        self.data = folder / "var"
        if is_again:
            (self.data / "server.json").unlink(missing_ok=True)
        else:
            shutil.rmtree(self.data, ignore_errors=True)
        self.binary = binary
        self.syslog_port, self.http_port = free_port(), free_port()
        self.log = folder / "serve.log"
        self.env = {**os.environ, "LANG": "C.UTF-8", "HYAKUYO_SHARE": str(ROOT), **(env or {})}
        with open(self.log, "wb") as log:
            self.started = time.monotonic()
            self.process = subprocess.Popen(
                [str(binary), "serve", "--data", str(self.data), "--listen-syslog", f"127.0.0.1:{self.syslog_port}",
                 "--listen-http", f"127.0.0.1:{self.http_port}", *map(str, options)], stdout=log, stderr=log, env=self.env)

    def __enter__(self):
        deadline = time.monotonic() + 60
        while not (self.data / "server.json").exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError("serve did not start: " + self.log.read_text(errors="replace")[-800:])
            time.sleep(0.005)
        self.ready_seconds = time.monotonic() - self.started
        self.token = json.loads((self.data / "server.json").read_text())["token"]
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def pid(self):
        return self.process.pid

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=60)
        connection.request("GET", path, headers={"Authorization": "Bearer " + self.token})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {body[:200]}")
        return body

    def metrics(self):
        """All samples, those of one name added up."""
        found = {}
        for line in self.get("/metrics").decode().splitlines():
            sample = re.match(r"(\w+)(\{.*\})? (\S+)$", line)
            if sample:
                found[sample[1]] = found.get(sample[1], 0) + float(sample[3])
        return found

    def quantile(self, family, share):
        """Upper bound of the histogram's bucket in which the share is reached."""
        buckets = re.findall(family + r'_bucket\{le="([^"]+)"\} (\d+)', self.get("/metrics").decode())
        need = share * int(buckets[-1][1])
        return next(float(le) for le, count in buckets if int(count) >= need)

    def in_store(self):
        m = self.metrics()
        return m["hyakuyo_stored_rows"] + m["hyakuyo_open_rows"]

    def wait_stored(self, count, timeout=300):
        deadline = time.monotonic() + timeout
        while self.in_store() < count:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"only {self.in_store():.0f} of {count} events were stored")
            time.sleep(0.02)

    def balance(self):
        """Sums over all sources and hours, and whether every row closes. After the stop."""
        done = subprocess.run([str(self.binary), "balance", "--data", str(self.data), "--format", "ndjson"],
                              capture_output=True, text=True, timeout=60, env=self.env)
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        return {name: sum(row[name] for row in rows) for name in ("received", "stored", "lost")}, done.returncode == 0


def sent_by(text):
    numbers = re.search(r"lines (\d+) bytes (\d+) seconds ([\d.]+) cpu ([\d.]+)", text)
    return int(numbers[1]), int(numbers[2]), float(numbers[3]), float(numbers[4])
