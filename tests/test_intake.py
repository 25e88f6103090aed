"""Reports of users (S80-S86): the form without log-in, its limits, the event and finding it becomes, what the logs are asked, the help desk."""
import datetime
import json
import sqlite3
import time

import pytest

from conftest import run
from test_console_http import conforms
from test_judgement import LINE
from test_workflow import Person

PC, OTHER = "10.20.30.31", "10.20.30.32"
HOSTS = ("ip,hostname,department,owner,importance,type\n" f"{PC},PC-SALES-031,Sales,t.sato,2,client\n" f"{OTHER},PC-FIN-002,Finance,,3,client\n")
PEOPLE = {"hori": "helpdesk", "audit1": "auditor", "hata": "department", "boss": "department"}
HEADERS = {"Content-Type": "application/json"}


class Desk:
    def __init__(self, server, folder):
        assets = folder / "assets"
        assets.mkdir()
        (assets / "hosts.csv").write_text(HOSTS)
        (assets / "networks.csv").write_text("cidr,department,zone\n10.20.0.0/16,,office\n")
        (assets / "users.csv").write_text("user,department,role\nhata,Sales,staff\nboss,Finance,staff\n")
        (assets / "contacts.csv").write_text("role,position,person,phone,hours\nhelpdesk,primary,Hori Secret,0120-000-110,24h\nlead,primary,Mori,000,\n")
        run("asset", "import", assets, "--data", folder / "var")  # before the start: known from the first request on
        self.server = server("--seal-after-ms", 300)

    def person(self, name):
        """Somebody who is known from now on, and logged in."""
        run("user", "add", name, "--role", PEOPLE[name], "--data", self.server.data, input="correct horse battery\n")
        return Person(self.server, name)

    def send(self, path="", wanted=201, headers=None, **members):
        status, body = self.server.request("POST", "/api/v1/report" + path, json.dumps(members), {**HEADERS, **(headers or {})}, token=False)
        assert status == wanted, (status, body)
        return json.loads(body) if body else None

    def wait(self, number, done, seconds=60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            report = self.server.get(f"/api/v1/intake/{number}")
            if done(report):
                return report
            time.sleep(0.1)
        raise AssertionError(report)


@pytest.fixture
def desk(server, tmp_path):
    return Desk(server, tmp_path)


def test_the_form_without_log_in(desk):
    status, body = desk.server.request("GET", "/api/v1/report", token=False)
    form = json.loads(body)
    assert status == 200
    assert [symptom["id"] for symptom in form["symptoms"]] == ["opened_odd_mail", "visited_odd_site", "slow_or_odd", "net_icon_always_on"]  # S81-S84
    assert [step["id"] for step in form["steps"]][:3] == ["connector_pulled", "power_left_on", "hands_off"]  # S85
    assert form["phones"] == [{"phone": "0120-000-110", "hours": "24h"}] and form["pc"] == ""
    assert b"Secret" not in body and b"PC-" not in body  # nothing of the organisation
    text = '<script>alert("x")</script> 急に重くなりました'
    receipt = desk.send(symptoms="slow_or_odd;net_icon_always_on", text=text, pc="PC-SALES-031", reporter="t.sato", contact="t.sato@office.example",
                        done="restarted")
    assert set(receipt) == {"number", "key", "received", "phones", "ticks"} and receipt["ticks"][0]["step"] == "restarted"
    number, key = receipt["number"], receipt["key"]
    assert [t["step"] for t in desk.send("/ticks", 200, number=number, key=key, step="connector_pulled")["ticks"]] == ["restarted", "connector_pulled"]
    first = desk.send("/ticks", 200, number=number, key=key, step="connector_pulled")["ticks"][1]["ticked"]
    report = desk.wait(number, lambda r: r["stored"] and r["looked"])
    assert report["ticks"][1]["ticked"] == first and report["ticks"][1]["who"] == "anonymous"
    assert report["text"] == text and report["host"] == "PC-SALES-031" and report["ip"] == PC and report["department"] == "Sales"
    desk.server.wait_count(1, "event.dataset:user-report")
    event = desk.server.query("event.dataset:user-report")[0]
    assert event["message"] == text and event["host"]["name"] == "PC-SALES-031" and event["user"]["name"] == "t.sato"
    assert event["hyakuyo"]["department"] == "Sales"
    verified = run("verify", "--data", desk.server.data)
    assert verified.returncode == 0


def test_refusals(desk):
    receipt = desk.send(text="first")
    desk.send(wanted=400, text="  ")
    desk.send(wanted=400, symptoms="nothing_known")
    desk.send(wanted=400, text="x" * 4001)
    desk.send(wanted=413, text="x" * 40000)
    desk.send(wanted=403, text="x", headers={"Origin": "https://evil.example"})
    desk.send(wanted=415, text="x", headers={"Content-Type": "text/plain"})
    wrong = desk.send("/ticks", 404, number=receipt["number"], key="0" * 24, step="called")
    nobody = desk.send("/ticks", 404, number=999, key=receipt["key"], step="called")
    assert wrong["detail"] == nobody["detail"]
    desk.send("/ticks", 400, number=receipt["number"], key=receipt["key"], step="format_disk")
    for path in ("/api/v1/intake", f"/api/v1/intake/{receipt['number']}"):
        assert desk.server.request("GET", path, token=False)[0] == 401
    known, unknown = desk.send(text="x", pc="PC-SALES-031"), desk.send(text="x", pc="NO-SUCH-PC")
    assert set(known) == set(unknown) and known["phones"] == unknown["phones"]  # the answer does not tell which computers there are
    statuses = [desk.server.request("POST", "/api/v1/report", json.dumps({"text": "x"}), HEADERS, token=False)[0] for _ in range(12)]
    assert 201 in statuses and statuses[-1] == 429


def test_the_form_can_be_switched_off(server):
    s = server("--report-limit", 0)
    assert s.request("GET", "/api/v1/report", token=False)[0] == 404
    status, body = s.request("POST", "/api/v1/report", json.dumps({"text": "x"}), HEADERS, token=False)
    assert status == 404 and "help desk" in json.loads(body)["detail"]
    assert s.get("/api/v1/intake")["form_is_on"] is False


def lines(now):
    """An hour of the office: a mail, its attachment, pages, a program that nobody else runs."""
    at = lambda minutes: now - datetime.timedelta(minutes=minutes)
    bsd = lambda minutes: at(minutes).strftime("%b %e %H:%M:%S")
    squid = lambda minutes, ip, url: f"{at(minutes).timestamp():.3f}    120 {ip} TCP_MISS/200 5120 GET {url} t.sato HIER_DIRECT/198.51.100.9 text/html"
    iso = lambda minutes: at(minutes).isoformat()
    process = lambda minutes, host, ip, path: json.dumps({"@timestamp": iso(minutes), "event": {"category": ["process"], "type": ["start"], "action": "start"},
                                                          "host": {"name": host, "ip": [ip]}, "process": {"executable": path, "name": path.split("\\")[-1]}})
    return {
        "mail": [f"<22>{bsd(50)} mail01 postfix/smtp[123]: 4bX7Q1: to=<t.sato@office.example>, relay=10.10.0.30[10.10.0.30]:25, delay=0.5, "
                 "delays=0.1/0/0.1/0.3, dsn=2.0.0, status=sent (250 ok)"],
        "qmgr": [f"<22>{bsd(51)} mail01 postfix/qmgr[99]: 4bX7Q1: from=<billing@invoice.example>, size=48211, nrcpt=2 (queue active)",
                 f"<22>{bsd(50)} mail01 postfix/smtp[123]: 4bX7Q1: to=<a.boss@office.example>, relay=10.10.0.30[10.10.0.30]:25, delay=0.5, "
                 "delays=0.1/0/0.1/0.3, dsn=2.0.0, status=sent (250 ok)",
                 f"<22>{bsd(50)} mail01 postfix/smtp[123]: 5cY8R2: to=<a.boss@office.example>, relay=10.10.0.30[10.10.0.30]:25, delay=0.5, "
                 "delays=0.1/0/0.1/0.3, dsn=2.0.0, status=sent (250 ok)"],
        "proxy": [squid(20, PC, "http://rare.codec-plugin.example/a.exe"), squid(19, PC, "http://news.common.example/"),
                  squid(18, OTHER, "http://news.common.example/"), squid(17, "10.20.30.33", "http://news.common.example/")],
        "process": [process(15, "PC-SALES-031", PC, "C:\\Windows\\Temp\\odd.exe"), process(15, "PC-SALES-031", PC, "C:\\common.exe"),
                    process(14, "PC-FIN-002", OTHER, "C:\\common.exe"), process(14, "PC-X", "10.20.30.33", "C:\\common.exe")],
    }


def test_what_the_logs_had_is_attached(desk):
    now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9)))
    for source, batch in lines(now).items():
        assert desk.server.post_records(source, "\n".join(batch) + "\n")[0] == 200
    desk.server.wait_count(12)
    number = desk.send(symptoms="opened_odd_mail;visited_odd_site;slow_or_odd;net_icon_always_on", pc="pc-sales-031", reporter="t.sato")["number"]
    report = desk.wait(number, lambda r: r["looked"])
    looks = {look["look"]: look for look in report["looks"]}
    mails = json.dumps(looks["mails"]["found"])  # S81: this mail, who sent it and who else received it
    assert {row["email.local_id"] for row in looks["mails"]["found"]} == {"4bX7Q1"} and looks["mails"]["hits"] == 3
    assert "billing@invoice.example" in mails and "a.boss@office.example" in mails
    assert looks["mails"]["status"] == "found" and len(looks["mails"]["sha256"]) == 64
    assert any("rare.codec-plugin.example" in row["url.original"] for row in looks["pages"]["found"])  # S82
    rare = {row["url.domain"]: row for row in looks["rare_sites"]["found"]}
    assert set(rare) == {"rare.codec-plugin.example"} and rare["rare.codec-plugin.example"]["computers"] == 1
    assert [row["process.executable"] for row in looks["rare_processes"]["found"]] == ["C:\\Windows\\Temp\\odd.exe"]  # S83
    assert looks["traffic"]["status"] in ("found", "nothing") and looks["connections"]["hits"] >= 1  # S84
    assert looks["connections"]["found"][0]["z"] is None  # less than a day is known: unknown, not fine
    assert looks["antimalware"]["status"] == "nothing"
    before = len(report["looks"])
    desk.person("hori").do("POST", f"/api/v1/intake/{number}/looks", 202)
    desk.wait(number, lambda r: len(r["looks"]) == 2 * before)


def test_an_unusual_hour_stands_out(desk):
    """S84: the icon is lit all the time: bytes and connections against this computer's own hours."""
    now = datetime.datetime.now().timestamp()
    squid = lambda at, ip: f"{at:.3f}    120 {ip} TCP_MISS/200 5120 GET http://a.example/ - HIER_DIRECT/198.51.100.9 text/html"
    hour = now - now % 3600
    usual = [squid(hour - 3600 * h + 60 * i, PC) for h in range(4, 76) for i in range(1 + h % 2)]  # one and two in turn
    unusual = [squid(now - 20 - i, PC) for i in range(90)]
    others = [squid(now - 30 - i, OTHER) for i in range(500)]  # somebody else's traffic counts for nothing
    assert desk.server.post_records("proxy", "\n".join(usual + unusual + others) + "\n")[0] == 200
    desk.server.wait_count(len(usual) + len(unusual) + len(others))
    number = desk.send(symptoms="net_icon_always_on", pc="PC-SALES-031")["number"]
    report = desk.wait(number, lambda r: r["looked"])
    found = next(look for look in report["looks"] if look["look"] == "connections")["found"]
    highest = max(found, key=lambda row: row["value"])
    assert sum(row["value"] for row in found) == 90 and 1.2 < highest["usual"] < 1.6 and highest["z"] > 10, found


def test_the_inventory_knows_the_own_computer(desk, tmp_path):
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "hosts.csv").write_text(HOSTS + "127.0.0.1,PC-DESK-001,Finance,,2,client\n")
    run("asset", "import", folder, "--data", desk.server.data)
    deadline = time.monotonic() + 60
    own = lambda: json.loads(desk.server.request("GET", "/api/v1/report", token=False)[1])["pc"]
    while own() == "" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert own() == "PC-DESK-001"
    report = desk.server.get(f"/api/v1/intake/{desk.send(text='odd')['number']}")
    assert report["host"] == "PC-DESK-001" and report["ip"] == "127.0.0.1" and report["department"] == "Finance"
    written = desk.server.get(f"/api/v1/intake/{desk.send(text='odd', pc='10.20.30.32')['number']}")
    assert written["host"] == "PC-FIN-002" and written["ip"] == OTHER  # what is written comes first
    desk.send("/read", 204)
    assert [(row["department"], row["count"]) for row in desk.server.get("/api/v1/intake")["read"]] == [("Finance", 1)]


def test_the_leases_suggest_the_computer_and_no_header_does(desk):
    """Who held the sender's address now, by a lease; only the connection says which address that is."""
    own = lambda **headers: json.loads(desk.server.request("GET", "/api/v1/report", None, headers, token=False)[1])["pc"]
    assert own() == ""
    now = time.time_ns()
    hour = 3600 * 10**9
    held = [("127.0.0.1", "", "PC-BEFORE-6", now - 9 * hour, now - hour), ("127.0.0.1", "02-00-5e-00-00-07", "", now - hour, now + hour),
            ("10.20.30.77", "", "PC-OTHER-8", now - hour, now + hour)]
    with sqlite3.connect(desk.server.data / "state.db", timeout=30) as db:  # nothing leases the loopback, so the rows are put there
        put = "INSERT INTO identity (relation, weak, key, mac, host, user, session, by, from_ns, to_ns, limit_ns, learned, ended) VALUES (?, 0, ?, ?, ?, '', '', 'dhcp', ?, ?, ?, 1, 0)"
        for key, mac, host, begins, ends in held:
            db.execute(put, (0, key, mac, host, begins, ends, ends))
        db.execute(put, (1, held[1][1], "", "PC-LEASED-7", now - hour, now + hour, now + hour))
    assert own() == "PC-LEASED-7"
    assert own(**{"X-Forwarded-For": "10.20.30.77", "Forwarded": "for=10.20.30.77"}) == "PC-LEASED-7"
    report = desk.server.get(f"/api/v1/intake/{desk.send(text='odd')['number']}")
    assert report["host"] == "" and report["pc"] == ""  # suggested, and not confirmed


def test_whatever_is_written_stays_text(desk):
    """Texts of strangers become neither questions nor fields nor markup."""
    odd = 'x" or * | head 9 \\ " ) \n {"form":"order"} \u0007 <img src=x onerror=alert(1)>'
    number = desk.send(symptoms="opened_odd_mail;visited_odd_site;slow_or_odd;net_icon_always_on", text=odd, pc=odd, reporter=odd, contact=odd + "@", location=odd)["number"]
    other = desk.send(symptoms="slow_or_odd", pc="*", reporter="*", contact="*@*")["number"]
    report = desk.wait(number, lambda r: r["looked"])
    assert all(look["status"] in ("unknown", "nothing") for look in report["looks"]), report["looks"]
    assert report["text"] == odd.strip() and report["pc"] == odd.strip() and report["host"] == ""
    assert all(look["status"] in ("unknown", "nothing") for look in desk.wait(other, lambda r: r["looked"])["looks"])  # * is no pattern here
    desk.server.wait_count(2, "event.dataset:user-report")
    event = next(e for e in desk.server.query("event.dataset:user-report") if e["hyakuyo"]["report"]["number"] == str(number))
    assert event["message"] == odd.strip() and "name" not in event.get("host", {}) and event["event"]["action"] == "user-report"


def test_nobody_to_look_for_is_unknown(desk):
    number = desk.send(symptoms="opened_odd_mail", pc="??", text="no name")["number"]
    report = desk.wait(number, lambda r: r["looked"])
    assert {look["status"] for look in report["looks"]} == {"unknown"} and report["host"] == "" and report["incident"] == 0


def test_it_joins_the_incident_of_that_computer(desk):
    server = desk.server
    now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9)))
    line = LINE.format(time="09:13:01", ip=PC, action="accept").strip().replace("2025-11-10", now.strftime("%Y-%m-%d")).replace("09:13:01", now.strftime("%H:%M:%S"))
    server.send_tcp(line)
    number = desk.send(symptoms="slow_or_odd;net_icon_always_on", pc="PC-SALES-031")["number"]
    report = desk.wait(number, lambda r: r["incident"] and r["told"])
    incident = server.get(f"/api/v1/incidents/{report['incident']}")
    said = [finding for finding in incident["findings"] if finding["evidence_group"] == "user_report"]
    assert [finding["rule_id"] for finding in said] == ["5e0e1d0c-8f0e-5b3c-9a52-6c6f9d4f1b21"]  # two boxes: 8, and not 3 besides
    assert said[0]["likelihood_ratio"] == 8 and len(incident["findings"]) >= 2
    assert incident["state"] != "candidate" and report["status"] == "linked"
    assert [row["id"] for row in server.get(f"/api/v1/intake?state=all&incident={report['incident']}")["rows"]] == [number]
    assert server.get("/api/v1/intake?state=all&incident=4711")["rows"] == []
    entries = server.get(f"/api/v1/incidents/{report['incident']}/entries")["rows"]
    assert any(f"U{number}" in entry["text"] for entry in entries)
    items = [item for item in server.get(f"/api/v1/incidents/{report['incident']}/evidence")["rows"] if "work_report_look" in item["location"]]  # spec 3.6
    assert items and sorted(item["sha256"] for item in items) == sorted(look["sha256"] for look in report["looks"])
    assert {item["acquired_by"] for item in items} == {"hyakuyo"} and all(item["tool"].startswith("hyakuyo ") and item["size"] for item in items)


def test_the_help_desk_works_it_to_the_end(desk):
    hori, audit, hata, boss = (desk.person(name) for name in ("hori", "audit1", "hata", "boss"))
    asked = hori.do("POST", "/api/v1/intake", 201, symptoms="visited_odd_site", pc="PC-SALES-031", reporter="t.sato", contact="内線 4031", location="3F",
                    done="connector_pulled;power_left_on")
    number = asked["id"]
    assert asked["channel"] == "phone" and asked["entered_by"] == "hori" and len(asked["ticks"]) == 2
    rows = hori.get("/api/v1/intake")["rows"]
    assert [row["id"] for row in rows] == [number] and rows[0]["contact"] == "内線 4031" and rows[0]["is_late"] is False
    desk.wait(number, lambda r: r["looked"])
    seen = audit.get(f"/api/v1/intake/{number}")  # an auditor sees that there is a report, not who said what
    assert seen["symptoms"] == ["visited_odd_site"] and not seen["contact"] and not seen["reporter"] and all(look["found"] == [] for look in seen["looks"])
    audit.do("PATCH", f"/api/v1/intake/{number}", 403, status="taken")
    assert hata.get(f"/api/v1/intake/{number}")["department"] == "Sales"
    boss.do("GET", f"/api/v1/intake/{number}", 404)
    assert boss.get("/api/v1/intake")["rows"] == []
    taken = hori.do("PATCH", f"/api/v1/intake/{number}", status="taken")
    assert taken["taken_by"] == "hori" and taken["taken"]
    earlier = (datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=3)).isoformat().replace("+00:00", "Z")
    ticked = hori.do("POST", f"/api/v1/intake/{number}/ticks", step="called", happened=earlier)
    assert ticked["ticks"][-1]["who"] == "hori" and ticked["ticks"][-1]["ticked"][:16] == earlier[:16]
    other = hori.do("POST", "/api/v1/intake", 201, text="somebody's computer, the caller hung up")["id"]  # no computer: nothing joins it by itself
    hori.do("PATCH", f"/api/v1/intake/{other}", 400, status="linked")
    hori.do("PATCH", f"/api/v1/intake/{other}", 404, status="linked", incident=4711)
    joined = desk.wait(number, lambda r: r["incident"])["incident"]
    alone = desk.server.get(f"/api/v1/incidents/{joined}")  # one sign is weak evidence: a candidate of low confidence, no incident
    assert alone["confidence_level"] == 1 and alone["state"] == "candidate" and alone["findings"][0]["likelihood_ratio"] == 3
    assert hori.do("PATCH", f"/api/v1/intake/{other}", status="linked", incident=joined)["incident"] == joined
    hori.do("PATCH", f"/api/v1/intake/{other}", status="closed", reason="duplicate")
    hori.do("PATCH", f"/api/v1/intake/{number}", 400, status="closed")
    closed = hori.do("PATCH", f"/api/v1/intake/{number}", status="closed", reason="harmless", note="an update ran")
    assert closed["status"] == "closed" and closed["closed_by"] == "hori"
    hori.do("PATCH", f"/api/v1/intake/{number}", 409, status="taken")
    assert hori.get("/api/v1/intake")["rows"] == [] and len(hori.get("/api/v1/intake?state=all")["rows"]) == 2
    record = desk.server.get("/api/v1/record?limit=500")["rows"]
    mine = [entry for entry in record if entry["target"] == f"user_report/{number}"]
    assert {"report", "execute", "close"} <= {entry["action"] for entry in mine}
    assert any(change["field"] == "status" and change["new"] == "closed" for entry in mine for change in entry["changes"])
    assert all("内線" not in json.dumps(entry["changes"], ensure_ascii=False) for entry in mine)  # persons stay out of what cannot be erased
    assert run("verify", "--data", desk.server.data).returncode == 0


def test_a_report_is_one_event_through_a_crash(desk):
    server = desk.server
    number = desk.send(symptoms="slow_or_odd", pc="PC-SALES-031")["number"]
    server.kill()
    server.start()
    desk.wait(number, lambda r: r["stored"] and r["looked"])
    server.wait_count(1, "event.dataset:user-report")
    server.stop()
    database = sqlite3.connect(server.data / "state.db")
    database.execute("UPDATE work_user_report SET stored = 0, looked = 0")
    database.commit()
    database.close()
    server.start()
    desk.wait(number, lambda r: r["stored"] and r["looked"])
    assert server.count("event.dataset:user-report") == 1  # the same key: the journal knows it


def test_silence_is_measured_from_the_report(desk):
    number = desk.send(symptoms="slow_or_odd", pc="PC-SALES-031")["number"]
    assert desk.wait(number, lambda r: r["stored"])["seconds_to_silence"] == 0
    later = datetime.datetime.now().timestamp() + 90
    desk.server.post_records("proxy", f"{later:.3f}    120 {PC} TCP_MISS/200 5120 GET http://a.example/ - HIER_DIRECT/198.51.100.9 text/html\n")
    report = desk.wait(number, lambda r: r["seconds_to_silence"])
    assert 60 <= report["seconds_to_silence"] <= 120 and report["last_seen"]


def test_readings_are_counted_by_department(desk):
    for _ in range(3):
        desk.send("/read", 204)
    read = desk.server.get("/api/v1/intake")["read"]
    assert [(row["department"], row["count"]) for row in read] == [("", 3)]


def test_answers_are_as_openapi_describes_them(desk):
    document = desk.server.get("/api/v1/openapi.json")
    number = desk.send(symptoms="slow_or_odd", pc="PC-SALES-031")
    desk.send("/read", 204)
    report = desk.wait(number["number"], lambda r: r["looked"])
    form = json.loads(desk.server.request("GET", "/api/v1/report", token=False)[1])
    for name, answer in (("ReportForm", form), ("ReportReceipt", number), ("IntakeList", desk.server.get("/api/v1/intake")), ("IntakeDetail", report)):
        conforms(document, {"$ref": f"#/components/schemas/{name}"}, answer, name)
