"""What passed before it was known (S1): a verdict or an indicator that comes later than the file opens a task for each host that used the file in between."""
import datetime
import hashlib
import json
import sqlite3

from conftest import ROOT, run
from test_console_http import conforms
from test_intel import wait, write

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
EVIL = hashlib.sha256(b"evil").hexdigest()
GOOD = hashlib.sha256(b"good").hexdigest()
BROWSER = hashlib.sha256(b"browser").hexdigest()
FEED = hashlib.sha256(b"feed").hexdigest()


def at(hours):
    return (NOW - datetime.timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def event(hours, host=None, digest=EVIL, **fields):
    who = {"host": {"name": host}} if host else {}
    return json.dumps({"@timestamp": at(hours), **who, "file": {"hash": {"sha256": digest}}, **fields})


def start(hours, host, digest=EVIL, user="sato", **fields):
    return event(hours, host, digest, event={"category": ["process"], "type": ["start"]}, user={"name": user}, **fields)


def verdict(hours, host, digest=EVIL, name="Evil.A"):
    return event(hours, host, digest, event={"category": ["malware"]}, observer={"product": "Guard"}, hyakuyo={"malware": {"name": name}})


def send(s, *lines):
    s.post_records("edr", "\n".join(lines))


def send_known_late(s):
    """One host has executed what an antivirus knew only a day later."""
    send(s, start(30, "PC-99"), verdict(6, "PC-98"))


def retrospects(s, state="open"):
    return s.get(f"/api/v1/retrospects?state={state}")


def tasks(s, count, state="open"):
    return wait(lambda: len(found := retrospects(s, state)["rows"]) == count and found, 60)


def looked(s, timeout=60):
    """All that was sent has been looked through."""
    seen = s.count()
    def cursor():
        with sqlite3.connect(f"file:{s.data}/state.db?mode=ro", uri=True) as db:
            row = db.execute("SELECT sequence FROM work_looked").fetchone()
        return row and row[0] >= seen
    wait(cursor, timeout)


def quick(tmp_path):
    """The program's own file, in quicker rounds."""
    text = (ROOT / "content/retrospect.yml").read_text().replace("round_seconds: 10", "round_seconds: 1")
    data = tmp_path / "var"
    data.mkdir(exist_ok=True)
    (data / "retrospect.yml").write_text(text)


def test_s1_each_host_that_ran_it_before_it_was_known_is_a_task(server, tmp_path):
    quick(tmp_path)
    s = server()
    send(s, event(50, event={"category": ["web"]}, source={"ip": "10.20.30.31"}, user={"name": "sato"}),  # the proxy sees it first
         start(30, "PC-1"), start(20, "pc-1", user="abe"), start(10, "PC-2"),
         event(9, "PC-3", event={"category": ["process"], "type": ["start", "denied"]}),  # launch control stopped it
         start(40, "PC-7", BROWSER), event(3, "PC-7", "e" * 64, event={"category": ["malware"]}, process={"hash": {"sha256": BROWSER}},  # it only wrote the file
                                           hyakuyo={"malware": {"name": "Evil.B"}}),
         start(5, "PC-4", GOOD), verdict(4, "PC-4", GOOD, "EICAR test file"),             # a test is no malware
         verdict(2, "PC-2"), start(1, "PC-5"))                                            # after it was known: the antivirus' affair
    found = {row["host"].lower(): row for row in tasks(s, 2)}
    assert sorted(found) == ["pc-1", "pc-2"]
    one = found["pc-1"]
    assert (one["object"], one["name"], one["basis"], one["known_by"]) == (EVIL, "Evil.A", "verdict", "Guard")
    assert (one["first"], one["known"], one["gap_hours"]) == (at(50), at(2), 48)
    assert (one["used"], one["last_used"], one["count"], one["users"]) == (at(30), at(20), 2, "abe;sato")
    assert one["use"] == {"en": "executed", "ja": "実行"} and one["host_state"] == "unknown"
    assert found["pc-2"]["host_state"] == "found"
    assert one["work"]["status"] == "open" and "PC-1" in one["work"]["title"]["en"] and "実行" in one["work"]["title"]["ja"]
    due, opened = (datetime.datetime.fromisoformat(one["work"][k].replace("Z", "+00:00")) for k in ("due", "opened"))
    assert due - opened == datetime.timedelta(minutes=1440)
    document = s.get("/api/v1/openapi.json")
    conforms(document, document["paths"]["/api/v1/retrospects"]["get"]["responses"]["200"]["content"]["application/json"]["schema"], retrospects(s), "retrospects")
    month, = retrospects(s)["months"]
    assert (month["objects"], month["used"], month["median_hours"]) == (1, 1, 48)
    # once is enough: neither more verdicts nor a restart open anything twice; a host that is told of late is added
    send(s, verdict(1, "PC-1"), start(25, "PC-6"), verdict(0.5, "PC-6"))
    again = {row["host"]: row for row in tasks(s, 3)}
    assert again["PC-6"]["known"] == at(2)
    s.stop()
    s.start()
    looked(s)
    assert sorted(row["id"] for row in retrospects(s)["rows"]) == sorted(row["id"] for row in again.values())
    # clean: scanned whole since, and nothing found after that
    send(s, json.dumps({"@timestamp": at(0), "host": {"name": "PC-1"}, "observer": {"product": "Guard"},
                        "hyakuyo": {"control": {"name": "antivirus"}, "scan": {"extent": "full", "state": "completed"}}}))
    wait(lambda: {row["host"]: row for row in retrospects(s)["rows"]}["PC-1"]["host_state"] == "clean", 60)
    answer(s, again["PC-6"])


def answer(s, row):
    """People answer; the record has it."""
    path = f"/api/v1/retrospects/{row['id']}"
    assert s.request("PATCH", path, json.dumps({"status": "waived"}).encode(), {"Content-Type": "application/json"})[0] == 400
    status, body = s.request("PATCH", path, json.dumps({"status": "done", "result": "rebuilt"}).encode(), {"Content-Type": "application/json"})
    assert status == 200, body
    ended = {r["id"]: r for r in retrospects(s, "all")["rows"]}[row["id"]]
    assert ended["work"]["status"] == "done" and ended["work"]["result"] == "rebuilt" and ended["work"]["done_by"]
    assert row["id"] not in [r["id"] for r in retrospects(s)["rows"]] and retrospects(s)["counts"]["ended"] == 1
    targets = [e["target"] for e in s.get("/api/v1/record?limit=200")["rows"]]
    assert f"retrospect/{row['id']}" in targets and f"gap/{row['gap']}" in targets and f"task/{row['task']}" in targets


def test_s1_an_indicator_that_comes_later_and_the_incident_of_the_host(server, tmp_path):
    """Without an incident the task is of its own; once the host has one, it is a task of that incident."""
    quick(tmp_path)
    s = server()
    send(s, start(30, "PC-1", FEED), start(29, "PC-2", FEED))
    s.wait_count(2)
    s.take_up("intel", "import", write(tmp_path / "bad.csv", f"indicator,type,confidence,description\n{FEED},sha256,95,Loader\n"))
    found = {row["host"]: row for row in tasks(s, 2)}
    assert (found["PC-1"]["basis"], found["PC-1"]["known_by"], found["PC-1"]["name"]) == ("indicator", "bad", "Loader")
    joined = wait(lambda: [row for row in retrospects(s)["rows"] if row["host"] == "PC-1" and row["incident"]], 60)[0]
    shown = s.get(f"/api/v1/incidents/{joined['incident']}/tasks")["rows"]
    assert joined["task"] in [task["id"] for task in shown if task["key"] == "retrospect"]
    assert joined["id"] == found["PC-1"]["id"]


def work_on(s, method, path, **body):
    status, answer = s.request(method, path, json.dumps(body).encode(), {"Content-Type": "application/json"})
    assert status in (200, 201), answer
    return json.loads(answer) if answer else None


def test_s1_a_task_waits_for_an_incident_and_outlives_a_merged_one(server, tmp_path):
    quick(tmp_path)
    s = server()
    at_work = {"name": "PC-1", "ip": ["10.20.30.31"]}
    process = {"@timestamp": at(30), "host": at_work, "event": {"category": ["process"], "type": ["start"]}, "file": {"hash": {"sha256": EVIL}}}
    send(s, json.dumps(process), verdict(6, "PC-9"))
    [alone] = tasks(s, 1)
    assert (alone["incident"], alone["work"]["incident"], alone["ip"]) == (0, 0, "10.20.30.31")
    for host in (at_work, {"name": "PC-2", "ip": ["10.20.30.32"]}):
        send(s, json.dumps({"@timestamp": at(0), "host": host, "source": {"ip": host["ip"][0]}, "destination": {"ip": "198.51.100.23", "port": 6667},
                              "network": {"transport": "tcp", "direction": "outbound"}, "event": {"category": ["network"], "type": ["connection", "allowed"]}}))
    incidents = wait(lambda: len(r := s.get("/api/v1/incidents")["rows"]) >= 2 and r, 60)
    of = {ip: row["id"] for row in incidents for ip in ("10.20.30.31", "10.20.30.32") if any(ip in host for host in row["hosts"])}
    [joined] = wait(lambda: [row for row in retrospects(s)["rows"] if row["incident"] == of["10.20.30.31"]], 60)
    assert (joined["id"], joined["task"], joined["work"]["incident"]) == (alone["id"], alone["task"], of["10.20.30.31"])
    work_on(s, "POST", f"/api/v1/incidents/{of['10.20.30.31']}/merge", into=of["10.20.30.32"], note="the same")
    [moved] = wait(lambda: [row for row in retrospects(s)["rows"] if row["incident"] == of["10.20.30.32"]], 60)
    assert moved["id"] == alone["id"] and moved["task"] != alone["task"] and moved["work"]["status"] == "open"
    assert moved["work"]["due"] == alone["work"]["due"]  # a merger gives no more time
    # answered where the incident is worked on
    work_on(s, "PATCH", f"/api/v1/incidents/{moved['incident']}/tasks/{moved['task']}", status="done", result="rebuilt")
    assert retrospects(s)["rows"] == [] and retrospects(s)["counts"]["ended"] == 1
    s.stop()
    assert json.loads(run("verify", "--data", s.data, "--format", "json").stdout)["ok"]


def test_s1_a_verdict_on_what_everybody_has_floods_nobody(server, tmp_path):
    quick(tmp_path)
    own = tmp_path / "var" / "retrospect.yml"
    own.write_text(own.read_text().replace("hosts_most: 100", "hosts_most: 3"))
    s = server()
    send(s, *(start(30 - n, f"PC-{n}") for n in range(8)), verdict(2, "PC-0"))
    assert {row["host"] for row in tasks(s, 3)} == {"PC-0", "PC-1", "PC-2"}  # the first ones
    looked(s)
    assert len(retrospects(s)["rows"]) == 3 and "on 8 hosts" in s.text() and "mistake" in s.text()


def placed(hours, host, path, digest=None, **fields):
    hashes = {"hash": {"sha256": digest}} if digest else {}
    return json.dumps({"@timestamp": at(hours), "host": {"name": host}, "process": {"executable": path, **hashes}, "event": {"category": ["process"], "type": ["start"]}, **fields})


def path_verdict(hours, host, path):
    return json.dumps({"@timestamp": at(hours), "host": {"name": host}, "file": {"path": path}, "event": {"category": ["malware"]}, "observer": {"product": "Guard"},
                       "hyakuyo": {"malware": {"name": "Evil.P"}}})


def test_s1_a_verdict_that_names_only_a_path_is_about_the_file_that_lay_there(server, tmp_path):
    quick(tmp_path)
    s = server()
    path, at_once = "C:\\Users\\o'hara\\a.exe", "C:\\Temp\\b.exe"
    send(s, placed(90, "PC-1", path, GOOD),                                   # another file of that name, long ago
         placed(30, "pc-1", path.upper(), EVIL), placed(20, "PC-2", "D:\\other.exe", EVIL), path_verdict(5, "PC-1", path),
         placed(40, "PC-3", at_once, FEED), path_verdict(40, "PC-3", at_once))  # known when it came
    found = {row["host"].lower(): row for row in tasks(s, 2)}
    assert sorted(found) == ["pc-1", "pc-2"]
    assert {row["object"] for row in found.values()} == {EVIL} and found["pc-2"]["name"] == "Evil.P" and found["pc-2"]["known_by"] == "Guard"
    assert (found["pc-1"]["first"], found["pc-1"]["known"]) == (at(30), at(5))
    send(s, placed(10, "PC-4", at_once, FEED), path_verdict(3, "PC-4", at_once))  # it was known already: no gap
    looked(s)
    assert len(retrospects(s)["rows"]) == 2 and [month["objects"] for month in retrospects(s)["months"]] == [1]


def test_mistakes_in_the_file_are_told_with_their_line(tmp_path):
    data = tmp_path / "var"
    data.mkdir()
    (data / "retrospect.yml").write_text("version: 1\nround_seconds: 0\n")
    done = run("serve", "--data", data, check=False)
    assert done.returncode != 0 and "retrospect.yml:2:" in done.stderr and "round_seconds" in done.stderr
