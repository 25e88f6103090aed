"""Risk of entities (S130), promotion by it (S121), focus watch (S69), what remains (S70 to S78), exposure (S39), education (S26), the work list
(S107) and what closed incidents teach (spec 4.4): the real program, through its API."""
import datetime
import http.client
import json
import math
import time
import urllib.parse

import pytest

from conftest import ROOT, rows, run
from test_console_http import conforms
from test_preview import post

IRC_RULE = "7b0ffa63-7691-55a4-9075-5c78870c404b"
FIREWALL = ('date={t:%Y-%m-%d} time={t:%H:%M:%S} devname="FW-EDGE" type="traffic" subtype="forward" srcip={src} srcport=49712 '
            'dstip=198.51.100.23 dstport={port} proto=6 action="{action}" sentbyte=2311 rcvdbyte=5120 tz="+0000"')
ESET = ('<12>1 {t:%Y-%m-%dT%H:%M:%SZ} eset01 ERAServer 1 - - {{"event_type":"Threat_Event","ipv4":"{ip}","hostname":"{host}","source_uuid":"16b429cb-0000-0000-0000-000000000001",'
        '"occured":"{t:%d-%b-%Y %H:%M:%S}","severity":"Warning","threat_type":"trojan","threat_name":"{name}","scanner_id":"Real-time file system protection",'
        '"engine_version":"30000 (20251110)","object_type":"file","object_uri":"file:///C:/Users/{user}/a.exe","action_taken":"cleaned by deleting","threat_handled":true,'
        '"need_restart":false,"username":"OFFICE\\\\{user}","processname":"C:\\\\Windows\\\\explorer.exe","hash":"22B9B35A804A7A3739CBD007E00959075AECF0FC"}}')
PASSWORD = "correct horse battery"


def now(seconds=0.0):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)


def iso(days):
    return now(86400 * days).strftime("%Y-%m-%dT%H:%M:%SZ")


def flow(src, port=6667, action="accept", seconds=-60):
    return FIREWALL.format(t=now(seconds), src=src, port=port, action=action)


def threat(user, host="PC-1", ip="10.20.30.44", name="Win32/Sample.A", seconds=-60):
    return ESET.format(t=now(seconds), user=user, host=host, ip=ip, name=name)


def ask(s, path):
    """An answer, held to its description."""
    answer, document = s.get(path), s.get("/api/v1/openapi.json")
    schema = document["paths"][path.split("?")[0]]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    conforms(document, schema, answer, path)
    return answer


def send(s, *lines):
    before = s.count()
    s.send_tcp(*lines)
    s.wait_count(before + len(lines))


def incidents(s, state="open"):
    return s.get(f"/api/v1/incidents?state={state}&limit=1000")["rows"]


def incident_of(s, ip, timeout=30):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = [row for row in incidents(s) if any(ip in str(host) for host in row["hosts"])]
        if found:
            return s.get(f"/api/v1/incidents/{found[0]['id']}")
        time.sleep(0.1)
    raise AssertionError(f"no incident of {ip}: {incidents(s)}")


def audited(s, action):
    return [a for a in map(json.loads, (s.data / "audit.ndjson").read_text().splitlines()) if a["action"] == action]


class Person:
    """Somebody with a role, logged in."""

    def __init__(self, s, name, role):
        run("user", "add", name, "--role", role, "--data", s.data, input=PASSWORD + "\n")
        self.s = s
        connection = http.client.HTTPConnection("127.0.0.1", s.http_port)
        connection.request("POST", "/api/v1/session", json.dumps({"user": name, "password": PASSWORD}), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        body = json.loads(answer.read())
        assert answer.status == 200, body
        self.head = {"Cookie": answer.getheader("Set-Cookie").split(";")[0], "X-CSRF-Token": body["csrf"], "Content-Type": "application/json"}

    def status(self, method, path, body=None):
        return self.s.request(method, path, json.dumps(body) if body else None, self.head, token=False)[0]


# ----------------------------------------------------------------- entities


def index(row):
    """Spec 2.12, from the inputs that are shown."""
    scores = sorted((source["sum_24h"] for source in row["sources"]), reverse=True)
    total = sum(score / (n + 1) ** 1.5 for n, score in enumerate(scores)) / 2.612
    odds = total / 100 / (1 - total / 100) * row["weight"]
    return total, 100 * odds / (1 + odds)


def test_one_act_that_three_firewalls_deny_is_no_incident(tmp_path):
    """Each of them alone comes to 50 points of the 100 that make an incident (spec 4.4: a group for each fact, not for each product)."""
    log, lines = tmp_path / "denied.log", []
    for n in range(3):
        to, time = f"198.51.100.{20 + n}", f"09:1{n}:09"
        lines += [f'<189>Nov 10 {time} fgt1 date=2025-11-10 time={time} devname="FW-EDGE" devid="FGT60F0000000001" type="traffic" subtype="forward" level="notice" '
                  f'srcip=10.20.1.235 srcport=4646{n} dstip={to} dstport=3389 policyid=6 proto=6 action="deny" service="RDP" tz="+0900"',
                  f'<164>Nov 10 {time} asa1 : %ASA-4-106023: Deny tcp src inside:10.20.1.235/4646{n} dst outside:{to}/3389 by access-group "inside_in" [0x0, 0x0]',
                  f"<4>Nov 10 {time} fw02 kernel: [876309.29] [UFW BLOCK] IN=eth1 OUT=eth0 SRC=10.20.1.235 DST={to} LEN=60 TOS=0x00 PREC=0x00 TTL=114 ID=65355 DF PROTO=TCP "
                  f"SPT=4646{n} DPT=3389 WINDOW=55813 RES=0x00 SYN URGP=0"]
    log.write_text("\n".join(lines) + "\n")
    found = rows("replay", "--format", "ndjson", log, env={"TZ": "Asia/Tokyo"})
    by = [(r["rule"], r["source_product"]) for r in found if r["kind"] == "finding" and not r.get("instrument")]
    assert len(by) == 9 and len(set(by)) == 3 and len({rule for rule, _ in by}) == 1
    assert not [r for r in found if r["kind"] == "incident"]


def test_the_risk_of_a_host_is_what_its_inputs_say_and_outlives_a_kill(server):
    s = server()
    send(s, flow("10.20.30.31"), flow("10.20.30.32", action="deny"))
    assert incident_of(s, "10.20.30.31")
    answer = ask(s, "/api/v1/risk/entities?kind=host")
    rows = {row["name"]: row for row in answer["rows"]}
    row = rows["10.20.30.31"]
    assert any(source["rule_id"] == IRC_RULE for source in row["sources"])
    total, risk = index(row)
    assert row["sum"] == pytest.approx(total, abs=0.1) and row["risk"] == pytest.approx(risk, abs=0.1)
    assert row["capped_24h"] == sum(source["counted_24h"] for source in row["sources"]) <= sum(source["sum_24h"] for source in row["sources"])
    assert row["watched"] is False and row["half_life_days"] == 3 and answer["promotion"] == 100
    s.stop()
    s.start()
    again = {row["name"]: row for row in ask(s, "/api/v1/risk/entities?kind=host")["rows"]}
    assert again["10.20.30.31"]["sources"] == row["sources"]
    assert s.request("GET", "/api/v1/risk/entities?kind=printer")[0] == 400
    assert s.request("GET", "/api/v1/risk/entities")[0] == 400
    assert audited(s, "risk.entities")


def test_risk_of_persons_is_for_those_who_may_see_persons(server):
    s = server()
    send(s, threat("t.sato"))
    analyst, auditor = Person(s, "ana", "analyst"), Person(s, "aud", "auditor")
    for path in ("/api/v1/risk/entities?kind=user", "/api/v1/risk/exposure?by=person"):
        assert analyst.status("GET", path) == 200 and auditor.status("GET", path) == 403, path
    assert auditor.status("GET", "/api/v1/risk/entities?kind=host") == 200
    assert auditor.status("GET", "/api/v1/incidents") == 200
    assert auditor.status("GET", "/api/v1/focus") == 403  # S69: those who are watched never see it
    seen = audited(s, "risk.entities")
    assert {(a["user"], a["status"]) for a in seen if "user" in a["object"]} >= {("ana", 200), ("aud", 403)}


RULE = """title: Port {port}
id: {id}
logsource: {{category: traffic}}
detection:
    selection: {{destination.port: {port}}}
    condition: selection
level: medium
hyakuyo: {{likelihood_ratio: 1.2, evidence_group: c2_flow}}
"""


def test_s121_the_risk_of_a_day_makes_an_incident(tmp_path):
    """Four weak rules of one fact, each twice: no confidence to speak of, but 200 > 100; two rules are not enough."""
    folder = tmp_path / "rules"
    folder.mkdir()
    ids = [f"{n}1111111-2222-4333-8444-555555555555" for n in range(1, 5)]
    for n, rule in enumerate(ids):
        (folder / f"r{n}.yml").write_text(RULE.format(port=4711 + n, id=rule))

    def found(rules):
        log = tmp_path / "fw.log"
        log.write_text("".join(flow("10.20.30.31", 4711 + n, seconds=-3600 + 60 * k) + "\n" for k in range(2) for n in range(rules)))
        rows = map(json.loads, run("replay", "--rules", folder, log).stdout.splitlines())
        return [row for row in rows if row["kind"] == "incident" and row.get("state") != "candidate"]
    assert found(2) == []
    assert found(4)[-1]["confidence"] < 0.3  # far from what promotes by itself


# ------------------------------------------------------------ unpatched, unprotected


AGENT = '<134>1 {t:%Y-%m-%dT%H:%M:%SZ} avmgr1 GuardOne - STATUS [e host="{host}" ip="{ip}" product="GuardOne" service="{service}" realtime="on" engine="7.6.1" pattern="2025.11.09.3" policy="STD" firewall="on"]'
PATCHES = ('<133>1 {t:%Y-%m-%dT%H:%M:%SZ} nac01 NAC - POSTURE [e host="{host}" ip="{ip}" mac="02:00:5e:00:00:01" user="u" result="compliant" missing_patch="KB5000001" '
           'patch_released="{released:%Y-%m-%dT%H:%M:%SZ}" patch_exploited="{exploited}" vlan="20"]')


def odds(p):
    return p / (1 - p)


def test_overdue_patches_and_a_failed_control_double_the_prior(server):
    """Spec 4.4: unpatched ×2, control failure ×2, the cap .1; hosts of which nothing is told keep the posture's prior."""
    s = server()
    def patches(number, days, exploited="false"):
        return PATCHES.format(t=now(-50), host=f"PC-{number}", ip=f"10.20.30.{number}", released=now(-86400 * days), exploited=exploited)
    def agent(number, service="running"):
        return AGENT.format(t=now(-45), host=f"PC-{number}", ip=f"10.20.30.{number}", service=service)
    send(s, flow("10.20.30.40", seconds=-40))
    plain = incident_of(s, "10.20.30.40")["reason"]["confidence"]
    assert plain["prior"] == pytest.approx(0.002) and "prior_factors" not in plain  # no antivirus was ever told of: none is missing
    send(s, patches(31, 4, "true"), agent(31), patches(32, 4), agent(32), agent(33, "stopped"), agent(35))
    run("user", "add", "ciso", "--role", "approver", "--data", s.data, input=PASSWORD + "\n")
    assert watch(s, subject="10.20.30.34")[0] == 201
    send(s, *[flow(f"10.20.30.{n}", seconds=1) for n in (31, 32, 33, 34, 35, 36)])
    expected = {31: ["unpatched host"], 32: [], 33: [], 34: ["antivirus missing", "focus watch"], 35: [], 36: ["antivirus missing"]}
    assert any(f["evidence_group"] == "agent_state" for f in incident_of(s, "10.20.30.33")["findings"])  # there the stop is evidence, and counts once
    for number, factors in expected.items():
        incident = incident_of(s, f"10.20.30.{number}")
        confidence = incident["reason"]["confidence"]
        assert confidence.get("prior_factors", []) == [{"factor": name, "value": 3 if name == "focus watch" else 2} for name in factors], number
        assert confidence["prior"] == pytest.approx(0.002 * math.prod(f["value"] for f in confidence.get("prior_factors", []))), number
        told = sum(group["log_odds"] for group in confidence["groups"])
        assert odds(confidence["posterior"]) == pytest.approx(odds(confidence["prior"]) * math.exp(told), rel=1e-6), number
    # recorded with the judgement
    number = incident_of(s, "10.20.30.34")["id"]
    entries = s.get(f"/api/v1/incidents/{number}/record")
    assert any(entry["action"] == "judge" for entry in entries["rows"])


# -------------------------------------------------------------- focus watch


def watch(s, **changes):
    return post(s, "/api/v1/focus", **{"kind": "host", "subject": "10.20.30.31", "reason": "visits listed domains", "owner": "ana", "approver": "ciso", "until": iso(14), **changes})


def test_s69_focus_watch_raises_the_prior_shows_in_the_queue_and_ends(server):
    s = server()
    run("user", "add", "ciso", "--role", "approver", "--data", s.data, input=PASSWORD + "\n")
    status, problem = watch(s, approver="nobody")
    assert status == 400 and "nobody" in json.dumps(problem)
    assert watch(s, until=iso(40))[0] == 400 and watch(s, until=iso(-1))[0] == 400  # at most 30 days
    status, entry = watch(s)
    assert status == 201
    send(s, flow("10.20.30.31", seconds=1), flow("10.20.30.32", seconds=1))
    watched, other = incident_of(s, "10.20.30.31"), incident_of(s, "10.20.30.32")
    assert watched["reason"]["confidence"]["prior"] == pytest.approx(3 * other["reason"]["confidence"]["prior"])
    assert watched["reason"]["confidence"]["prior_factors"] == [{"factor": "focus watch", "value": 3}]
    assert watched["confidence"] > other["confidence"]
    rows = {row["name"]: row for row in ask(s, "/api/v1/risk/entities?kind=host")["rows"]}
    assert rows["10.20.30.31"]["watched"] and rows["10.20.30.31"]["half_life_days"] == 14 and not rows["10.20.30.32"]["watched"]
    assert {row["hosts"][0]: row["focus_watch"] for row in incidents(s)} == {"10.20.30.31": True, "10.20.30.32": False}
    items = ask(s, "/api/v1/worklist")["rows"]
    assert any(item["focus_watch"] for item in items)
    assert s.request("DELETE", f"/api/v1/focus/{entry['id']}")[0] == 400  # removal needs a reason
    s.kill()
    s.start()
    assert [row["subject"] for row in ask(s, "/api/v1/focus")["rows"]] == ["10.20.30.31"]
    assert s.request("DELETE", f"/api/v1/focus/{entry['id']}?reason=explained")[0] == 204
    assert s.request("DELETE", f"/api/v1/focus/{entry['id']}?reason=again")[0] == 404
    assert ask(s, "/api/v1/focus")["rows"] == []
    [ended] = ask(s, "/api/v1/focus?ended=1")["rows"]
    assert ended["state"] == "ended" and ended["ended_reason"] == "explained" and ended["approver"] == "ciso"
    send(s, flow("10.20.30.33", seconds=1))
    assert "prior_factors" not in incident_of(s, "10.20.30.33")["reason"]["confidence"]
    assert audited(s, "focus.view") and audited(s, "focus.add") and audited(s, "focus.end")


def test_a_focus_watch_expires_by_itself(server):
    s = server()
    run("user", "add", "ciso", "--role", "approver", "--data", s.data, input=PASSWORD + "\n")
    until = now(2)
    assert watch(s, until=until.strftime("%Y-%m-%dT%H:%M:%SZ"))[0] == 201
    time.sleep(max(0, (until - now()).total_seconds()) + 0.1)
    assert ask(s, "/api/v1/focus")["rows"] == []
    assert [row["state"] for row in ask(s, "/api/v1/focus?ended=1")["rows"]] == ["expired"]
    send(s, flow("10.20.30.31", seconds=1))
    assert "prior_factors" not in incident_of(s, "10.20.30.31")["reason"]["confidence"]


# ------------------------------------------------------------- what remains


def residual(s):
    answer = ask(s, "/api/v1/risk/residual")
    return answer, {row["category"]: row for row in answer["rows"]}


def test_what_remains_is_unknown_without_its_sources_and_never_zero(server):
    s = server()
    answer, rows = residual(s)
    assert {name: row["missing"] for name, row in rows.items()} == {
        "known": "antivirus", "mail": "mail", "web": "web", "vulnerability": "patches", "zero_day": None, "targeted": "scenarios"}
    assert all(row["a_month"] is None for name, row in rows.items() if name != "zero_day")
    assert rows["zero_day"]["a_month"]["value"] == 0.01  # S74: a floor with an owner
    assert all(p["text"] and p["text_ja"] for p in answer["parameters"])
    send(s, *(threat(f"user{n}", f"PC-{n}", f"10.20.30.{n + 1}") for n in range(10)))
    answer, rows = residual(s)
    known = rows["known"]
    inputs = {i["input"]: i["estimate"] for i in known["inputs"]}
    assert known["known"] and known["a_month"]["low"] > 0
    assert inputs["detections_a_month"]["value"] == pytest.approx(10.5)
    # S70: exposure × (1 − effective coverage)
    assert known["a_month"]["value"] == pytest.approx(10.5 * (1 - inputs["effective_antivirus_coverage"]["value"]), rel=1e-4)
    assert answer["missed"]["value"] == pytest.approx(0.5 / 11, rel=1e-4)  # S5: ten by real-time scan, none later
    assert answer["new_names_share"] == 1  # S2
    status, _ = post(s, "/api/v1/risk/scenarios", title="Spear phishing of executives", impact="accounts", indicators="mail to few", controls="MFA", owner="lead", review=iso(90))
    assert status == 201
    assert residual(s)[1]["targeted"]["missing"] == "not_a_rate"  # S75


def test_s71_who_needs_care_with_mail_is_counted_once_by_four_signs(server):
    s = server()
    def event(user, **fields):
        return json.dumps({"@timestamp": now(-3600).strftime("%Y-%m-%dT%H:%M:%SZ"), "user": {"name": user}, **fields})
    mails = [event(f"user{n}", event={"category": ["email"]}, email={"direction": "inbound"}) for n in range(40) for _ in range(5)]
    mails += [event("boss", event={"category": ["email"]}, email={"direction": "inbound"}) for _ in range(120)]
    clicks = [event(user, event={"action": "drill-click"}) for user in ("user1", "USER1", "user2")]
    reports = [json.dumps({"ts": now(-3600).strftime("%Y-%m-%dT%H:%M:%SZ"), "form": "user-report", "by": user, "pc": "PC-1", "boxes": boxes})
               for user, boxes in (("user2", ["opened_odd_mail"]), ("user3", ["slow_or_odd", "opened_odd_mail"]), ("user4", ["slow_or_odd"]))]
    borne = [event("user5", event={"category": ["email", "malware"]}, hyakuyo={"malware": {"name": "Win32/Sample.A"}})]
    lines = mails + clicks + reports + borne
    before = s.count()
    assert s.post_records("mail", "\n".join(lines))[0] in (200, 202)
    s.wait_count(before + len(lines))
    send(s, threat("user9"))
    _, rows = residual(s)
    inputs = {i["input"]: i["estimate"]["value"] for i in rows["mail"]["inputs"]}
    assert {name: inputs[name] for name in ("mail_detections", "opened_reports", "heavy_mail")} == {"mail_detections": 1, "opened_reports": 2, "heavy_mail": 1}
    assert inputs["people_who_need_care"] == 5, "user1, user2, user3, user5, boss: each once"
    assert rows["mail"]["known"]
    assert rows["mail"]["a_month"]["value"] == pytest.approx(5 * inputs["p_open"] * inputs["p_undetected"], rel=1e-3)


def test_s1_the_gap_of_a_month_from_first_sight_to_detection(server):
    """A file that the host fetched on one day and its antivirus finds two days later: 48 hours."""
    s = server()
    found = now(-3600)
    def event(at, host, digest, **fields):
        return json.dumps({"@timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "host": {"name": host}, "file": {"hash": {"sha256": digest * 32}}, **fields})
    def sight(host, hours, digest):
        return event(found - datetime.timedelta(hours=hours), host, digest, event={"category": ["web"]})
    def verdict(host, digest):
        return event(found, host, digest, event={"category": ["malware"]}, hyakuyo={"malware": {"name": "Win32/Late.A"}, "scan": {"type": "scheduled"}}, observer={"product": "GuardOne"})
    lines = [sight("PC-1", 48, "a1"), sight("PC-2", 30, "b2"), sight("PC-3", 100, "c3"), sight("PC-4", 3, "d4"),
             verdict("PC-1", "a1"), verdict("PC-2", "b2"), verdict("PC-3", "c3"), verdict("PC-4", "d4"), verdict("PC-5", "e5")]
    assert s.post_records("av", "\n".join(lines))[0] in (200, 202)
    s.wait_count(len(lines))
    answer, _ = residual(s)
    month = (found + datetime.timedelta(hours=9)).strftime("%Y-%m")  # the installation is in Tokyo
    # the fourth was found within its first day, of the fifth nobody knows since when
    assert answer["gap_months"] == [{"month": month, "objects": 3, "median_hours": 48, "p90_hours": 100}]
    assert {row["host"] for row in s.get("/api/v1/fleet/hosts?question=late&state=late")["rows"]} == {"PC-1", "PC-2", "PC-3"}


def test_s78_an_acceptance_breaks_with_its_premise(server, tmp_path):
    s = server()
    run("user", "add", "ciso", "--role", "approver", "--data", s.data, input=PASSWORD + "\n")
    accept = {"category": "known", "decision": "accept", "reason": "within appetite", "owner": "lead", "approver": "ciso", "until": iso(300)}
    assert post(s, "/api/v1/risk/acceptances", **{**accept, "approver": "nobody"})[0] == 400
    assert post(s, "/api/v1/risk/acceptances", **{**accept, "until": iso(400)})[0] == 400  # at most 12 months
    assert post(s, "/api/v1/risk/acceptances", **{**accept, "category": "all"})[0] == 400
    send(s, *(threat(f"user{n}", f"PC-{n}", f"10.20.30.{n + 1}") for n in range(10)))
    status, entry = post(s, "/api/v1/risk/acceptances", **accept)
    assert status == 201
    # nobody is scanned in full: the premise is red, but not for seven days yet
    [row] = ask(s, "/api/v1/risk/acceptances")["rows"]
    assert row["details"]["decision"] == "accept" and row["details"]["estimate"]["a_month"]["value"] > 0
    assert row["details"]["red_since"] and not row["details"]["broken"]
    text = (ROOT / "content" / "risk.yml").read_text()
    (s.data / "risk.yml").write_text(text.replace("premise: {red_percent: 95, days: 7}", "premise: {red_percent: 95, days: 0}"))
    [after] = ask(s, "/api/v1/risk/acceptances")["rows"]
    assert after["details"]["broken"] and after["details"]["red_since"] == row["details"]["red_since"]
    assert after["details"]["estimate"] == row["details"]["estimate"]  # what was decided on stays as it was
    (s.data / "risk.yml").write_text(text.replace("p_open:", "p_shut:"))
    status, body = s.request("GET", "/api/v1/risk/residual")
    assert status == 500 and b"risk.yml" in body and b"p_open" in body
    (s.data / "risk.yml").unlink()
    assert s.request("DELETE", f"/api/v1/risk/acceptances/{entry['id']}?reason=treated")[0] == 204


def test_s39_exposure_ranks_by_shrunk_rates_and_is_unknown_without_launch_control(server, tmp_path):
    folder = tmp_path / "organisation"
    folder.mkdir()
    (folder / "users.csv").write_text("user,department,role,importance,host\n" + "".join(f"user{n},Sales,staff,2,PC-{n}\n" for n in range(30)))
    run("asset", "import", folder, "--data", tmp_path / "var")
    s = server()
    send(s, *(threat("user3", "PC-3", "10.20.30.4", f"Win32/Sample.{n}") for n in range(5)), threat("user7", "PC-7", "10.20.30.8"))
    answer = ask(s, "/api/v1/risk/exposure?by=person")
    names = [row["name"] for row in answer["rows"]]
    assert answer["total"] == 30 and answer["population_known"] and names[:2] == ["user3", "user7"]
    first, last = answer["rows"][0], answer["rows"][-1]
    assert first["detections"] == 5 and first["department"] == "Sales" and last["detections"] == 0
    assert last["rate_a_month"]["value"] > 0 and first["rate_a_month"]["value"] < 5  # shrunk both ways
    assert not first["known"] and first["risk_per_1000_days"] is None and first["launch_control"] is None
    assert audited(s, "risk.exposure")


LAUNCH = '<134>1 {t:%Y-%m-%dT%H:%M:%SZ} policy1 LaunchOne - STATUS [e host="{host}" control="launch-control" state="running" product="LaunchOne"]'


def test_s39_exposure_is_rate_times_missed_times_uncovered(server, tmp_path):
    folder = tmp_path / "organisation"
    folder.mkdir()
    (folder / "users.csv").write_text("user,department,role,importance,host\n" + "".join(f"user{n},Sales,staff,2,PC-{n}\n" for n in range(30)))
    (folder / "hosts.csv").write_text("ip,hostname,owner,department,importance,role,type\n" + "".join(f"10.20.30.{n + 1},PC-{n},user{n},Sales,2,staff,laptop\n" for n in range(30)))
    run("asset", "import", folder, "--data", tmp_path / "var")
    s = server()
    send(s, *(threat(f"user{n}", f"PC-{n}", f"10.20.30.{n + 1}") for n in range(30)), *(LAUNCH.format(t=now(-30), host=f"PC-{n}") for n in range(20)),
         *(threat("user3", "PC-3", "10.20.30.4", f"Win32/Other.{n}") for n in range(4)))
    web = {row["category"]: row for row in ask(s, "/api/v1/risk/residual")["rows"]}["web"]
    covered = {i["input"]: i["estimate"]["value"] for i in web["inputs"]}["launch_control_coverage"]
    assert covered == pytest.approx(20.5 / 31, rel=1e-4)
    answer = ask(s, "/api/v1/risk/exposure?by=person")
    first = answer["rows"][0]
    assert first["name"] == "user3" and first["detections"] == 5 and first["known"]
    wanted = first["rate_a_month"]["value"] * answer["missed"]["value"] * (1 - covered) * 1000 / 30
    assert first["risk_per_1000_days"]["value"] == pytest.approx(wanted, rel=1e-3)
    assert first["risk_per_1000_days"]["low"] < wanted < first["risk_per_1000_days"]["high"]
    levers = {lever["lever"]: lever["a_month"] for lever in first["would_be"]}
    assert first["lowers_most"] == min(levers, key=levers.get) and all(value > 0 for value in levers.values())
    [sales] = ask(s, "/api/v1/risk/exposure?by=department")["rows"]
    assert sales["name"] == "Sales" and sales["known"] and sales["detections"] == 30  # hosts a day


def test_s26_training_without_enough_cases_has_no_conclusion(server):
    s = server()
    assert post(s, "/api/v1/risk/trainings", department="Sales", topic="phishing", held=iso(-40), people=0)[0] == 400
    status, entry = post(s, "/api/v1/risk/trainings", department="Sales", topic="phishing", held=iso(-40), people=20)
    assert status == 201
    [row] = ask(s, "/api/v1/risk/trainings/effect")["rows"]
    assert row["effect"]["conclusion"] == "none" and row["effect"]["ratio"] is None
    assert row["person_months_before"] == pytest.approx(60) and row["person_months_after"] == pytest.approx(20 * 40 / 30, rel=1e-3)
    assert s.request("DELETE", f"/api/v1/risk/trainings/{entry['id']}?reason=mistake")[0] == 204
    assert ask(s, "/api/v1/risk/trainings/effect")["rows"] == []


# ---------------------------------------------------- work list, calibration


def wait_incidents(s, wanted, timeout=60):
    deadline = time.monotonic() + timeout
    while len(incidents(s)) < wanted and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(incidents(s)) == wanted
    return incidents(s)


def hosts(count, third=40):
    return [f"10.20.{third + n // 200}.{n % 200 + 1}" for n in range(count)]


def test_s107_identical_alarms_are_one_item_and_sleep_until_their_time(server):
    s = server()
    send(s, *(flow(ip, action="deny") for ip in hosts(30)), flow("10.20.99.1", action="accept"))
    wait_incidents(s, 31)
    work = ask(s, "/api/v1/worklist")
    assert work["limit"] == 20 and work["open_incidents"] == 31 and work["items"] == len(work["rows"])
    big = next(item for item in work["rows"] if item["count"] == 30)
    assert len(big["incidents"]) == 30 and work["rows"][0]["count"] == 1  # what got through comes first
    one = ask(s, "/api/v1/worklist?limit=1")
    assert len(one["rows"]) == 1 and one["beyond_limit"] == one["items"] - 1
    assert post(s, "/api/v1/worklist/snoozes", item=big["item"], reason="known scanner", until=iso(60))[0] == 400
    until = now(3)
    status, _ = post(s, "/api/v1/worklist/snoozes", item=big["item"], reason="known scanner", until=until.strftime("%Y-%m-%dT%H:%M:%SZ"))
    assert status == 201
    asleep = ask(s, "/api/v1/worklist")
    assert asleep["snoozed"] == 1 and big["item"] not in [item["item"] for item in asleep["rows"]]
    assert asleep["snoozes"][0]["reason"] == "known scanner"
    time.sleep(max(0, (until - now()).total_seconds()) + 0.1)
    assert big["item"] in [item["item"] for item in ask(s, "/api/v1/worklist")["rows"]]


def close_all(s, state):
    for row in incidents(s):
        if state == "false_positive":  # wants something that shows it (spec 3.7)
            assert post(s, f"/api/v1/incidents/{row['id']}/evidence", type="log", purpose="false_alarm", description="an approved program")[0] == 201
        status, body = s.request("PATCH", f"/api/v1/incidents/{row['id']}", json.dumps({"state": state, "note": "looked at"}), {"Content-Type": "application/json"})
        assert status == 200, body


def test_s107_a_checklist_in_turn_a_note_for_the_next_shift_and_what_people_handle(server):
    s = server()
    before = ask(s, "/api/v1/worklist")
    assert before["load"] == {"days": 30, "analyst_days": 0, "items_per_analyst_day": None, "closed": 0, "median_handling_minutes": None}
    assert len(before["checklist"]) == 2 and all(check["en"] and check["ja"] for check in before["checklist"]) and before["checklist"] == ask(s, "/api/v1/worklist")["checklist"]
    send(s, *(flow(ip) for ip in hosts(6)))
    wait_incidents(s, 6)
    close_all(s, "false_positive")
    load = ask(s, "/api/v1/worklist")["load"]
    assert load["analyst_days"] == 1 and load["items_per_analyst_day"] == 6 and load["closed"] == 6 and 0 <= load["median_handling_minutes"] < 5
    assert post(s, "/api/v1/worklist/handovers", note="PC-1 is not clean yet", to="night shift", until=iso(8))[0] == 400
    status, made = post(s, "/api/v1/worklist/handovers", note="PC-1 is not clean yet", to="night shift", until=iso(1))
    assert status == 201
    notes = ask(s, "/api/v1/worklist")["handovers"]
    assert [(note["note"], note["to"]) for note in notes] == [("PC-1 is not clean yet", "night shift")] and notes[0]["by"]
    assert s.request("DELETE", f"/api/v1/worklist/handovers/{made['id']}?reason=done", None, {})[0] in (200, 204)
    assert ask(s, "/api/v1/worklist")["handovers"] == []


def test_closed_incidents_teach_once_a_lead_adopts_it(server):
    """Spec 4.4: uncalibrated below 50; a rule that is always wrong here loses weight, with its numbers shown; and is proposed for tuning (S107)."""
    s = server()
    send(s, *(flow(ip) for ip in hosts(30)))
    wait_incidents(s, 30)
    close_all(s, "false_positive")
    taught = ask(s, "/api/v1/calibration")
    assert taught["not_real"] == 30 and taught["needed"] == 50 and not taught["calibrated"] and taught["adopted"] is None
    status, problem = post(s, "/api/v1/calibration", reason="quarter")
    assert status == 409 and "50" in json.dumps(problem)
    send(s, *(flow(ip) for ip in hosts(30, third=50)))
    wait_incidents(s, 30)
    close_all(s, "false_positive")
    taught = ask(s, "/api/v1/calibration")
    assert taught["calibrated"] and 0 <= taught["brier_learned"] < taught["brier_content"]
    ratio = next(row for row in taught["ratios"] if row["rule_id"] == IRC_RULE)
    assert ratio["not_real"] == 60 and ratio["ratio"] < ratio["content"]
    assert IRC_RULE in [row["rule_id"] for row in ask(s, "/api/v1/worklist")["tuning"]]
    send(s, flow("10.20.60.1"))
    before = incident_of(s, "10.20.60.1")
    status, entry = post(s, "/api/v1/calibration", reason="quarter")
    assert status == 201, entry
    adopted = [row for row in ask(s, "/api/v1/record?limit=20")["rows"] if row["target"] == f"calibration/{entry['id']}"]
    assert len(adopted) == 1 and any(c["table"] == "risk_register" and c["id"] == entry["id"] for c in adopted[0]["changes"])
    s.kill()
    s.start()
    send(s, *(line for port in (6667, 6668) for line in (flow("10.20.60.2", port),)), flow("10.20.60.1", 6669))
    deadline = time.monotonic() + 30
    while incident_of(s, "10.20.60.1")["reason"]["criteria"] == before["reason"]["criteria"] and time.monotonic() < deadline:
        time.sleep(0.1)
    after = incident_of(s, "10.20.60.1")
    assert after["reason"]["criteria"] == before["reason"]["criteria"] + f"+c{entry['id']}"
    assert after["confidence"] < before["confidence"] and after["reason"]["confidence"]["calibrated"]
    items = [item for group in after["reason"]["confidence"]["groups"] for item in group["items"]]
    irc = next(item for item in items if item["rule_id"] == IRC_RULE)
    assert irc["origin"] == "learned" and irc["learned_from"] == 60 and irc["likelihood_ratio"] == pytest.approx(ratio["ratio"], rel=1e-6)
    assert irc["content_ratio"] == ratio["content"]
    # reopening counts at once, in what is shown
    closed = incidents(s, "closed")[0]["id"]
    assert s.request("PATCH", f"/api/v1/incidents/{closed}", json.dumps({"state": "reopened", "note": "it goes on"}), {"Content-Type": "application/json"})[0] == 200
    assert ask(s, "/api/v1/calibration")["not_real"] == 59
    assert s.request("DELETE", f"/api/v1/calibration/{entry['id']}?{urllib.parse.urlencode({'reason': 'no longer'})}")[0] == 204
    assert ask(s, "/api/v1/calibration")["adopted"] is None
