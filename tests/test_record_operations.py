"""Every operation of the API that changes something leaves its entry (S167; spec 3.8): performed for real, by people with their roles. A new
operation fails here until somebody performs it too, or says why it changes nothing."""
import contextlib
import fnmatch
import hashlib
import json
import re
import shutil
import sqlite3
import time

import pytest

from conftest import ROOT, Server, run
from test_intake import HEADERS
from test_intel import wait
from test_preview import RULE
from test_proof import IRC_RULE
from test_record import first_bad, tamper
from test_registers import SECTIONS, agreed
from test_retrospect import send_known_late
from test_workflow import CFO, NOBODY, SALES, Office, Person, soon, work

NOTHING_CHANGES = {
    "checkRule": "checks a text and forgets it",
    "startPreview": "a job in memory that reads stored events",
    "sendRecords": "records of sources are events: the journal and the checkpoints hold them",
}
ELSEWHERE = {  # it takes a long time to get there
    "createFirstUser": "test_the_first_user_is_recorded below: only where there is no user yet",
    "confirmPosture": "Orange, and four hours of quiet; the same transaction as every decision about the posture (src/desk/desk_ask.c)",
    "adoptCalibration": "50 closed incidents: tests/test_risk.py; the same register as the others",
    "withdrawCalibration": "tests/test_risk.py",
}
CHANNELS = """retry: {first_seconds: 1, longest_seconds: 1, give_up_seconds: 1}
channels:
  - {name: siem, type: syslog, url: 'udp://127.0.0.1:9'}
  - {name: broken, type: syslog, url: 'tcp://127.0.0.1:1'}
"""
CONNECTORS = """retry: {first_seconds: 1, longest_seconds: 1, give_up_seconds: 1}
connectors:
  - {name: broken, kind: command, on: true, serves: [dns], program: /bin/false, carry_out: []}
"""
EARLY = "2027-01-01T00:00:00Z"


def operations():
    paths = json.loads((ROOT / "src/console/openapi.json").read_text())["paths"]
    return {operation["operationId"]: (method.upper(), path) for path, methods in paths.items() for method, operation in methods.items()
            if method in ("post", "put", "patch", "delete")}


class Walk:
    """Performs operations and looks after each what the record says of it."""

    def __init__(self, office):
        self.office, self.done = office, set()
        self.operations = operations()

    def entries(self, after):
        return [row for row in self.office.server.get("/api/v1/record?limit=200")["rows"] if row["seq"] > after]

    def __call__(self, operation, who, path, thing, /, wanted=(200, 201, 204), actor=None, **body):
        """`thing`: the target of the entry, or "table/id" of a row in its changes; {id} is that of the answer, * any."""
        method, pattern = self.operations[operation]
        assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path.split("?")[0]), (operation, path)
        before = self.office.server.get("/api/v1/record/head")["seq"]
        status, answer, _ = who.ask(method, path, **body)
        assert status in wanted, (operation, status, answer)
        wants = thing.format(id=answer.get("id") if isinstance(answer, dict) else "")
        said = [{entry["target"], *(f"{c['table']}/{c['id']}" for c in entry["changes"])}
                for entry in self.entries(before) if entry["actor"] == (actor or who.name)]
        assert any(fnmatch.fnmatchcase(name, wants) for names in said for name in names), (operation, wants, said)
        self.done.add(operation)
        return answer


def people(office):
    run("user", "add", "root1", "--role", "administrator;analyst;lead", "--data", office.server.data, input="correct horse battery\n")
    office.people["root"] = Person(office.server, "root1")
    for name, person in office.people.items():
        person.name = {"root": "root1"}.get(name, name)


def knowledge(walk, root):
    rule = walk("saveRule", root, "/api/v1/rules/own/mail", "rule.save/mail", text=RULE)
    assert rule["loaded"]
    done, intended = [entry for entry in walk.entries(0) if entry["target"] == "rule.save/mail"]
    before, after = intended["changes"], done["changes"]
    assert [done["evidence"], intended["evidence"]] == ["stage:done", "stage:intended"] and before == after
    assert after[0]["field"] == "mail.yml" and after[0]["old"] == "" and after[0]["new"] == hashlib.sha256(RULE.encode()).hexdigest()
    walk("removeRule", root, "/api/v1/rules/own/mail", "rule.remove/mail")
    walk("reloadRules", root, "/api/v1/rules/reload", "rules.reload")
    source = walk.office.server.get("/api/v1/sources")["rows"][0]["id"]
    walk("changeSource", root, f"/api/v1/sources/{source}", f"source/{source}", name="edge", registered=True)
    walk("importIndicators", root, "/api/v1/indicators", "indicators.import/press", source="press", content="203.0.113.77\n")
    walk("removeIndicators", root, "/api/v1/indicators/press", "indicators.remove/press")
    walk("runProof", root, "/api/v1/proof/run", "proof.run", wanted=(202, 200))
    made = walk("addException", root, "/api/v1/exceptions", "rule_exception/{id}", rule_id=IRC_RULE, condition="source.ip:192.0.2.9", owner="abe",
                reason="a chat server", expires=soon(86400))
    walk("withdrawException", root, f"/api/v1/exceptions/{made['id']}", f"rule_exception/{made['id']}")


def risk(walk, root):
    ends = {"reason": "over"}
    for kind, path, body in (
            ("Acceptance", "risk/acceptances", {"category": "mail", "decision": "accept", "reason": "small", "owner": "abe", "approver": "kato", "until": soon(86400)}),
            ("Scenario", "risk/scenarios", {"title": "Spear phishing", "impact": "accounts", "indicators": "mail to few", "controls": "MFA", "owner": "abe", "review": soon(86400)}),
            ("Training", "risk/trainings", {"department": "Sales", "topic": "phishing", "held": "2026-01-05T00:00:00Z", "people": 12}),
            ("Focus", "focus", {"kind": "host", "subject": "10.20.30.31", "reason": "listed domains", "owner": "abe", "approver": "kato", "until": soon(86400)}),
            ("Handover", "worklist/handovers", {"note": "look at PC-1 first", "to": "night shift", "until": soon(86400)}),
            ("Snooze", "worklist/snoozes", {"item": "incident:1", "reason": "later", "until": soon(3600)})):
        made = walk(f"add{kind}", root, f"/api/v1/{path}", "risk_register/{id}", **body)
        walk(f"end{kind}", root, f"/api/v1/{path}/{made['id']}?reason={ends['reason']}", f"risk_register/{made['id']}")


def mentions(walk, office, number):
    walk("addEntry", office.abe, work(number, "entries"), "work_mention/*", kind="note", text="@mori please look")
    walk("readMention", office.mori, f"/api/v1/mentions/{office.mori.get('/api/v1/mentions')['rows'][0]['id']}/read", "mention/*")


def posture(walk, root):
    walk("overridePosture", root, "/api/v1/posture/override", "posture/1", level="red", reason="ransomware", approver="kato", expires=soon(3600))
    walk("withdrawPostureOverride", root, "/api/v1/posture/override", "posture/1")
    notice = walk("addNotice", root, "/api/v1/posture/notices", "posture/1", issuer="police", trend="445 rising", port=445, time="now")
    walk("confirmNotice", root, f"/api/v1/posture/notices/{notice['notices'][-1]['id']}/confirm", "posture/1")


def reports(walk, office, number):
    made = walk("makeReport", office.root, "/api/v1/reports/daily", "report/{id}", language="ja", format="html")
    walk("signReport", office.root, f"/api/v1/reports/{made['id']}/sign", f"report/{made['id']}", note="seen")
    walk("tellDeadline", office.root, work(number, "deadlines"), "deadline/description", action="fact", name="description", value="one PC was infected")
    walk("stepForm", office.root, work(number, "forms", "ppc-preliminary"), "form/ppc-preliminary", action="draft", language="en", tlp="red")


def decisions(walk, office, number):
    path = work(number, "approvals")
    for operation, who in (("approveApproval", office.kato), ("rejectApproval", office.kato), ("withdrawApproval", office.abe)):
        asked = walk("proposeApproval", office.abe, path, "approval/{id}", action="return", scope="service", question="May it go back?")
        verb = operation.removesuffix("Approval")
        walk(operation, who, f"/api/v1/approvals/{asked['id']}/{verb}", f"work_approval/{asked['id']}", note="because")
    asked = walk("proposeApproval", office.abe, path, "approval/{id}", action="cut", scope="department", question="Cut Sales?")
    walk("checkApproval", office.mori, f"/api/v1/approvals/{asked['id']}/check", f"work_approval/{asked['id']}", note="looked at")


def the_arithmetic_is_there(walk, before, after, head):
    """Ratio of the answer, confidence before and after: what the hearing did to the judgement can be computed again from the record."""
    said = {(c["table"], c["field"]): c for entry in walk.entries(head) for c in entry["changes"]}
    moved = said["incident", "confidence"]
    assert float(moved["old"]) == pytest.approx(before["confidence"]) and float(moved["new"]) == pytest.approx(after["confidence"])
    assert 0 < float(moved["new"]) < float(moved["old"])
    assert float(said["work_hearing", "ratio"]["new"]) < 1


def wait_for_failure(person, number):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for measure in person.get(work(number, "countermeasures"))["rows"]:
            for order in measure["orders"]:
                if order["status"] == "failed":
                    return order
        time.sleep(0.1)
    raise AssertionError("no order failed")


def casework(walk, office, number):
    abe = office.abe
    walk("changeIncident", abe, work(number), f"incident/{number}", state="triage", note="looking")
    walk("changeIncidentWork", abe, work(number, "work"), f"incident/{number}", vector_kind="download", vector="from a page")
    task = walk("addTask", abe, work(number, "tasks"), "work_task/{id}", title="call the user")
    walk("changeTask", abe, work(number, "tasks", task["id"]), f"work_task/{task['id']}", status="doing")
    before = office.server.get(work(number))
    head = office.server.get("/api/v1/record/head")["seq"]
    walk("answerHearing", abe, work(number, "hearing"), "work_hearing/1", question="doing", answer="explains", note="by phone")
    the_arithmetic_is_there(walk, before, office.server.get(work(number)), head)
    item = walk("addEvidence", abe, work(number, "evidence"), "work_evidence/{id}", type="disk", description="image")
    walk("keepAnswer", abe, work(number, "evidence", "query"), "evidence/{id}", query="*", description="all that is stored")
    walk("takeEvidenceFile", abe, work(number, "evidence", "file") + "?name=image.bin", "evidence/{id}", octets=b"the bytes of an image")
    walk("addCustody", abe, work(number, "evidence", item["id"], "custody"), f"evidence/{item['id']}", kind="transfer", to_person="ito", reason="analysis")
    host = walk("addIncidentHost", abe, work(number, "hosts"), "work_host/{id}", host="PC-FIN-005", ip=CFO)
    walk("changeIncidentHost", abe, work(number, "hosts", host["id"]), f"work_host/{host['id']}", status="acted")
    walk("addEntry", abe, work(number, "entries"), "work_entry/{id}", kind="work", text="cable out", **NOBODY)
    walk("writeReview", abe, work(number, "review"), "work_review/1", summary="what happened")
    walk("signReview", office.mori, work(number, "review", "sign"), "work_review/1", note="agreed")
    walk("addReviewAction", abe, work(number, "review", "actions"), "work_action/1", title="patch", owner="abe", due=EARLY)
    walk("changeReviewAction", abe, work(number, "review", "actions", 1), "work_action/1", status="done", effect="patched")
    measure = walk("addCountermeasure", abe, work(number, "countermeasures"), "work_countermeasure/{id}", device="firewall", target="203.0.113.66",
                   reason="command and control", expires=soon(86400))
    walk("changeCountermeasure", office.mori, f"/api/v1/countermeasures/{measure['id']}", f"work_countermeasure/{measure['id']}", status="approved")
    one = f"/api/v1/countermeasures/{abe.do('POST', work(number, 'countermeasures'), device='dns', target='evil.example', reason='c2', expires=soon(86400))['id']}"
    walk("checkCountermeasure", office.mori, one + "/check", "work_measure_signature/*", note="looked at")
    walk("approveCountermeasure", office.mori, one + "/approve", one.replace("/api/v1/countermeasures", "work_countermeasure"), note="go")
    failed = wait_for_failure(abe, number)
    walk("retryOrder", abe, f"/api/v1/orders/{failed['id']}/retry", f"work_order/{failed['id']}", note="mended")
    walk("testConnector", office.root, "/api/v1/connectors/broken/test", "work_order/{id}")
    contact = walk("addContact", office.mori, "/api/v1/contacts", "work_contact/{id}", role="lead", position="primary", person="Mori")
    walk("changeContact", office.mori, f"/api/v1/contacts/{contact['id']}", f"work_contact/{contact['id']}", phone="110")
    walk("removeContact", office.mori, f"/api/v1/contacts/{contact['id']}", f"work_contact/{contact['id']}")


def registers(walk, office, number):
    made = walk("addDocument", office.root, "/api/v1/documents", "document/{id}", kind="policy", title="Policy")
    walk("changeDocument", office.root, f"/api/v1/documents/{made['id']}", f"document/{made['id']}", owner="CISO", version="2")
    walk("attestReadiness", office.abe, "/api/v1/readiness/attestations", "attestation/1", item="isolation", is_good=True, result="switch port of PC-TEST")
    abe, mori = office.abe, office.mori
    vendor = walk("addVendor", mori, "/api/v1/vendors", "work_vendor/{id}", name="Kita Forensics", service="forensics", respond_hours=4)
    walk("changeVendor", mori, f"/api/v1/vendors/{vendor['id']}", f"work_vendor/{vendor['id']}", scope="disks")
    agreed(office, number, vendor["id"], "mori")
    call = walk("callVendor", abe, work(number, "invocations"), "work_invocation/{id}", vendor=vendor["id"], task="image PC")
    walk("changeInvocation", abe, work(number, "invocations", call["id"]), f"work_invocation/{call['id']}", responded=soon(0))
    partner = walk("addPartner", mori, "/api/v1/partners", "work_partner/{id}", name="JPCERT/CC", kind="public_body", tlp="AMBER")
    walk("changePartner", mori, f"/api/v1/partners/{partner['id']}", f"work_partner/{partner['id']}", note="by mail")
    asked = walk("addConsultation", abe, work(number, "consultations"), "work_consultation/{id}", partner=partner["id"], assessment="a bot", plan="rebuild",
                 question="known?", tlp="AMBER")
    walk("changeConsultation", abe, work(number, "consultations", asked["id"]), f"work_consultation/{asked['id']}", receipt="J-1")
    given = walk("addSharing", abe, "/api/v1/sharing", "work_shared/{id}", partner=partner["id"], incident=number, direction="given", item="indicators",
                 description="one address", tlp="GREEN", redaction="internal")
    walk("changeSharing", abe, f"/api/v1/sharing/{given['id']}", f"work_shared/{given['id']}", usefulness="useful")
    dossier = walk("addDossier", mori, "/api/v1/dossiers", "work_dossier/{id}", title="Block macros", category="mail")
    path = f"/api/v1/dossiers/{dossier['id']}"
    accepted = mori.do("POST", "/api/v1/risk/acceptances", 201, category="mail", decision="accept", reason="rare", owner="ueda", approver="kato", until=soon(86400))
    walk("changeDossier", mori, path, f"work_dossier/{dossier['id']}", **SECTIONS, acceptance=accepted["id"])
    walk("submitDossier", mori, path + "/submit", f"work_dossier/{dossier['id']}")


def library(walk, office, number):
    office.abe.do("POST", work(number, "evidence"), type="log", purpose="false_alarm", description="a chat program")
    office.abe.do("PATCH", work(number), 200, state="false_positive", note="a chat program")
    case = walk("addLibraryCase", office.abe, work(number, "library"), "work_library/{id}", lesson="ask sooner")
    walk("removeLibraryCase", office.mori, f"/api/v1/library/{case['id']}", f"work_library/{case['id']}")


def notifications(walk, root):
    def failed():
        return [message for notice in root.get("/api/v1/notifications?state=all")["rows"] for message in notice["messages"] if message["status"] == "failed"]

    deadline = time.monotonic() + 60
    while not failed():
        assert time.monotonic() < deadline, root.get("/api/v1/notifications?state=all")
        time.sleep(0.3)
    notice = root.get("/api/v1/notifications?state=all")["rows"][0]["id"]
    walk("acknowledgeNotification", root, f"/api/v1/notifications/{notice}/acknowledge", f"work_notice/{notice}", note="on it")
    walk("retryMessage", root, f"/api/v1/messages/{failed()[0]['id']}/retry", f"work_message/{failed()[0]['id']}")
    walk("testChannel", root, "/api/v1/notifications/test", "work_notice/{id}", channel="siem")


class Stranger:
    """Who reports without log-in."""

    name = "anonymous"

    def __init__(self, server):
        self.server = server

    def ask(self, method, path, **body):
        status, answer = self.server.request(method, path, json.dumps(body), HEADERS, token=False)
        return status, json.loads(answer) if answer else {}, None


def intake(walk, office, number):
    stranger = Stranger(office.server)
    sent = walk("sendReport", stranger, "/api/v1/report", "work_user_report/1", symptoms="opened_odd_mail", text="odd", pc="PC-FIN-005")
    walk("tickOwnReport", stranger, "/api/v1/report/ticks", "work_report_tick/1", number=sent["number"], key=sent["key"], step="connector_pulled")
    walk("countReading", stranger, "/api/v1/report/read", "work_report_read/1")
    called = walk("enterReport", office.abe, "/api/v1/intake", "work_user_report/{id}", symptoms="slow_or_odd", text="slow", pc="PC-SAL-050")
    path = f"/api/v1/intake/{called['id']}"
    walk("closeOrLinkReport", office.abe, path, f"work_user_report/{called['id']}", status="taken")
    walk("tickReport", office.abe, path + "/ticks", "work_report_tick/2", step="called")
    walk("lookAgain", office.abe, path + "/looks", f"user_report/{called['id']}", wanted=(202,))


def retrospects(walk, office):
    """A host used a file before the verdict on it: its task is answered."""
    send_known_late(office.server)
    [row] = wait(lambda: office.abe.get("/api/v1/retrospects")["rows"], 60)
    walk("changeRetrospect", office.abe, f"/api/v1/retrospects/{row['id']}", f"work_task/{row['task']}", status="done", result="rebuilt")


def sessions(walk, office):
    walk("logIn", office.ito, "/api/v1/session", "login/ito", user="ito", password="correct horse battery")
    walk("setLanguage", office.abe, "/api/v1/session/language", "user.language/ja", language="ja")
    walk("logOut", office.ito, "/api/v1/session", "logout")


def record(walk, office, number):
    auditor = office.root
    [told] = [row for row in office.server.get(f"/api/v1/incidents/{number}/record?limit=200")["rows"] if row["text"] == "looking"]
    walk("verifyRecord", auditor, "/api/v1/record/verify", "record.verify")
    walk("eraseRecordText", auditor, f"/api/v1/record/{told['seq']}/erase-payload", f"record/{told['seq']}", reason="asked for")


def addresses(walk, number):
    return {f["entities"]["ip"] for f in walk.office.server.get(work(number))["findings"] if f["entities"].get("ip")}


def moves(walk, after):
    return [(c["old"], c["new"]) for entry in walk.entries(after) for c in entry["changes"] if (c["table"], c["field"]) == ("incident_finding", "incident")]


def split_and_merge(walk, office, one, two):
    """Findings go along, both ways; their incident is judged anew, and its log tells of it."""
    head = office.server.get("/api/v1/record/head")["seq"]
    walk("mergeIncident", office.abe, work(one, "merge"), f"incident/{one}", into=two, note="same bot")
    assert addresses(walk, two) == {CFO, SALES} and addresses(walk, one) == set()
    assert moves(walk, head) and set(moves(walk, head)) == {(str(one), str(two))}
    both = office.server.get(work(two))
    assert any(f"#{one}" in step["note"] for step in both["history"]) and len(both["hosts"]) == 2
    head = office.server.get("/api/v1/record/head")["seq"]
    walk("splitIncident", office.abe, work(two, "split"), "work_relation/*", hosts=CFO, note="not the same")
    [new] = [row["other"] for row in office.abe.get(work(two, "work"))["relations"] if row["kind"] == "split_into"]
    assert addresses(walk, two) == {SALES} and addresses(walk, new) == {CFO}
    assert set(moves(walk, head)) == {(str(two), str(new))}
    part = office.server.get(work(new))
    assert part["state"] == "new" and len(part["hosts"]) == 1 and part["tasks"] and any(f"#{two}" in step["note"] for step in part["history"])
    assert len(office.server.get(work(two))["hosts"]) == 1
    number = office.incident(SALES)  # what its host does from now on goes where its findings are
    assert number == two


@pytest.fixture(scope="module")
def worked(tmp_path_factory):
    """The data of a server on which everything was done once, stopped; and the walk."""
    folder = tmp_path_factory.mktemp("worked")
    server = Server(folder, "--seal-after-ms", 300)
    server.data.mkdir()
    (server.data / "channels.yml").write_text(CHANNELS)
    (server.data / "connectors.yml").write_text(CONNECTORS)
    (server.data / "notify.yml").write_text("rules:\n  - {id: tell, on: incident_opened, by: [siem, broken], quiet: through, window: 60, escalate: [{minutes: 600, to: [lead]}]}\n")
    server.start()
    try:
        office = Office(server, folder)
        people(office)
        walk = Walk(office)
        one, two = office.incident(CFO), office.incident(SALES)
        knowledge(walk, office.root)
        risk(walk, office.root)
        posture(walk, office.root)
        mentions(walk, office, one)
        casework(walk, office, one)
        decisions(walk, office, one)
        reports(walk, office, one)
        record(walk, office, one)
        registers(walk, office, one)
        notifications(walk, office.root)
        intake(walk, office, one)
        split_and_merge(walk, office, one, two)
        library(walk, office, two)
        retrospects(walk, office)
        sessions(walk, office)
    finally:
        server.stop()
    return server.data, walk


def test_every_operation_that_changes_something_has_its_entry(worked):
    _, walk = worked
    assert set(walk.operations) == walk.done | set(NOTHING_CHANGES) | set(ELSEWHERE)
    assert not walk.done & (set(NOTHING_CHANGES) | set(ELSEWHERE))


def test_what_was_done_verifies(worked):
    assert first_bad(worked[0]) is None
    told = json.loads(run("verify", "--data", worked[0], "--format", "json").stdout)
    assert told["ok"] and told["problems"] == [] and told["compared"] > 500 and told["entries"] > 60 and told["checkpoints"] >= 2


def test_the_first_user_is_recorded(server):
    s = server()
    deadline = time.monotonic() + 60
    while not (token := re.search(r"token=([\w-]+)", s.text())):
        assert time.monotonic() < deadline, s.text()
        time.sleep(0.1)
    body = {"user": "first", "token": token[1], "password": "correct horse battery"}
    assert s.request("POST", "/api/v1/setup", json.dumps(body), {"Content-Type": "application/json"}, token=False)[0] in (200, 201)
    [entry] = [row for row in s.get("/api/v1/record")["rows"] if row["target"] == "setup/first"]
    assert any(c["table"] == "user" and c["field"] == "name" and c["new"] == "first" for c in entry["changes"])


def recorded_tables():
    law = (ROOT / "src/store/state_recorded.def").read_text()
    cases = (ROOT / "src/store/state_work.def").read_text()
    kept = set(re.findall(r'KEPT\("(\w+)", "(\w+)"\)', law))
    machine = set(re.findall(r'MACHINE\("(\w+)"', law))
    return re.findall(r'RECORDED\("(\w+)"\)', law) + [t for t in re.findall(r'^TABLE\(\w+, "(\w+)"\)', cases, re.M) if t not in machine], kept


def other(value):
    return value + 1 if isinstance(value, int | float) else bytes([value[0] ^ 1]) + value[1:] if isinstance(value, bytes) else (value or "") + "x"


def test_an_edited_value_of_any_recorded_table_is_found_with_the_entry_it_came_from(worked, tmp_path):
    """One value after the other of the newest row of each table; by the file, as somebody would who has it."""
    tables, kept = recorded_tables()
    data, seen, missed = tmp_path / "var", set(), []
    shutil.copytree(worked[0], data)
    with contextlib.closing(sqlite3.connect(data / "state.db")) as db:
        db.row_factory = sqlite3.Row
        # of incidents only those that are some: a report of a user may have left a candidate last
        recorded = "WHERE rowid IN (SELECT row_id FROM record_change WHERE row_table = ? AND field = 'row')"
        rows = {table: db.execute(f"SELECT rowid AS number, * FROM {table} {recorded} ORDER BY rowid DESC LIMIT 1", (table,)).fetchone() for table in tables}
        wrote = {(t, i): seq for t, i, seq in db.execute("SELECT row_table, row_id, max(seq) FROM record_change WHERE field = 'row' GROUP BY 1, 2")}
    for table, row in rows.items():
        if row is None:
            continue
        columns = [c for c in row.keys() if c not in ("number", "id") and (table, c) not in kept]
        column = columns[len(table) % len(columns)]  # not always the first
        if (table, column) == ("incident", "state"):
            column = "urgency"
        tamper(data, (f"UPDATE {table} SET \"{column}\" = ? WHERE rowid = ?", other(row[column]), row["number"]))
        bad = first_bad(data)
        if bad is None or f"{table} {row['number']}" not in bad[1] or bad[0] > wrote[table, row["number"]]:
            missed.append((table, column, bad, wrote.get((table, row["number"]))))
        tamper(data, (f"UPDATE {table} SET \"{column}\" = ? WHERE rowid = ?", row[column], row["number"]))
        seen.add(table)
    assert not missed
    assert {"incident", "incident_finding", "user", "rule_exception", "intel_source", "asset_host", "source", "risk_register", "outside_entry",
            "report", "work_task", "work_approval", "work_contact"} - seen <= {"intel_source", "work_contact"}
    assert first_bad(data) is None


def test_rows_that_are_added_or_taken_away_are_found(worked, tmp_path):
    data = tmp_path / "var"
    shutil.copytree(worked[0], data)
    tamper(data, ("INSERT INTO user (name, password_hash, roles, language, created_ns) VALUES ('mallory', 'x', 'administrator', 'en', 1)",))
    seq, why = first_bad(data)
    assert "user" in why and "no entry" in why
    tamper(data, ("DELETE FROM user WHERE name = 'mallory'",), ("DELETE FROM work_evidence WHERE id = 1",))
    seq, why = first_bad(data)
    assert "work_evidence 1" in why and seq > 0
    done = run("verify", "--data", data, "--format", "json", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == 1 and not told["ok"] and [p["entry"] for p in told["problems"]] == [seq]
