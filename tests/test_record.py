"""The response record (spec 3.8, S167 to S175): whatever is changed in it afterwards is found, at the entry where it was changed."""
import contextlib
import concurrent.futures
import http.client
import json
import os
import pwd
import random
import re
import shutil
import sqlite3
import time

import pytest

from conftest import run

IRC = ("<189>date=2025-11-10 time=09:13:01 devname=FW-EDGE devid=FGT60F0000000001 type=traffic subtype=forward srcip=10.20.30.31 "
       "srcport=49712 dstip=198.51.100.23 dstport=6667 proto=6 action=accept policyid=12 service=tcp/6667 sentbyte=2311 "
       "rcvdbyte=5120 tz=\"+0900\"")
KILLS = int(os.environ.get("HYAKUYO_KILLS", "5"))


def first_bad(data):
    """None when all is well, else the seq of the first bad entry and the words."""
    done = run("verify", "--data", data, check=False)
    if done.returncode == 0:
        return None
    assert done.returncode == 1, done.stderr
    found = re.search(r"record, entry (\d+): (.*)", done.stdout)
    assert found, done.stdout
    return int(found[1]), found[2]


def patch(s, incident, **members):
    return s.request("PATCH", f"/api/v1/incidents/{incident}", json.dumps(members), {"Content-Type": "application/json"})[0]


def open_incident(s):
    s.send_tcp(IRC)
    deadline = time.monotonic() + 60
    while not s.get("/api/v1/incidents?state=open")["rows"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return s.get("/api/v1/incidents?state=open")["rows"][0]["id"]


def entries(data):
    with contextlib.closing(sqlite3.connect(data / "state.db")) as db:
        db.row_factory = sqlite3.Row
        return [dict(row) for row in db.execute("SELECT * FROM record_entry ORDER BY seq")]


def tamper(data, *statements):
    """As somebody would who has the file: the triggers are no help then."""
    db = sqlite3.connect(data / "state.db", isolation_level=None)
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        db.execute(f"DROP TRIGGER {name}")
    for sql, *values in statements:
        assert db.execute(sql, values).rowcount != 0, sql
    db.close()


@pytest.fixture
def recorded(server, tmp_path):
    """A stopped server's data with an incident that people worked on; copies of it to be tampered with."""
    s = server()
    incident = open_incident(s)
    assert patch(s, incident, state="triage", note="called Ms Suzuki") == 200
    assert patch(s, incident, note="her PC is off the network") == 200
    s.stop()
    assert first_bad(s.data) is None

    def copy():
        copy.count += 1
        target = tmp_path / f"copy{copy.count}"
        shutil.copytree(s.data, target)
        return target
    copy.count = 0
    copy.incident = incident
    copy.data = s.data
    return copy


def test_one_byte_in_any_column_of_any_entry_is_found_there(recorded):
    rows = entries(recorded.data)
    assert len(rows) >= 6 and {row["action"] for row in rows} >= {"execute", "judge", "observe"}
    data = recorded()
    for row in rows:
        for column, value in row.items():
            if column == "seq":
                continue
            changed = value + 1 if isinstance(value, int) else \
                bytes([value[0] ^ 1]) + value[1:] if isinstance(value, bytes) else \
                (chr(ord(value[0]) ^ 1) + value[1:] if value else "x")
            tamper(data, (f"UPDATE record_entry SET {column} = ? WHERE seq = ?", changed, row["seq"]))
            bad = first_bad(data)
            assert bad and bad[0] == row["seq"], (column, row["seq"], bad)
            tamper(data, (f"UPDATE record_entry SET {column} = ? WHERE seq = ?", value, row["seq"]))
    assert first_bad(data) is None


def test_texts_and_changes_are_covered_too(recorded):
    step = min(row["seq"] for row in entries(recorded.data) if row["actor"] == "local" and row["incident"])
    for sql in ("UPDATE record_payload SET text = 'called nobody' WHERE seq = ?", "UPDATE record_payload SET salt = zeroblob(32) WHERE seq = ?",
                "UPDATE record_change SET new_value = 'closed' WHERE seq = ?", "UPDATE record_change SET old_value = 'x' WHERE seq = ?",
                "DELETE FROM record_change WHERE seq = ?", "DELETE FROM record_payload WHERE seq = ?",
                "UPDATE record_payload SET erased = 1, text = '', salt = x'' WHERE seq = ?"):
        data = recorded()
        tamper(data, (sql, step))
        assert first_bad(data)[0] == step, sql


def test_rows_are_only_added(recorded):
    db = sqlite3.connect(recorded() / "state.db", isolation_level=None)
    for sql in ("UPDATE record_entry SET actor = 'x'", "DELETE FROM record_entry", "UPDATE record_change SET new_value = 'x'",
                "DELETE FROM record_change", "DELETE FROM record_payload", "UPDATE record_payload SET text = 'x'",
                "UPDATE record_payload SET text = '', salt = x'', erased = 1"):
        with pytest.raises(sqlite3.IntegrityError):
            db.execute(sql)


def test_a_removed_tail_a_gap_and_a_swap_are_found(recorded):
    last = entries(recorded.data)[-1]["seq"]
    data = recorded()
    tamper(data, ("DELETE FROM record_entry WHERE seq > ?", last - 3))
    assert first_bad(data)[0] == last - 2  # the checkpoint of the stop covers it
    data = recorded()
    tamper(data, ("DELETE FROM record_entry WHERE seq = 3",))
    assert first_bad(data)[0] == 3
    data = recorded()
    tamper(data, ("UPDATE record_entry SET seq = 1000 WHERE seq = 3",), ("UPDATE record_entry SET seq = 3 WHERE seq = 4",),
           ("UPDATE record_entry SET seq = 4 WHERE seq = 1000",))
    assert first_bad(data)[0] == 3


def test_an_edited_state_database_is_found(recorded):
    step = min(row["seq"] for row in entries(recorded.data) if row["actor"] == "local" and row["incident"])
    for sql in ("UPDATE incident SET state = 7 WHERE id = ?", "DELETE FROM incident WHERE id = ?"):
        data = recorded()
        tamper(data, (sql, recorded.incident))
        assert 0 < first_bad(data)[0] <= step
    data = recorded()
    tamper(data, ("UPDATE incident SET urgency = urgency + 1 WHERE id = ?", recorded.incident))
    seq, why = first_bad(data)
    assert "urgency" in why and seq < step


def test_checkpoints_and_keys_that_are_removed_or_replaced_are_found(recorded):
    named = [row["seq"] for row in entries(recorded.data) if row["target"].startswith("checkpoint/")]
    assert len(named) == 2
    data = recorded()
    (data / "record/checkpoints.ndjson").unlink()
    assert first_bad(data)[0] == named[0]
    lines = (recorded.data / "record/checkpoints.ndjson").read_bytes().splitlines(keepends=True)
    data = recorded()
    (data / "record/checkpoints.ndjson").write_bytes(lines[0])
    assert first_bad(data)[0] == named[1]
    data = recorded()
    (data / "record/checkpoints.ndjson").write_bytes(lines[1])
    assert first_bad(data)[0] == named[0]
    for at in range(0, len(lines[1]) - 1, 7):
        data = recorded.data
        changed = bytearray(lines[1])
        changed[at] ^= 1
        (data / "record/checkpoints.ndjson").write_bytes(lines[0] + changed)
        assert first_bad(data)[0] == named[1], at
    (recorded.data / "record/checkpoints.ndjson").write_bytes(b"".join(lines))
    data = recorded()
    (data / "keys/record.pub").write_text("11" * 32 + "\n")
    assert first_bad(data)[0] == named[0]


def test_a_thousand_concurrent_entries_have_no_gap_and_no_double(server):
    s = server()
    incident = open_incident(s)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert set(pool.map(lambda i: patch(s, incident, note=f"note {i}"), range(1000))) == {200}
    s.stop()
    rows = entries(s.data)
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert sum(row["actor"] == "local" and row["incident"] == incident for row in rows) == 1000
    own = [row["incident_seq"] for row in rows if row["incident"] == incident]
    assert own == list(range(1, len(own) + 1))
    assert first_bad(s.data) is None


def test_a_kill_leaves_no_state_without_its_record(server):
    s = server()
    incident = open_incident(s)
    random.seed(7)
    for turn in range(KILLS):
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            def write(n):
                for i in range(200):
                    try:
                        patch(s, incident, note=f"{turn} {n} {i}")
                    except (OSError, ValueError, http.client.HTTPException):
                        return
            jobs = [pool.submit(write, n) for n in range(4)]
            time.sleep(random.uniform(0.02, 0.5))
            s.kill()
            concurrent.futures.wait(jobs)
        assert first_bad(s.data) is None
        with contextlib.closing(sqlite3.connect(s.data / "state.db")) as db, db:
            [[notes]] = db.execute("SELECT count(*) FROM incident_change WHERE who = 'local'").fetchall()
            [[said]] = db.execute("SELECT count(*) FROM record_entry WHERE actor = 'local' AND incident = ?", [incident]).fetchall()
        assert notes == said
        s.start()


def test_the_record_over_the_api(server):
    s = server()
    incident = open_incident(s)
    assert patch(s, incident, state="triage", note="called Ms Suzuki") == 200
    page = s.get(f"/api/v1/incidents/{incident}/record")
    newest, *_, oldest = page["rows"]
    assert newest["text"] == "called Ms Suzuki" and newest["actor"] == "local"
    assert {"table": "incident", "id": incident, "field": "state", "old": "new", "new": "triage"} in newest["changes"]
    assert oldest["incident_seq"] == 1 and oldest["actor"] == "hyakuyo"
    assert s.request("POST", "/api/v1/rules/reload")[0] == 200
    assert s.get("/api/v1/record?actor=local&limit=1")["rows"][0]["target"] == "rules.reload"
    head = s.get("/api/v1/record/head")["seq"]
    for wrong, status in ((json.dumps({}), 400), (json.dumps({"reason": "asked for by Ms Suzuki"}), 200)):
        assert s.request("POST", f"/api/v1/record/{newest['seq']}/erase-payload", wrong, {"Content-Type": "application/json"})[0] == status
    assert s.get("/api/v1/record/head")["seq"] == head + 1
    [row] = [row for row in s.get(f"/api/v1/incidents/{incident}/record")["rows"] if row["seq"] == newest["seq"]]
    assert row["erased"] and row["text"] is None and row["entry_hash"] == newest["entry_hash"]
    assert json.loads(s.request("POST", "/api/v1/record/verify")[1])["problems"] == []
    run("user", "add", "ciso", "--role", "approver", "--data", s.data, input="correct horse battery\n")
    [added] = [row for row in s.get("/api/v1/record?limit=5")["rows"] if row["target"] == "user.add/ciso"]
    assert added["actor"] == pwd.getpwuid(os.getuid()).pw_name and added["evidence"] == "origin:command-line"
    assert {"name": "ciso", "roles": "approver"}.items() <= {c["field"]: c["new"] for c in added["changes"] if c["table"] == "user"}.items()
    assert run("user", "add", "ciso", "--role", "approver", "--data", s.data, input="correct horse battery\n", check=False).returncode != 0
    s.stop()
    assert first_bad(s.data) is None
