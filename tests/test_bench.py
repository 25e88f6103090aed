"""make bench: its parts run and print figures. The figures themselves are not judged here: machines differ."""
import hashlib
import json
import re
import subprocess
import sys

import pytest

from conftest import BINARY, ROOT, run

BUILD = BINARY.parent


@pytest.fixture(scope="module")
def generator():
    subprocess.run(["ninja", "-C", str(BUILD), "bench/generate_logs"], check=True, capture_output=True, timeout=600)
    return BUILD / "bench" / "generate_logs"


def lines_of(generator, *arguments):
    return subprocess.run([str(generator), *map(str, arguments)], check=True, capture_output=True, timeout=60).stdout


def bench(*parts):
    done = subprocess.run([sys.executable, str(ROOT / "scripts" / "bench"), "--quick", "--seconds", "1", "--build", str(BUILD),
                           "--only", *parts], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def figure(text, row):
    found = re.search(r"^ +" + row + r"[^\n]*? {2,}([\d,.]+) \S+", text, re.M)  # figures stand in a column of their own
    assert found, f"no row '{row}' in\n{text}"
    return float(found[1].replace(",", ""))


def test_generated_lines_depend_on_the_arguments_only(generator):
    first = lines_of(generator, 5000, "--infected", 10000)
    assert hashlib.sha256(first).digest() == hashlib.sha256(lines_of(generator, 5000, "--infected", 10000)).digest()
    assert first != lines_of(generator, 5000, "--infected", 10000, "--seed", 7)
    lines = first.split(b"\n")[:-1]
    assert len(lines) == 5000 and all(re.match(rb"<\d{1,3}>Nov 21 00:00:0\d \S+ ", line) for line in lines)
    assert 200 < len(first) / 5000 < 320
    for sign in (b"UFW", b"sshd", b"squid", b"postfix", b"named", b"clamd", b"%ASA-", b"srcip=", b"event_type"):
        assert any(sign in line for line in lines), sign
    assert any(b"10.66." in line for line in lines)
    assert b"10.66." not in lines_of(generator, 5000)


def test_floors_and_stages_print_figures():
    text = bench("floors", "stages", "intel", "detect")
    assert figure(text, "memory copy") > 0
    for row in ("journal: as fast as it goes", "input: framing alone, lines", "parse and normalise", "mixed lines", "Windows event log", "store:"):
        assert figure(text, row) > 1000, row
    assert figure(text, "a look-up, mixed") > 1 and figure(text, "memory: tables") > 1
    assert figure(text, "malloc by events on which nothing fires") == 0


def test_generated_windows_events_are_all_understood(generator, tmp_path):
    lines = lines_of(generator, 3000, "--windows")
    assert lines == lines_of(generator, 3000, "--windows") and lines != lines_of(generator, 3000, "--windows", "--seed", 7)
    file = tmp_path / "windows.ndjson"
    file.write_bytes(lines)
    events = [json.loads(line) for line in run("parse", file).stdout.splitlines()]
    assert len(events) == 3000 and {event["winlog"]["channel"] for event in events} == {
        "Security", "Microsoft-Windows-Sysmon/Operational"}
    assert {"1", "3", "7", "10", "11", "13", "22", "4624"} <= {event["event"]["code"] for event in events}
    assert len({event.get("process", {}).get("command_line") for event in events}) > 300


def test_the_whole_way_balances_and_prints_figures():
    text = bench("whole", "latency", "start", "allocations")
    assert figure(text, "sustained, received → searchable") > 1000
    assert text.count(": closes") >= 1 and "DOES NOT CLOSE" not in text
    assert "next bottleneck: " in text
    assert re.search(r"p50 [\d.]+ ms, max [\d.]+ ms, 30 of 30 arrived", text)
    assert 0 < figure(text, "allocations") < 100
    assert figure(text, "process start → first finding, own rules") > 0
    assert 0 < figure(text, "start → ready, own rules") and figure(text, "cold start → ready, own rules") > 0


def test_fifty_conditions_are_found_as_a_plain_search_finds_them(generator):
    """bench/peer_bench, with whatever other engines are installed beside it."""
    done = subprocess.run([sys.executable, str(ROOT / "bench" / "peer_bench"), "--lines", "40000", "--build", str(BUILD), "--json"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(done.stdout)
    assert result["expected"] > 20 and all(run["found"] == result["expected"] for run in result["runs"] if run["engine"] == "hyakuyo")
    assert len([run for run in result["runs"] if run["engine"] == "hyakuyo"]) == 2
