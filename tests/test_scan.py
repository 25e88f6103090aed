"""hyakuyo scan over files at rest: every kind of file gives the same findings, in the order of the input, whatever the number of workers."""
import csv
import gzip
import io
import json
import subprocess
import zipfile

import pytest

from conftest import BINARY, run
from evtx_writer import event_log, sysmon_process

RULE = """title: Whoami
id: 11111111-2222-4333-8444-555555555555
logsource: {category: process_creation, product: windows}
detection: {selection: {Image|endswith: '\\whoami.exe'}, condition: selection}
level: high
"""
WHOAMI = "C:\\Windows\\System32\\whoami.exe"


@pytest.fixture
def rules(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "whoami.yml").write_text(RULE)
    return folder


def events(numbers=range(101, 301)):
    """Every tenth is whoami."""
    return [sysmon_process(n, WHOAMI if n % 10 == 0 else "C:\\Windows\\explorer.exe", "x") for n in numbers]


def flat(event):
    return {"Channel": event["channel"], "Provider_Name": event["provider"], "EventID": event["id"], "EventRecordID": event["record"],
            "Computer": event["computer"], **event["data"]}


def as_xml(event):
    data = "".join(f"<Data Name='{k}'>{v}</Data>" for k, v in event["data"].items())
    return (f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>\n<System><Provider Name='{event['provider']}'/>"
            f"<EventID>{event['id']}</EventID><Channel>{event['channel']}</Channel><Computer>{event['computer']}</Computer></System>\n"
            f"<EventData>{data}</EventData></Event>")


def scan(rules, *arguments, status=1):
    done = run("scan", "--rules", rules, "--lang", "en", *arguments, check=False, timeout=60)
    assert done.returncode == status, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


def records(findings):
    return [f["record"] for f in findings]


def test_event_log(rules, tmp_path):
    path = tmp_path / "Sysmon.evtx"
    path.write_bytes(event_log(events()))
    findings, errors = scan(rules, path)
    assert records(findings) == list(range(110, 301, 10)) and not errors
    assert findings[0]["file"] == str(path) and findings[0]["time"] == "2025-11-10T00:13:02.800Z"
    assert findings[0]["entities"]["host"] == "pc31.corp.example" and findings[0]["matched"] == {"Image": WHOAMI}


def test_every_packing_and_form_gives_the_same(rules, tmp_path):
    ndjson = "".join(json.dumps(flat(e)) + "\n" for e in events()).encode()
    log = event_log(events())
    forms = {
        "plain.ndjson": ndjson,
        "packed.gz": gzip.compress(ndjson[:5000]) + gzip.compress(ndjson[5000:]),
        "packed.zst": subprocess.run(["zstd", "-qc"], input=ndjson, capture_output=True, check=True).stdout,
        "packed.evtx.gz": gzip.compress(log),
        "array.json": json.dumps([flat(e) for e in events()]).encode(),
        "pretty.json": json.dumps([flat(e) for e in events()], indent=2).encode(),
        "one-by-one.json": "\n".join(json.dumps(flat(e), indent=1) for e in events()).encode(),
        "wrapped.json": json.dumps({"Records": [flat(e) for e in events()]}).encode(),
        "events.xml": ("<?xml version='1.0'?>\n<Events>" + "".join(map(as_xml, events())) + "</Events>").encode(),
        "lines.xml": "\n".join(map(as_xml, events())).encode(),
        "utf16.xml": ("<Events>" + "\n".join(map(as_xml, events())) + "</Events>").encode("utf-16"),
        "bom.ndjson": b"\xef\xbb\xbf" + ndjson,
    }
    for name, content in forms.items():
        path = tmp_path / name
        path.write_bytes(content)
        findings, errors = scan(rules, path)
        assert len(findings) == 20 and not errors, (name, len(findings), errors)
        assert len({f["rule_id"] for f in findings}) == 1, name
    findings, _ = scan(rules, tmp_path / "plain.ndjson")
    assert records(findings) == list(range(10, 201, 10))
    findings, _ = scan(rules, tmp_path / "pretty.json")
    lines = (tmp_path / "pretty.json").read_text().splitlines()
    assert all(lines[f["record"] - 1].strip() == "{" for f in findings)


def test_standard_input(rules):
    with_log = subprocess.run([BINARY, "scan", "--rules", rules, "-"], input=gzip.compress(event_log(events())), capture_output=True, check=False)
    assert with_log.returncode == 1 and len(with_log.stdout.splitlines()) == 20
    with_zip = subprocess.run([BINARY, "scan", "--rules", rules, "--lang", "en", "-"], input=b"PK\3\4", capture_output=True, check=False)
    assert with_zip.returncode == 2 and b"give it as a file" in with_zip.stderr


def test_archives_and_folders(rules, tmp_path):
    folder = tmp_path / "logs/deep"
    folder.mkdir(parents=True)
    with zipfile.ZipFile(folder / "b.zip", "w") as z:
        z.writestr("x/one.evtx", event_log(events(range(1, 11))), zipfile.ZIP_DEFLATED)
        z.writestr("two.ndjson", json.dumps(flat(sysmon_process(1, WHOAMI, "x"))), zipfile.ZIP_STORED)
    (folder / "a.evtx").write_bytes(event_log(events(range(20, 21))))
    (tmp_path / "logs/c.ndjson").write_text(json.dumps(flat(sysmon_process(1, WHOAMI, "x"))))
    findings, _ = scan(rules, tmp_path / "logs", folder / "a.evtx")
    where = [(f["file"].removeprefix(str(tmp_path)), f.get("member"), f["record"]) for f in findings]
    assert where == [("/logs/c.ndjson", None, 1), ("/logs/deep/a.evtx", None, 20), ("/logs/deep/b.zip", "x/one.evtx", 10),
                     ("/logs/deep/b.zip", "two.ndjson", 1), ("/logs/deep/a.evtx", None, 20)]


def test_one_bad_file_does_not_stop_the_others(rules, tmp_path):
    good = tmp_path / "good.ndjson"
    good.write_text(json.dumps(flat(sysmon_process(1, WHOAMI, "x"))) + "\n")
    packed = gzip.compress(good.read_bytes() * 1000)
    (tmp_path / "cut.gz").write_bytes(packed[:len(packed) // 2])
    locked = io.BytesIO()
    with zipfile.ZipFile(locked, "w") as z:
        z.writestr("a.log", "x")
    content = bytearray(locked.getvalue())
    at = content.index(b"PK\1\2")
    content[at + 8] |= 1
    (tmp_path / "locked.zip").write_bytes(content)
    (tmp_path / "no.zip").write_bytes(b"PK\3\4" + b"x" * 100)
    findings, errors = scan(rules, tmp_path / "cut.gz", tmp_path / "none", tmp_path / "locked.zip", tmp_path / "no.zip", good, status=2)
    assert findings[-1]["file"] == str(good)
    said = errors.splitlines()
    assert len(said) == 4 and all(line.startswith("hyakuyo scan: ") for line in said)
    for part in ["cut.gz ends in the middle", "cannot open", "a.log is encrypted", "no.zip is damaged"]:
        assert part in errors


@pytest.mark.parametrize("damage", ["cut", "record", "chunk", "name", "dirty", "empty"])
def test_damaged_event_logs(rules, tmp_path, damage):
    log = bytearray(event_log(events()))
    second = 4096 + 65536
    expected = 20
    if damage == "cut":
        log, expected = log[:second + 512 + 2000], 5
    elif damage == "record":
        at = log.index(b"\x2a\x2a\0\0", second + 3000)
        log[at + 4:at + 8] = b"\xff\xff\xff\x7f"
        lost = int.from_bytes(log[at + 8:at + 16], "little")
        expected = 20 - (lost % 10 == 0)
    elif damage == "chunk":
        log[second:second + 8] = b"garbage!"
        expected = 15
    elif damage == "name":
        log[:8] = b"\0" * 8
    elif damage == "dirty":
        log[second + 48:second + 56] = b"\0" * 8
    else:
        log, expected = log[:4096], 0
    path = tmp_path / "x.evtx"
    path.write_bytes(log)
    findings, errors = scan(rules, path, status=1 if expected else 0)
    assert len(findings) == expected
    said = {"cut": "bytes are missing", "record": "1 not at all", "chunk": "1 blocks are no event log", "dirty": "checksums of 1 of 4"}
    assert said.get(damage, "") in errors and (damage in said) == bool(errors)


def test_the_number_of_workers_changes_nothing(rules, tmp_path):
    header = "#separator \\x09\n#set_separator\t,\n#path\tconn\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\n"
    rows = "".join(f"{1762733582 + n}.0\tC{n}\t10.20.30.31\t{40000 + n % 100}\t198.51.100.23\t{6667 if n % 500 == 0 else 443}\ttcp\n"
                   for n in range(20000))
    (tmp_path / "conn.log").write_text(header + rows)
    (tmp_path / "a.evtx").write_bytes(event_log(events(range(1, 1001))))
    (tmp_path / "b.ndjson").write_text("".join(json.dumps(flat(e)) + "\n" for e in events(range(1, 5001))))
    (rules / "irc.yml").write_text(RULE.replace("11111111", "21111111").replace("{category: process_creation, product: windows}", "{product: zeek, service: conn}")
                                   .replace("Image|endswith: '\\whoami.exe'", "id.resp_p: 6667"))
    files = [tmp_path / name for name in ["conn.log", "a.evtx", "b.ndjson"]]
    outputs = {threads: run("scan", "--rules", rules, "--threads", threads, *files, check=False, timeout=120).stdout for threads in ["1", "2", "7"]}
    assert len(set(outputs.values())) == 1
    found = [json.loads(line)["file"].rsplit("/", 1)[1] for line in outputs["1"].splitlines()]
    assert found == ["conn.log"] * 40 + ["a.evtx"] * 100 + ["b.ndjson"] * 500


CORRELATION = """title: Many whoami
id: 31111111-2222-4333-8444-555555555555
correlation:
    type: event_count
    rules: [11111111-2222-4333-8444-555555555555]
    group-by: [Computer]
    timespan: 1h
    condition: {CONDITION}
level: critical
"""


@pytest.mark.parametrize("condition, expected", [("gte: 30", 1), ("gte: 41", 0), ("eq: 40", 1)])
def test_correlations_over_several_files(rules, tmp_path, condition, expected):
    """Files that overlap in time, the later one first; a window of `eq` ends with the files."""
    (rules / "many.yml").write_text(CORRELATION.replace("{CONDITION}", "{" + condition + "}"))
    (tmp_path / "a.evtx").write_bytes(event_log([{**e, "time": e["time"] + 60} for e in events()]))
    (tmp_path / "b.ndjson").write_text("".join(json.dumps(flat(e)) + "\n" for e in events()))
    outputs = {run("scan", "--rules", rules, "--threads", threads, tmp_path / "a.evtx", tmp_path / "b.ndjson", check=False).stdout
               for threads in ["1", "4"]}
    assert len(outputs) == 1
    found = [json.loads(line) for line in outputs.pop().splitlines()]
    assert [f["rule"] for f in found].count("Many whoami") == expected
    assert "Whoami" not in [f["rule"] for f in found]  # it speaks through the correlation


def test_summary(rules, tmp_path):
    (tmp_path / "a.evtx").write_bytes(event_log(events()))
    (tmp_path / "b.log").write_text("nothing to see\n")
    rows, _ = scan(rules, "--summary", tmp_path / "a.evtx", tmp_path / "b.log")
    assert [r for r in rows if r["by"] == "rule"] == [{"by": "rule", "level": "high", "findings": 20, "files": 1, "rule": "Whoami",
                                                      "rule_id": "11111111-2222-4333-8444-555555555555"}]
    assert {r["level"]: r["findings"] for r in rows if r["by"] == "level"} == {"critical": 0, "high": 20, "medium": 0, "low": 0, "informational": 0}
    assert [(r["findings"], r["events"]) for r in rows if r["by"] == "file"] == [(20, 200), (0, 1)]
    total = rows[-1]
    assert total["by"] == "total" and (total["findings"], total["events"], total["files"]) == (20, 201, 2)
    done = run("scan", "--rules", rules, "--summary", "--format", "csv", tmp_path / "a.evtx", check=False)
    sheet = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [r["findings"] for r in sheet if r["by"] == "total"] == ["20"]
    table = run("scan", "--rules", rules, "--summary", "--format", "table", "--lang", "en", tmp_path / "a.evtx", check=False).stdout
    assert "Whoami" in table and "200 events (0 not understood), 20 findings" in table


def test_findings_as_table_and_csv(rules, tmp_path):
    (tmp_path / "a.evtx").write_bytes(event_log(events()))
    sheet = list(csv.DictReader(io.StringIO(run("scan", "--rules", rules, "--format", "csv", tmp_path / "a.evtx", check=False).stdout)))
    assert [r["record"] for r in sheet] == [str(n) for n in range(110, 301, 10)]
    assert sheet[0]["entities.host"] == "pc31.corp.example"


def test_parse_reads_event_logs(tmp_path):
    (tmp_path / "a.evtx").write_bytes(event_log(events()))
    out = [json.loads(line) for line in run("parse", tmp_path / "a.evtx").stdout.splitlines()]
    assert len(out) == 200 and out[0]["winlog"]["record_id"] == "101" and out[9]["process"]["executable"] == WHOAMI
    assert out[0]["event"]["original"].startswith("<Event ") and "tags" not in out[0]
