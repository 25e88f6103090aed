"""Readiness (S79, S159-S161): contacts, deputies, approvers at every hour, playbooks, drills, what people attest, documents in force; the score, its
history in the record, and the monthly report."""
import csv
import datetime
import io
import time
import zipfile

import pytest

from conftest import run
from test_registers import ago, answers_conform, deeds
from test_workflow import Office, soon, work

CONTACTS = "role,position,person,account,phone,mail,out_of_band,hours,verified\n"
ROLES = ("ciso", "business_head", "system_owner", "department_head", "lead", "analyst")


@pytest.fixture
def office(server, tmp_path):
    return Office(server("--seal-after-ms", 300), tmp_path)


def items(person):
    return {item["item"]: item for item in person.get("/api/v1/readiness")["items"]}


def contacts(office, *rows):
    (office.folder / "contacts.csv").write_text(CONTACTS + "".join(",".join(row) + "\n" for row in rows))
    run("asset", "import", office.folder / "contacts.csv", "--data", office.server.data)


def person(role, position, hours="24h", verified="2026-01-01"):
    return (role, position, f"{role} {position}", f"{role}.{position}", "03-9999-0001", "", "", hours, verified)


def today():
    return time.strftime("%Y-%m-%d", time.gmtime(time.time() - 86400))


def test_nothing_is_ready_because_nobody_said_so(office):
    seen = items(office.abe)
    assert {name for name, item in seen.items() if item["status"] == "met"} == {"playbooks"}
    assert seen["vendors"]["status"] == "unknown"
    assert seen["documents"]["good"] == 0 and "policy" in seen["documents"]["lacks"]
    assert all(item["last_met"] is None for name, item in seen.items() if item["status"] != "met")
    office.vendor1.do("GET", "/api/v1/readiness", 403)
    answers_conform(office, office.mori, "/api/v1/readiness", "/api/v1/documents")


def test_contacts_deputies_and_approvers_at_every_hour(office):
    everybody = [person(role, position, verified=today()) for role in ROLES for position in ("primary", "deputy")]
    contacts(office, *everybody)
    seen = items(office.abe)
    assert [seen[name]["status"] for name in ("contacts", "deputies", "approvers")] == ["met"] * 3, seen
    # the CISO keeps office hours: what the CISO signs cannot be signed at night, everything else can
    contacts(office, *[row for row in everybody if row[0] != "ciso"], person("ciso", "primary", "平日 9:00-17:30", today()))
    seen = items(office.abe)
    assert seen["approvers"]["status"] == "missed" and seen["deputies"]["lacks"] == ["ciso"]
    assert {"cut/internet", "introduce/control"} <= set(seen["approvers"]["lacks"])
    assert not any(name.startswith(("isolate/", "block/", "seize/")) for name in seen["approvers"]["lacks"])
    [hours] = [name for name in seen["approvers"]["lacks"] if name.startswith("ciso ")]
    assert 0 < int(hours.split()[1].split("/")[0]) <= 45
    # day and night together cover it; hours that say nothing cover nothing
    contacts(office, *[row for row in everybody if row[0] != "ciso"], person("ciso", "primary", "8:00-20:00", today()), person("ciso", "deputy", "19:00-9:00", today()))
    assert items(office.abe)["approvers"]["status"] == "met"
    contacts(office, *[row for row in everybody if row[0] != "ciso"], person("ciso", "primary", "", today()), person("ciso", "deputy", "see roster", today()))
    assert "ciso 0/168 h" in items(office.abe)["approvers"]["lacks"]
    contacts(office, *everybody[:-1], person("analyst", "deputy", verified="2020-01-01"))
    late = items(office.abe)["contacts"]
    assert (late["status"], late["good"], late["all"], late["lacks"]) == ("missed", 11, 12, ["analyst"])


def test_documents_attestations_and_a_drill_that_was_worked(office):
    mori, abe = office.mori, office.abe
    abe.do("POST", "/api/v1/documents", 403, kind="policy", title="Policy")
    mori.do("POST", "/api/v1/documents", 400, kind="policy", title="Policy", approved=soon(86400))
    mori.do("POST", "/api/v1/documents", 400, kind="policy", title="Policy", approved=ago(60), review_due=ago(120))
    kinds = [kind["kind"] for kind in mori.get("/api/v1/documents")["kinds"]]
    for kind in kinds:
        made = mori.do("POST", "/api/v1/documents", 201, kind=kind, title=f"The {kind}", owner="CISO", version="2", approved_by="board", approved=ago(60),
                       review_due=soon(300 * 86400))
        assert made["is_due"] is False
    assert items(abe)["documents"]["status"] == "met"
    changed = mori.do("PATCH", f"/api/v1/documents/{made['id']}", 200, version="")  # which version is in force nobody knows
    assert changed["is_due"] is True and items(abe)["documents"]["lacks"] == [kinds[-1]]
    mori.do("PATCH", f"/api/v1/documents/{made['id']}", 200, version="3")
    met = items(abe)["documents"]
    mori.do("PATCH", f"/api/v1/documents/{made['id']}", 200, ended=ago(1))
    after = items(abe)["documents"]
    assert after["status"] == "missed" and after["last_met"] is not None and after["last_met"] <= met["last_met"]
    assert deeds(office, f"document/{made['id']}") == [("correct", "mori")] * 4

    abe.do("POST", "/api/v1/readiness/attestations", 409, item="contacts", is_good=True, result="fine")
    abe.do("POST", "/api/v1/readiness/attestations", 400, item="isolation", is_good=True, result="fine", checked=soon(86400))
    before = abe.get("/api/v1/readiness")["score"]
    answer = abe.do("POST", "/api/v1/readiness/attestations", 201, item="isolation", is_good=True, result="PC-TEST and segment 9", checked=ago(60))
    assert answer["score"] > before and answer["attestations"][0]["attested_by"] == "abe"
    abe.do("POST", "/api/v1/readiness/attestations", 201, item="evidence-kit", is_good=True, result="old", checked="2020-01-01T00:00:00Z")
    abe.do("POST", "/api/v1/readiness/attestations", 201, item="isolation", is_good=False, result="the switch did not answer")
    seen = items(abe)
    assert seen["isolation"]["status"] == "missed" and seen["isolation"]["last_met"]
    assert seen["evidence-kit"]["status"] == "missed" and seen["evidence-kit"]["since"].startswith("2020-01-01")

    history = abe.get("/api/v1/readiness")["history"]
    assert [row["score"] for row in history] != [] and len({row["score"] for row in history}) > 1
    assert sum(history[-1][key] for key in ("met", "missed", "unknown")) == len(seen)
    assert run("verify", "--data", office.server.data).returncode == 0


def test_a_drill_counts_when_somebody_worked_it(office):
    number = office.incident("10.20.30.50")
    assert items(office.abe)["drill"]["status"] == "missed"  # an incident is no drill
    office.abe.do("PATCH", work(number), 200, state="exercise", note="a drill after all")
    drill = items(office.abe)["drill"]
    assert drill["status"] == "met" and drill["since"] and drill["until"] > drill["since"]


def test_the_monthly_report_says_how_ready_we_are(office):
    office.mori.do("POST", "/api/v1/documents", 201, kind="policy", title="Policy")
    for language, title in (("en", "Policy, rules and organisation"), ("ja", "方針、規程類、管理体制")):
        file = office.folder / f"{language}.zip"
        run("report", "monthly", "--from", "2026-01-01", "--to", soon(86400)[:10], "--lang", language, "--format", "csv", "--out", file, "--data", office.server.data)
        with zipfile.ZipFile(file) as tables:
            rows = list(csv.DictReader(io.StringIO(tables.read("readiness.csv").decode("utf-8-sig"))))
            score = list(csv.DictReader(io.StringIO(tables.read("readiness-score.csv").decode("utf-8-sig"))))
        assert any(title in ",".join(row.values()) for row in rows) and len(rows) == len(items(office.abe))
        assert str(office.abe.get("/api/v1/readiness")["score"]) in score[0].values()


def tables(office, language, *names, since=None):
    file = office.folder / f"{language}.zip"
    run("report", "monthly", "--from", since or time.strftime("%Y-%m-01"), "--to", soon(86400)[:10], "--lang", language, "--format", "csv", "--out", file, "--data", office.server.data)
    with zipfile.ZipFile(file) as packed:
        return [list(csv.DictReader(io.StringIO(packed.read(name).decode("utf-8-sig")))) for name in names]


def test_the_monthly_report_has_the_key_figures_with_their_trend(office):
    """An incident of last year counts for its own month; what people did today counts for this one."""
    abe, mori = office.abe, office.mori
    number = office.incident("10.20.30.50")
    abe.do("POST", work(number, "entries"), 201, kind="work", text="imaged", effort_minutes=90, cost=200_000)
    last_month = (datetime.date.today().replace(day=1) - datetime.timedelta(days=10)).isoformat()
    abe.do("POST", work(number, "entries"), 201, kind="work", text="asked", effort_minutes=30, cost=300_000, happened=f"{last_month}T03:00:00Z")
    asked = abe.do("POST", work(number, "approvals"), 200, action="return", scope="service", question="back?")
    office.kato.do("POST", f"/api/v1/approvals/{asked['id']}/approve", 200, note="yes")
    [english], [japanese] = tables(office, "en", "key-figures.csv"), tables(office, "ja", "key-figures.csv")
    named = {row["Key figure"]: row for row in english}
    month = time.strftime("%Y-%m")
    for row in mori.get("/api/v1/kpis?months=1")["rows"]:
        shown = named[row["title"]["en"]]["This period"]
        now = next(one for one in row["months"] if one["month"] == month)["value"]
        assert shown == "unknown" if now is None else float(shown) == pytest.approx(now), row
    assert float(named["Hours of work"]["This period"]) == 1.5 and named["Hours of work"]["Trend"] == "worse"
    cost = named["Cost of the response"]
    assert (float(cost["This period"]), float(cost["Before"]), cost["Trend"]) == (200_000, 300_000, "better")
    assert named["Time to detect (TTD)"]["This period"] == "unknown" and named["Time to detect (TTD)"]["Trend"] == "unknown"
    assert f"#/improvement?kpi=cost&month={month}" in cost["Way"]
    assert {row["指標"] for row in japanese} == {row["title"]["ja"] for row in mori.get("/api/v1/kpis?months=1")["rows"]}
    page = office.folder / "page.html"
    run("report", "monthly", "--from", time.strftime("%Y-%m-01"), "--to", soon(86400)[:10], "--lang", "en", "--format", "html", "--out", page, "--data", office.server.data)
    assert f'<a href="http://127.0.0.1:{office.server.http_port}/#/improvement?kpi=sla' in page.read_text()


LOGON = ('{"TimeCreated":"2025-11-15T13:16:02.000Z","Channel":"Security","EventID":4624,"Computer":"SRV1","LogonType":10,"TargetUserName":"adm",'
         '"IpAddress":"198.51.100.9"}\n')


def test_the_vector_comes_from_the_earliest_evidence_and_is_corrected_with_a_reason(office):
    """S3: nothing speaks for a vector of an IRC connection; a report of an odd mail does, and a person's word stays."""
    abe, number = office.abe, office.incident("10.20.30.50")
    case = abe.get(work(number, "work"))
    assert (case["vector_kind"], case["vector_by"]) == ("", "")
    closed = next(step for step in case["steps"] if step["to"] == "false_positive")
    assert "vector" not in [one["guard"] for one in closed["missing"]]
    abe.do("PATCH", work(number, "work"), 400, vector_kind="unknown")  # why?
    abe.do("PATCH", work(number, "work"), 400, vector_kind="carrier pigeon")
    said = abe.do("PATCH", work(number, "work"), 200, vector_kind="unknown", vector="the disk was wiped before anybody looked")
    assert (said["vector_kind"], said["vector_by"]) == ("unknown", "abe")
    abe.do("PATCH", work(number, "work"), 400, vector_kind="mail")  # another word than before needs its reason
    assert abe.do("PATCH", work(number, "work"), 200, vector_kind="mail", vector="found in the mailbox")["vector_kind"] == "mail"
    [rows] = tables(office, "en", "vectors.csv", since="2025-01-01")
    assert [(row["Vector"], row["New incidents"]) for row in rows] == [("Mail", "1")]
    assert run("verify", "--data", office.server.data).returncode == 0


def test_the_vector_is_set_by_itself_until_a_person_says(office):
    office.server.post_records("dc", LOGON)
    deadline = time.monotonic() + 60
    while True:
        found = [row["id"] for row in office.server.get("/api/v1/incidents")["rows"]]
        kinds = {number: office.abe.get(work(number, "work")) for number in found}
        mine = [case for case in kinds.values() if case["vector_kind"]]
        if mine:
            break
        assert time.monotonic() < deadline, kinds
        time.sleep(0.1)
    assert (mine[0]["vector_kind"], mine[0]["vector_by"]) == ("remote_access", "hyakuyo")
