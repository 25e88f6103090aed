"""However it is stopped, and whatever happens meanwhile, what was acknowledged is there once and the balance closes."""
import json
import os
import re
import signal
import subprocess
import threading
import time

import pytest

from conftest import Server, rows, run
from test_spine import Sender, numbered

HOSTS = "hostname,ip,department,importance\n" + "".join(f"PC-{i},10.9.{i // 250}.{i % 250 + 1},Sales,2\n" for i in range(2000))
RULE = """title: Marker {0}
id: 22222222-2222-4222-8222-22222222222{0}
status: stable
level: low
logsource: {{product: linux, service: sshd}}
detection:
  s:
    event.original|contains: 'Failed password'
  condition: s
"""


def check_stored(s, senders):
    for sender in senders:
        stored = [int(re.search(r"=(\d+)\.$", r["event"]["original"])[1])
                  for r in rows("query", "--data", s.data, "--limit", 10_000_000, f'"{sender.name_}="')]
        assert len(stored) == len(set(stored)), "a record is stored twice"
        assert sender.answered <= set(stored), "an answered record is missing"
        assert sender.answered
    assert run("verify", "--data", s.data).returncode == 0
    done = run("balance", "--data", s.data, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def stop_senders(senders):
    for sender in senders:
        sender.stop_.set()
    for sender in senders:
        sender.join(60)


def test_terminated_under_load_twenty_times(tmp_path):
    s = Server(tmp_path, "--seal-after-ms", 300).start()
    senders = [Sender(s, name) for name in ("alpha", "beta", "gamma")]
    for sender in senders:
        sender.start()
    try:
        for i in range(20):
            time.sleep(0.2 + 0.03 * i)
            s.process.send_signal(signal.SIGTERM)
            assert s.process.wait(30) == 0, s.text()
            s.start()
    finally:
        stop_senders(senders)
    assert s.stop() == 0
    check_stored(s, senders)


@pytest.mark.parametrize("kills", [int(os.environ.get("HYAKUYO_KILLS", "6"))])
def test_killed_while_assets_are_imported_and_rules_reloaded(tmp_path, kills):
    organisation, own_rules = tmp_path / "organisation", tmp_path / "rules"
    organisation.mkdir()
    own_rules.mkdir()
    (organisation / "hosts.csv").write_text(HOSTS)
    s = Server(tmp_path, "--seal-after-ms", 300, "--rules", own_rules).start()
    senders = [Sender(s, name) for name in ("alpha", "beta")]
    is_over = threading.Event()

    def disturb():
        number = 0
        while not is_over.is_set():
            (own_rules / "marker.yml").write_text(RULE.format(number % 10))
            run("asset", "import", organisation, "--data", s.data, check=False)  # a running server reloads everything
            number += 1
            time.sleep(0.05)

    disturber = threading.Thread(target=disturb, daemon=True)
    for thread in [*senders, disturber]:
        thread.start()
    try:
        for i in range(kills):
            time.sleep(0.3 + 0.1 * (i % 5))
            s.kill()
            s.start()
    finally:
        is_over.set()
        stop_senders(senders)
        disturber.join(60)
    assert run("asset", "import", organisation, "--data", s.data).returncode == 0
    assert s.stop() == 0
    check_stored(s, senders)


def test_rules_are_reloaded_under_load_without_a_gap(tmp_path):
    s = Server(tmp_path, "--seal-after-ms", 500).start()
    senders = [Sender(s, name) for name in ("alpha", "beta")]
    for sender in senders:
        sender.start()
    try:
        for _ in range(12):
            status, answer = s.request("POST", "/api/v1/rules/reload")
            assert status == 200, answer
            s.process.send_signal(signal.SIGHUP)
            time.sleep(0.1)
    finally:
        stop_senders(senders)
    assert s.stop() == 0
    check_stored(s, senders)


def test_a_crash_leaves_a_number_that_is_nobodys(tmp_path):
    """server.json of a killed server names a process that may be another one by now: it must not be signalled or asked."""
    s = Server(tmp_path).start()
    s.post_records("web", numbered(1)[0])
    told = (s.data / "server.json").read_text()
    s.process.kill()
    s.process.wait()
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        (s.data / "server.json").write_text(re.sub(r'"pid":\d+', f'"pid":{bystander.pid}', told))
        organisation = tmp_path / "organisation"
        organisation.mkdir()
        (organisation / "hosts.csv").write_text(HOSTS)
        assert "server" not in run("asset", "import", organisation, "--data", s.data).stdout
        assert run("query", "--data", s.data, "*").returncode == 0
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_terminated_while_the_disk_is_full(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], check=True)
    s = Server(tmp_path, "--seal-after-ms", 300)
    s.data = small / "var"
    ballast = small / "ballast"
    try:
        s.start()
        assert s.post_records("web", numbered(1)[0])[0] == 200
        stored = 1
        with open(ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
                    f.flush()
            except OSError:
                pass
        body = "".join(f"{line} {'x' * 400}\n" for line in numbered(200))
        for _ in range(60):
            try:
                status, _answer = s.post_records("web", body)
            except (TimeoutError, OSError):
                break
            if status != 200:
                break
            stored += 200
        waiting = [threading.Thread(target=lambda: suppress(s, body), daemon=True) for _ in range(3)]
        for thread in waiting:
            thread.start()
        time.sleep(0.5)
        s.process.send_signal(signal.SIGTERM)
        assert s.process.wait(30) == 0, s.text()
        ballast.unlink()
        s.start()
        s.wait_count(stored, timeout=30)
        status, total = s.balance()
        assert status == 0 and total["difference"] == 0
        s.stop()
    finally:
        if s.process and s.process.poll() is None:
            s.kill()
        subprocess.run(["umount", "-l", str(small)], check=False)


def suppress(s, body):
    try:
        s.post_records("web", body)
    except OSError:
        pass


def test_an_incident_that_was_closed_takes_no_further_findings(server):
    s = server("--seal-after-ms", 300)
    line = ("<189>date=2025-11-10 time=09:13:{:02} devname=FW-EDGE devid=FGT60F0000000001 type=traffic subtype=forward srcip=10.20.30.31 "
            "srcport=49712 dstip=198.51.100.23 dstport=6667 proto=6 action=accept policyid=12 service=tcp/6667 sentbyte=2311 "
            "rcvdbyte=5120 tz=\"+0900\"")

    def open_incidents():
        return s.get("/api/v1/incidents?state=open")["rows"]

    def wait_open(count):
        deadline = time.monotonic() + 20
        while len(open_incidents()) != count and time.monotonic() < deadline:
            time.sleep(0.1)
        assert len(open_incidents()) == count
        return open_incidents()

    s.send_tcp(line.format(1))
    first = wait_open(1)[0]["id"]
    for method, path, body in (("POST", "/evidence", {"type": "log", "purpose": "false_alarm", "description": "test"}),
                               ("PATCH", "", {"state": "false_positive", "note": "test"})):
        status, answer = s.request(method, f"/api/v1/incidents/{first}{path}", json.dumps(body), {"Content-Type": "application/json"})
        assert status in (200, 201), answer
    wait_open(0)
    s.send_tcp(line.format(2))
    assert wait_open(1)[0]["id"] != first
