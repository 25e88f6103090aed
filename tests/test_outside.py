"""Deadlines of incidents and what leaves the house (spec 3.2, 3.5; S151, S154, S188)."""
import csv
import datetime
import http.client
import io
import json
import re
import time
import zoneinfo

import jsonschema
import pytest
import stix2

from conftest import run
from test_console_http import conforms

TOKYO = zoneinfo.ZoneInfo("Asia/Tokyo")
FIREWALL = ('date={date} time={time} devname="FW-EDGE" type="traffic" subtype="forward" srcip=10.20.30.31 srcname="PC-SALES-7" srcport=49712 '
            'dstip=198.51.100.23 dstport=6667 proto=6 action="accept" tz="+0000"')


def incident(s):
    """One incident by the real way: events, a finding, a candidate that deserves it."""
    now = datetime.datetime.now(datetime.timezone.utc)
    for _ in range(3):
        s.send_tcp(FIREWALL.format(date=now.strftime("%Y-%m-%d"), time=now.strftime("%H:%M:%S")))
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = s.get("/api/v1/incidents?state=all")["rows"]
        if found:
            return found[0]["id"]
        time.sleep(0.1)
    raise AssertionError("no incident: " + s.text())


def tell(s, number, **members):
    status, body = s.request("POST", f"/api/v1/incidents/{number}/deadlines", json.dumps(members), {"Content-Type": "application/json"})
    return status, json.loads(body)


def clock(answer, name):
    return next(r for r in answer["rows"] if r["clock"] == name)


def export(s, number, **query):
    asked = "&".join(f"{k}={v}" for k, v in query.items())
    status, body = s.request("GET", f"/api/v1/incidents/{number}/export?{asked}")
    assert status == 200, body
    return body.decode()


def end_of(day):
    """The midnight after a local day, as the API writes it."""
    return datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), TOKYO)


def test_deadlines_follow_the_facts_and_the_first_who_knew(server):
    s = server()
    number = incident(s)
    first = s.get(f"/api/v1/incidents/{number}/deadlines")
    assert clock(first, "ppc-preliminary")["state"] == "undecided"
    assert "personal_data" in clock(first, "ppc-preliminary")["missing"]
    assert clock(first, "ppc-preliminary")["start_assumed"] is True
    assert "confirm" in first["note"] and first["note_ja"]

    today = datetime.datetime.now(TOKYO)
    knew = (today - datetime.timedelta(days=1)).replace(microsecond=0)
    for fact in (("personal_data", "possible"), ("wrongful_purpose", "yes"), ("ransomware", "no"), ("ddos", "no")):
        assert tell(s, number, action="fact", name=fact[0], value=fact[1])[0] == 200
    assert tell(s, number, action="knew", name="CSIRT", at=today.isoformat())[0] == 200
    status, told = tell(s, number, action="knew", name="Sales", at=knew.isoformat())
    assert status == 200
    row = clock(told, "ppc-preliminary")
    assert row["known_by"] == "Sales" and row["start_assumed"] is False
    assert datetime.datetime.fromisoformat(row["due"]) == end_of(knew.date() + datetime.timedelta(days=5))
    assert row["state"] == "open"
    assert clock(told, "ppc-final")["state"] == "not_applicable"
    assert clock(told, "ppc-final-wrongful")["state"] == "open"
    assert clock(told, "police")["state"] == "not_applicable"

    # knew six days ago: overdue; the record of what was told before stays
    earlier = (today - datetime.timedelta(days=6)).isoformat()
    status, told = tell(s, number, action="knew", name="Help desk", at=earlier)
    assert clock(told, "ppc-preliminary")["state"] == "overdue"
    assert [e["action"] for e in told["entries"]] == ["fact"] * 4 + ["knew"] * 3

    # met only with copy and receipt; waived only with a reason
    assert tell(s, number, action="met", name="ppc-preliminary")[0] == 400
    assert tell(s, number, action="met", name="no-such-clock", value="x", receipt="1")[0] == 404
    status, told = tell(s, number, action="met", name="ppc-preliminary", value="Report as sent", receipt="PPC-2026-1")
    assert clock(told, "ppc-preliminary")["state"] == "met" and clock(told, "ppc-preliminary")["mark"]["receipt"] == "PPC-2026-1"
    assert tell(s, number, action="waive", name="persons")[0] == 400
    status, told = tell(s, number, action="waive", name="persons", value="No person is concerned")
    assert clock(told, "persons")["state"] == "waived"
    s.stop()
    s.start()
    again = s.get(f"/api/v1/incidents/{number}/deadlines")
    assert {r["clock"]: r["state"] for r in again["rows"]} == {r["clock"]: r["state"] for r in told["rows"]}
    assert again["facts"] == told["facts"] and again["entries"] == told["entries"]


@pytest.mark.parametrize("members, expected", [
    ({"action": "fact", "name": "Personal Data", "value": "yes"}, 400),
    ({"action": "knew", "name": "CSIRT"}, 400),
    ({"action": "knew", "name": "CSIRT", "at": "2999-01-01T00:00:00Z"}, 400),
    ({"action": "dance", "name": "x"}, 400),
])
def test_what_cannot_be_told_is_refused(server, members, expected):
    s = server()
    number = incident(s)
    assert tell(s, number, **members)[0] == expected
    assert s.get(f"/api/v1/incidents/{number}/deadlines")["entries"] == []
    assert s.request("GET", "/api/v1/incidents/999999/deadlines")[0] == 404
    assert tell(s, 999999, action="fact", name="x", value="y")[0] == 404


INSIDE = ("10.20.30.31", "PC-SALES-7", "pc-sales-7", "FW-EDGE")


def test_stix_is_accepted_by_a_reader_and_names_nothing_inside(server):
    s = server()
    number = incident(s)
    tell(s, number, action="fact", name="malware_name", value="Emotet")
    tell(s, number, action="fact", name="actions_taken", value="10.20.30.31 was isolated")
    s.request("PATCH", f"/api/v1/incidents/{number}", json.dumps({"note": "PC 10.20.30.31 and 198.51.100.23"}), {"Content-Type": "application/json"})
    text = export(s, number, format="stix", tlp="amber-strict")
    bundle = stix2.parse(text, allow_custom=False)
    kinds = {o["type"] for o in bundle.objects}
    assert {"marking-definition", "identity", "extension-definition", "incident", "ipv4-addr", "observed-data", "indicator",
            "sighting", "relationship", "malware", "course-of-action", "note"} <= kinds
    assert not any(inside in text for inside in INSIDE)
    raw = json.loads(text)["objects"]
    ids = [o["id"] for o in raw]
    assert len(ids) == len(set(ids))
    by_id = {o["id"]: o for o in raw}
    for o in raw:  # nothing points out of the bundle
        for key, value in o.items():
            for ref in [value] if key.endswith("_ref") else value if key.endswith("_refs") else []:
                assert ref in by_id, (o["type"], key, ref)
    assert by_id[raw[0]["id"]]["name"] == "TLP:AMBER+STRICT"
    # the identifier of an observable is the one everybody computes (STIX 2.1, 2.9)
    address = next(o for o in raw if o["type"] == "ipv4-addr")
    assert address["id"] == stix2.IPv4Address(value="198.51.100.23").id and address["value"] == "198.51.100.23"
    detail = s.get(f"/api/v1/incidents/{number}")
    told = next(o for o in raw if o["type"] == "incident")
    assert told["confidence"] == round(100 * detail["confidence"])
    # again: the same identifiers
    assert [o["id"] for o in json.loads(export(s, number, format="stix", tlp="amber-strict"))["objects"]] == ids


# Written from RFC 8727 (and RFC 7970 for the enumerations), for the classes that are used.
TEXTS = {"type": "array", "minItems": 1, "items": {"type": "string"}}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$"}


def closed(required, **properties):
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def listed(schema):
    return {"type": "array", "minItems": 1, "items": schema}


SYSTEM = closed(["Node"], category={"enum": ["source", "target", "intermediate", "sensor", "infrastructure"]},
                Node={"anyOf": [{"required": ["Address"]}, {"required": ["DomainData"]}], **closed([],
                    Address=listed(closed(["value", "category"], value={"type": "string"}, category={"enum": ["ipv4-addr", "ipv6-addr"]})),
                    DomainData=listed(closed(["system-status", "domain-status", "Name"], **{"system-status": {"enum": ["spoofed", "fraudulent", "innocent-hacked", "innocent-hijacked", "unknown"]},
                        "domain-status": {"type": "string"}, "Name": {"type": "string"}})))})
IODEF = closed(["version", "Incident"], version={"const": "2.0"}, lang={"type": "string"}, Incident=listed(closed(
    ["purpose", "IncidentID", "GenerationTime", "Contact"],
    purpose={"enum": ["traceback", "mitigation", "reporting", "watch", "other"]},
    restriction={"enum": ["public", "partner", "need-to-know", "private", "default", "white", "green", "amber", "red", "ext-value"]},
    **{"ext-restriction": {"type": "string"}},
    IncidentID=closed(["id", "name"], id={"type": "string"}, name={"type": "string"}),
    DetectTime=TIME, StartTime=TIME, EndTime=TIME, ReportTime=TIME, GenerationTime=TIME, Description=TEXTS,
    Assessment=listed(closed([], SystemImpact=listed(closed(["type"], severity={"enum": ["low", "medium", "high"]}, type={"type": "string"}, Description=TEXTS)),
        Confidence=closed(["value", "rating"], value={"type": "number"}, rating={"enum": ["low", "medium", "high", "numeric", "unknown"]}))),
    Method=listed(closed([], Reference=listed(closed([], URL=TEXTS, Description=TEXTS)))),
    Contact=listed(closed(["role", "type"], role={"enum": ["creator", "irt", "tech", "admin"]}, type={"enum": ["person", "organization"]}, ContactName=TEXTS, Email=listed(closed(["EmailTo"], EmailTo={"type": "string"})))),
    EventData=listed(closed([], Flow=listed(closed(["System"], System=listed(SYSTEM))))),
    History=closed(["HistoryItem"], HistoryItem=listed(closed(["action", "DateTime"], action={"type": "string"}, DateTime=TIME, Description=TEXTS))))))


def test_iodef_follows_the_json_binding(server, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "organisation.yml").write_text("name: Example Works\nemail: csirt@works.example\n")
    s = server()
    number = incident(s)
    s.request("PATCH", f"/api/v1/incidents/{number}", json.dumps({"note": "looked at 10.20.30.31"}), {"Content-Type": "application/json"})
    text = export(s, number, format="iodef", tlp="green")
    document = json.loads(text)
    jsonschema.validate(document, IODEF)
    one = document["Incident"][0]
    assert one["restriction"] == "green" and one["IncidentID"]["id"] == str(number)
    assert one["Contact"][0]["ContactName"] == ["Example Works"] and one["Contact"][0]["Email"] == [{"EmailTo": "csirt@works.example"}]
    systems = one["EventData"][0]["Flow"][0]["System"]
    assert {"198.51.100.23"} == {a["value"] for n in systems if n["category"] == "target" for a in n["Node"].get("Address", [])}
    assert not any(inside in text for inside in INSIDE)
    # for the library of cases not even who tells is named (S188)
    assert "Example Works" not in export(s, number, format="iodef", redact="anonymous")
    strict = json.loads(export(s, number, format="iodef", tlp="amber-strict"))["Incident"][0]
    assert (strict["restriction"], strict["ext-restriction"]) == ("ext-value", "amber+strict")


def test_misp_event_csv_and_events(server):
    s = server()
    number = incident(s)
    event = json.loads(export(s, number, format="misp", tlp="clear"))["Event"]
    assert {"name": "tlp:clear"} in event["Tag"] and event["published"] is False and event["distribution"] == "0"
    address = next(a for a in event["Attribute"] if a["value"] == "198.51.100.23")
    assert (address["type"], address["category"], address["to_ids"]) == ("ip-dst", "Network activity", True)
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", a["uuid"]) for a in event["Attribute"])

    text = export(s, number, format="csv")
    table = list(csv.DictReader(io.StringIO(text)))
    assert [r["value"] for r in table if r["type"] == "ipv4-addr"] == ["198.51.100.23"]
    assert all(r["tlp"] == "TLP:AMBER" for r in table)
    assert export(s, number, format="csv", bom="1") == "\ufeff" + text

    lines = export(s, number, format="jsonl").splitlines()
    assert lines and all(json.loads(line)["_id"] for line in lines)
    assert not any(inside in line for line in lines for inside in ("10.20.30.31",))
    open_lines = export(s, number, format="jsonl", redact="none").splitlines()
    assert len(open_lines) == len(lines) and all("10.20.30.31" in line for line in open_lines)


def test_pseudonyms_stay_over_a_restart_and_differ_between_installations(server, tmp_path):
    s = server()
    number = incident(s)
    before = re.findall(r"\b2[45]\d\.\d+\.\d+\.\d+", export(s, number, format="iodef"))
    s.stop()
    s.start()
    assert before and re.findall(r"\b2[45]\d\.\d+\.\d+\.\d+", export(s, number, format="iodef")) == before
    assert (s.data / "keys" / "redaction.key").stat().st_mode & 0o777 == 0o600
    other = server(folder=tmp_path / "other") if (tmp_path / "other").mkdir() is None else None
    assert re.findall(r"\b2[45]\d\.\d+\.\d+\.\d+", export(other, incident(other), format="iodef")) != before


def test_a_mistake_in_the_deadlines_is_named_at_the_start(tmp_path):
    data = tmp_path / "var"
    data.mkdir()
    (data / "deadlines.yml").write_text("clocks:\n  - {id: a}\n")
    done = run("serve", "--data", data, "--listen-syslog", "127.0.0.1:0", "--listen-http", "127.0.0.1:0", check=False)
    assert done.returncode != 0 and "deadlines.yml:2:" in done.stderr


# ------------------------------------------------------------------------------- reports to public bodies

PASSWORD = "correct horse battery"


def person(s, name, roles):
    """A user of his own: how he asks."""
    run("user", "add", name, "--role", roles, "--data", s.data, input=PASSWORD + "\n")
    connection = http.client.HTTPConnection("127.0.0.1", s.http_port, timeout=30)
    connection.request("POST", "/api/v1/session", json.dumps({"user": name, "password": PASSWORD}), {"Content-Type": "application/json"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    assert answer.status in (200, 201), told
    head = {"Cookie": answer.getheader("Set-Cookie").split(";")[0], "X-CSRF-Token": told["csrf"], "Content-Type": "application/json"}
    connection.close()

    def post(path, **members):
        status, body = s.request("POST", path, json.dumps(members), head, token=False)
        return status, json.loads(body)
    return post


def step(s, number, form, **members):
    status, body = s.request("POST", f"/api/v1/incidents/{number}/forms/{form}", json.dumps(members), {"Content-Type": "application/json"})
    return status, json.loads(body)


def test_a_report_is_drafted_approved_by_another_and_sent_once(server, tmp_path):
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "organisation.yml").write_text("name: Example Works\nemail: csirt@works.example\n")
    s = server()
    number = incident(s)
    path = f"/api/v1/incidents/{number}/forms/ppc-preliminary"
    suzuki, sato = person(s, "suzuki", "approver"), person(s, "sato", "lead")
    status, told = step(s, number, "ppc-preliminary", action="draft", language="ja")
    empty = told["reports"][0]["report"]
    assert status == 200 and told["reports"][0]["state"] == "draft"
    assert "description" in next(f for f in told["forms"] if f["form"] == "ppc-preliminary")["missing"]
    assert suzuki(path, action="approve", report=empty)[0] == 409  # required items are empty

    assert tell(s, number, action="fact", name="description", value="PC 10.20.30.31 (PC-SALES-7) was infected")[0] == 200
    status, told = sato(path, action="draft", language="en", tlp="red")
    draft = told["reports"][1]
    assert draft["drafted_by"] == "sato" and draft["copy"].startswith("TLP:RED\n")
    assert "was infected" in draft["copy"] and "10.20.30.31" not in draft["copy"]
    assert sato(path, action="sent", report=draft["report"], receipt="R-1")[0] == 409  # not approved
    assert sato(path, action="approve", report=draft["report"])[0] == 403  # his own
    assert step(s, number, "ppc-preliminary", action="approve", report=draft["report"])[0] == 403  # administrators do not approve
    assert suzuki(path, action="draft")[0] == 403  # approvers do not write
    assert suzuki(path, action="approve", report=empty)[0] == 409  # it still says nothing, whatever is known by now
    status, told = suzuki(path, action="approve", report=draft["report"])
    assert status == 200 and told["reports"][1]["approved_by"] == "suzuki"
    assert suzuki(path, action="approve", report=draft["report"])[0] == 409
    assert sato(path, action="sent", report=draft["report"])[0] == 400  # no receipt
    tell(s, number, action="fact", name="personal_data", value="yes")
    tell(s, number, action="fact", name="wrongful_purpose", value="yes")
    status, told = sato(path, action="sent", report=draft["report"], receipt="PPC-77", clock="ppc-preliminary")
    assert status == 200 and told["reports"][1]["state"] == "sent" and told["reports"][1]["receipt"] == "PPC-77"
    assert sato(path, action="sent", report=draft["report"], receipt="PPC-78")[0] == 409
    # the deadline keeps the copy of what was sent
    deadlines = s.get(f"/api/v1/incidents/{number}/deadlines")
    assert clock(deadlines, "ppc-preliminary")["state"] == "met"
    assert [e["value"] for e in deadlines["entries"] if e["action"] == "met"] == [draft["copy"]]
    # what becomes known later supplements the first
    assert sato(path, action="draft", report=empty)[0] == 409
    status, told = sato(path, action="draft", report=draft["report"], language="en")
    assert told["reports"][2]["supplements"] == "PPC-77" and "Supplement to: PPC-77" in told["reports"][2]["copy"]
    s.stop()
    s.start()
    assert s.get(f"/api/v1/incidents/{number}/forms")["reports"] == told["reports"]


def test_every_form_is_filled_and_rendered_in_both_languages(server):
    s = server()
    number = incident(s)
    tell(s, number, action="fact", name="description", value="<script>alert(1)</script> & more")
    forms = s.get(f"/api/v1/incidents/{number}/forms")["forms"]
    assert {f["form"] for f in forms} == {"jpcert", "ipa-virus", "ipa-access", "ppc-preliminary", "ppc-final", "nco-ransomware"}
    for form in forms:
        path = f"/api/v1/incidents/{number}/forms/{form['form']}"
        fields = s.get(path)["fields"]
        assert fields and all(f["label"] and f["label_ja"] for f in fields)
        for language, label in (("en", "label"), ("ja", "label_ja")):
            text = s.request("GET", f"{path}?as=text&language={language}&tlp=amber-strict")[1].decode()
            assert text.startswith("TLP:AMBER+STRICT\n")  # never translated
            assert all(f"[{f[label]}]\n{f['value']}" in text for f in fields)
        page = s.request("GET", f"{path}?as=html")[1].decode()
        assert "<script>" not in page and "<table>" in page
        assert not any(inside in page for inside in INSIDE)
    values = {f["id"]: f["value"] for f in s.get(f"/api/v1/incidents/{number}/forms/jpcert")["fields"]}
    assert values["source"] == "198.51.100.23" and values["discovery_time"].endswith("+09:00")
    assert s.request("GET", f"/api/v1/incidents/{number}/forms/nothing")[0] == 404


def test_the_answers_are_as_openapi_describes_them(server):
    s = server()
    number = incident(s)
    tell(s, number, action="fact", name="description", value="x")
    tell(s, number, action="waive", name="police", value="not ours")
    step(s, number, "jpcert", action="draft")
    document = s.get("/api/v1/openapi.json")
    for part in ("deadlines", "forms"):
        schema = document["paths"]["/api/v1/incidents/{id}/" + part]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        conforms(document, schema, s.get(f"/api/v1/incidents/{number}/{part}"), part)
