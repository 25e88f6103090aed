"""A real log line becomes an incident on the screen, and survives a power cut (issue 2's proofs, in sizes fit for CI)."""
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest

from conftest import CORPORA, Server, needs, rows, run

MIXED = [
    "<86>Nov 21 00:00:01 srv001 sshd[311]: Failed password for invalid user admin from 198.51.100.7 port 40022 ssh2",
    "<134>Nov 21 00:00:02 proxy1 squid[1000]: 1763683202.100    120 10.0.0.5 TCP_MISS/200 4512 GET http://www.example/ - "
    "HIER_DIRECT/203.0.113.9 text/html",
    "<30>Nov 21 00:00:03 ns1 named[500]: client @0x7f0000000001 10.0.0.8#5353 (mail.example): query: mail.example IN A + (10.0.0.2)",
    "<4>Nov 21 00:00:04 fw01 kernel: [1000.5] [UFW BLOCK] IN=eth0 OUT= MAC=02:00:5e:00:00:01 SRC=198.51.100.7 DST=10.0.0.5 LEN=60 "
    "TTL=50 ID=1 DF PROTO=TCP SPT=40000 DPT=23 WINDOW=1024 RES=0x00 SYN URGP=0",
    "<22>Nov 21 00:00:05 mx1 postfix/qmgr[1000]: 4BX7Q1AAAA: from=<a@example.test>, size=4821, nrcpt=1 (queue active)",
]


def numbered(count, start=0):
    return [f"{MIXED[i % len(MIXED)]} n={i}" for i in range(start, start + count)]


@needs("rsyslogd")
def test_rsyslog_forwards_and_every_line_is_found_again(server, tmp_path):
    count = int(os.environ.get("HYAKUYO_RSYSLOG_LINES", "200000"))
    s = server()
    source = tmp_path / "in.log"
    source.write_text("".join(line.split(">", 1)[1] + "\n" for line in numbered(count)))
    config = tmp_path / "rsyslog.conf"
    (tmp_path / "work").mkdir()
    config.write_text(f"""
global(workDirectory="{tmp_path}/work" maxMessageSize="64k")
module(load="imfile" mode="polling" pollingInterval="1")
input(type="imfile" file="{source}" tag="" readMode="0" ruleset="forward")
template(name="raw" type="string" string="<134>%msg%")
ruleset(name="forward" queue.type="LinkedList" queue.size="500000") {{
  action(type="omfwd" target="127.0.0.1" port="{s.syslog_port}" protocol="tcp" template="raw" TCP_Framing="octet-counted"
         action.resumeRetryCount="-1")
}}
""")
    rsyslog = subprocess.Popen(["rsyslogd", "-n", "-f", str(config), "-i", str(tmp_path / "pid")])
    try:
        s.wait_count(count, timeout=120)
    finally:
        rsyslog.terminate()
        rsyslog.wait(30)
    status, total = s.balance()
    assert status == 0 and total["received"] == total["stored"] == count and total["difference"] == 0 and total["lost"] == 0
    found = {int(re.search(r" n=(\d+)$", row["event"]["original"])[1]) for row in s.query("n", limit=count + 10)}
    assert found == set(range(count))


def test_udp_losses_are_in_the_balance_to_the_line(server):
    s = server("--workers", 1)
    sent = 300_000
    line = numbered(1)[0].encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
        u.connect(("127.0.0.1", s.syslog_port))
        for _ in range(sent):
            u.send(line)
    deadline = time.monotonic() + 60
    total = {}
    while time.monotonic() < deadline:
        status, total = s.balance()
        if total.get("received") == sent and total["difference"] == 0:
            break
        time.sleep(0.5)
    assert total["received"] == sent
    assert total["stored"] + total["lost"] == sent and status == 0
    assert s.count() == total["stored"]


class Sender(threading.Thread):
    """Numbered records over HTTP; remembers which were answered. Each request is repeated with the same key until it is."""

    def __init__(self, s, name):
        super().__init__(daemon=True)
        self.server, self.name_, self.stop_ = s, name, threading.Event()
        self.answered, self.tried = set(), 0

    def run(self):
        number = 0
        while not self.stop_.is_set():
            batch = range(number, number + 5)
            body = "".join(f"{MIXED[0]} {self.name_}={i}.\n" for i in batch)
            while not self.stop_.is_set():
                self.tried += 1
                try:
                    status, answer = self.server.post_records(self.name_, body, key=f"{self.name_}-{number}")
                except OSError:
                    time.sleep(0.01)
                    continue
                if status == 200:
                    assert answer["accepted"] == 5
                    self.answered.update(batch)
                    break
                assert status in (503, 507), (status, answer)
                time.sleep(0.05)
            number += 5


@pytest.mark.parametrize("kills", [int(os.environ.get("HYAKUYO_KILLS", "12"))])
def test_kill_9_loses_and_repeats_nothing(tmp_path, kills):
    random.seed(20261123)
    s = Server(tmp_path, "--seal-after-ms", 300).start()
    senders = [Sender(s, name) for name in ("alpha", "beta")]
    for sender in senders:
        sender.start()
    stop_tcp = threading.Event()

    def tcp():
        number = 0
        while not stop_tcp.is_set():
            try:
                with socket.create_connection(("127.0.0.1", s.syslog_port), timeout=2) as c:
                    while not stop_tcp.is_set():
                        c.sendall("".join(f"{MIXED[0]} tcp={number + i}.\n" for i in range(50)).encode())
                        number += 50
                        time.sleep(0.005)
            except OSError:
                time.sleep(0.02)

    forwarder = threading.Thread(target=tcp, daemon=True)
    forwarder.start()
    try:
        for _ in range(kills):
            time.sleep(random.uniform(0.05, 0.9))
            s.kill()
            s.start()
    finally:
        for sender in senders:
            sender.stop_.set()
        stop_tcp.set()
    for sender in senders:
        sender.join(60)
    forwarder.join(10)
    assert s.stop() == 0
    for sender in senders:
        stored = [int(re.search(r"=(\d+)\.$", r["event"]["original"])[1])
                  for r in rows("query", "--data", s.data, "--limit", 10_000_000, f'"{sender.name_}="')]
        assert len(stored) == len(set(stored)), "a record is stored twice"
        assert sender.answered <= set(stored), "an answered record is missing"
        assert len(sender.answered) > 0
    tcp_stored = [r["event"]["original"] for r in rows("query", "--data", s.data, "--limit", 10_000_000, '"tcp="')]
    assert len(tcp_stored) == len(set(tcp_stored)), "a journalled record is stored twice"
    sequences = sorted(int(r["hyakuyo.sequence"]) for r in rows("query", "--data", s.data, "--limit", 10_000_000, "--sql",
                                                                'SELECT "hyakuyo.sequence" FROM events'))
    assert len(sequences) == len(set(sequences))
    assert run("verify", "--data", s.data).returncode == 0
    assert run("balance", "--data", s.data, check=False).returncode == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_makes_senders_wait_and_goes_on(tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)], check=True)
    s = Server(tmp_path, "--seal-after-ms", 300)
    s.data = small / "var"
    ballast = small / "ballast"
    try:
        s.start()
        assert s.post_records("web", numbered(1)[0])[0] == 200
        with open(ballast, "wb") as f:
            try:
                while True:
                    f.write(b"\0" * 65536)
                    f.flush()
            except OSError:
                pass
        stored = 1
        refused = False
        body = "".join(line + " " + "x" * 400 + "\n" for line in numbered(200))
        for _ in range(200):
            try:
                status, _answer = s.post_records("web", body)
            except (TimeoutError, OSError):
                refused = True
                break
            if status != 200:
                assert status in (503, 507)
                refused = True
                break
            stored += 200
        assert refused, "a full disk was never noticed"
        assert s.request("GET", "/readyz", token=False)[0] == 503
        ballast.unlink()
        deadline = time.monotonic() + 30
        while s.request("GET", "/readyz", token=False)[0] != 200 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert s.post_records("web", numbered(1)[0])[0] == 200
        s.wait_count(stored + 1, timeout=30)
        status, total = s.balance()
        assert status == 0 and total["difference"] == 0
        s.stop()
    finally:
        if s.process and s.process.poll() is None:
            s.kill()
        subprocess.run(["umount", "-l", str(small)], check=False)


def test_a_torn_journal_tail_is_cut_and_the_rest_is_stored(tmp_path):
    s = Server(tmp_path, "--seal-after-ms", 60000).start()
    for i in range(20):
        assert s.post_records("web", f"{MIXED[0]} web={i}.")[0] == 200
    s.kill()
    newest = sorted((s.data / "journal").glob("*.journal"))[-1]
    whole = newest.read_bytes().rstrip(b"\0")
    newest.write_bytes(whole + b"\x07torn tail of a power cut" * 3)
    s.start()
    s.wait_count(20)
    assert "torn" in s.text()
    s.stop()
    assert len(rows("query", "--data", s.data, '"web="')) == 20


def test_a_tailed_file_is_taken_once_over_rotation_and_restarts(tmp_path):
    log = tmp_path / "app.log"
    log.write_text("")
    s = Server(tmp_path, "--tail", str(tmp_path / "*.log"), "--seal-after-ms", 300).start()
    written = 0

    def write(count):
        nonlocal written
        with open(log, "a") as f:
            for _ in range(count):
                f.write(f"{MIXED[0]} tail={written}.\n")
                written += 1

    write(300)
    s.wait_count(300, '"tail="')
    s.kill()
    write(300)
    s.start()
    s.wait_count(600, '"tail="')
    log.rename(tmp_path / "app.log.1")
    write(300)
    s.wait_count(900, '"tail="')
    s.stop()
    write(100)
    s.start()
    s.wait_count(1000, '"tail="')
    s.stop()
    stored = sorted(int(re.search(r"=(\d+)\.$", r["event"]["original"])[1])
                    for r in rows("query", "--data", s.data, "--limit", 100000, '"tail="'))
    assert stored == list(range(1000))


def test_the_same_idempotency_key_adds_nothing(server, tmp_path):
    s = server()
    first = s.post_records("web", "one\ntwo\n", key="k1")
    again = s.post_records("web", "one\ntwo\n", key="k1")
    assert first[0] == again[0] == 200
    assert again[1].get("duplicate") is True and again[1]["first_sequence"] == first[1]["first_sequence"]
    s.wait_count(2)
    s.stop()
    s.start()
    restarted = s.post_records("web", "one\ntwo\n", key="k1")
    assert restarted[0] == 200 and restarted[1].get("duplicate") is True
    other = s.post_records("other", "one\ntwo\n", key="k1")
    assert other[1].get("duplicate") is not True
    assert s.wait_count(4) == 4


def test_malformed_input_is_kept_and_harms_nothing(server):
    s = server()
    deep = b'{"a":' * 3000 + b"1" + b"}" * 3000
    lines = [bytes(range(1, 256)).replace(b"\n", b" "), b"\xff\xfe\x80 invalid utf-8 \xc3\x28", deep, b"<999>1 broken pri", b"{", b'{"unclosed": "',
             "日本語の行".encode("cp932"), b"%ASA-", b"date=", b"\t" * 200]
    s.send_tcp(*lines)
    big = b"A" * (10 << 20)
    s.send_tcp(b"<13>" + big)
    with socket.create_connection(("127.0.0.1", s.syslog_port)) as c:
        c.sendall(b"999999999 too long a frame\n12 <13>short one\n")
    s.wait_count(len(lines) + 2)
    time.sleep(0.5)
    status, total = s.balance()
    assert status == 0 and total["lost"] == 0
    failed = s.query("tags:parse_failure")
    assert failed and all("original" in r["event"] for r in failed)
    assert len(s.query('"invalid utf-8"')) == 1
    assert s.process.poll() is None


def test_wrong_configuration_is_one_clear_sentence(tmp_path):
    config = tmp_path / "bad.yml"
    config.write_text("listen-http: 127.0.0.1:0\nretention-dayz: 3\n")
    done = run("serve", "--config", config, check=False)
    assert done.returncode == 2 and f"{config}:2:1: " in done.stderr and "retention-dayz" in done.stderr
    config.write_text("tail: [a, b\n")
    done = run("serve", "--config", config, check=False)
    assert done.returncode == 2 and str(config) in done.stderr
    done = run("serve", "--workers", "many", check=False)
    assert done.returncode == 2 and "--workers" in done.stderr


def test_two_servers_on_one_folder_are_refused(server):
    s = server()
    second = run("serve", "--data", s.data, "--listen-http", "127.0.0.1:0", "--listen-syslog", "127.0.0.1:0", check=False)
    assert second.returncode == 1 and "hyakuyo serve:" in second.stderr
    assert s.process.poll() is None
