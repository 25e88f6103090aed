"""Evidence and its chain of custody (spec 3.6): what the program brings by itself, answers of the logs kept as they were given, hand-overs that
the receiver signs, legal hold, retention, and disposal that somebody else has approved."""
import hashlib
import json

import pytest

from conftest import run
from test_console_http import conforms
from test_record import first_bad
from test_registers import deeds
from test_workflow import SALES, Office, soon, work


@pytest.fixture
def office(server, tmp_path):
    return Office(server("--seal-after-ms", 300), tmp_path)


def custody(person, number, item, wanted=200, **body):
    return person.do("POST", work(number, "evidence", item, "custody"), wanted, **body)


def decided(office, number, item, action, signer="mori"):
    asked = office.abe.do("POST", work(number, "approvals"), 200, action=action, scope="evidence", subject=f"evidence/{item}", question="May we?")
    office.people[signer].do("POST", f"/api/v1/approvals/{asked['id']}/approve", 200, note="yes")


def evidence(person, number):
    return person.get(work(number, "evidence"))["rows"]


def test_an_answer_of_the_logs_is_kept_as_it_was(office):
    abe = office.abe
    number = office.incident(SALES)
    office.hata.do("POST", work(number, "evidence", "query"), 403, query="*", description="x")
    abe.do("POST", work(number, "evidence", "query"), 400, query="source.ip:(", description="x")
    item = abe.do("POST", work(number, "evidence", "query"), 201, query=f"source.ip:{SALES}", description="what the PC sent", source_host="PC-SAL-050")
    assert item["number"].startswith(f"{number}-") and item["acquired_by"] == "abe" and item["tool"].startswith("hyakuyo ") and SALES in item["tool"]
    status, text, _ = abe.ask("GET", work(number, "evidence", item["id"], "file"))
    assert status == 200 and hashlib.sha256(text.encode()).hexdigest() == item["sha256"] and len(text.encode()) == item["size"]
    kept = json.loads(text)
    assert kept["asked_by"] == "abe" and not kept["is_cut"] and [row["source.ip"] if "source.ip" in row else row["source"]["ip"] for row in kept["rows"]] == [SALES]
    file = office.server.data / "evidence" / item["sha256"]
    assert file.stat().st_mode & 0o777 == 0o400
    log = abe.get(work(number, "evidence", item["id"]))["custody"]
    assert [(row["kind"], row["signed_by"]) for row in log] == [("access", "abe"), ("access", "abe")]
    file.chmod(0o600)
    file.write_bytes(file.read_bytes() + b" ")
    assert "SHA-256" in abe.do("GET", work(number, "evidence", item["id"], "file"), 409)["detail"]
    assert item["number"] in first_bad(office.server.data)[1]
    file.unlink()
    assert item["sha256"] in first_bad(office.server.data)[1]


def test_an_export_and_the_history_are_items(office):
    number = office.incident(SALES)
    status, text, _ = office.abe.ask("GET", work(number, "export?format=csv"))
    assert status == 200
    exported = [row for row in evidence(office.abe, number) if row["location"].startswith("evidence/")]
    assert [row["sha256"] for row in exported] == [hashlib.sha256(text.encode()).hexdigest()] and exported[0]["acquired_by"] == "abe"
    assert (office.server.data / exported[0]["location"]).read_bytes() == text.encode()


def test_from_hand_to_hand_to_the_end(office):
    abe, ito, mori = office.abe, office.ito, office.mori
    number = office.incident(SALES)
    abe.do("POST", work(number, "evidence"), 400, type="file", description="x", location="evidence/" + "a" * 64)
    item = abe.do("POST", work(number, "evidence", "query"), 201, query="*", description="all")
    at, file = item["id"], office.server.data / "evidence" / item["sha256"]
    custody(abe, number, at, 409, kind="receive", reason="here")
    custody(abe, number, at, 409, kind="transfer", to_person="abe", reason="to myself")
    assert custody(abe, number, at, kind="transfer", to_person="ito", reason="analysis")["on_its_way_to"] == "ito"
    taken = custody(ito, number, at, kind="receive", reason="seal 17 unbroken")
    assert taken["on_its_way_to"] == "" and taken["holder"] == "ito" and taken["custody"][-1]["signed_by"] == "ito"
    custody(ito, number, at, kind="transfer", to_person="Kita Forensics", reason="imaging")
    assert custody(mori, number, at, kind="receive", reason="the courier signed")["custody"][-1]["to_person"] == "Kita Forensics"
    assert custody(mori, number, at, kind="hold", reason="lawsuit")["legal_hold"] is True
    custody(mori, number, at, 409, kind="disposal", reason="old", how="shredded")
    refused = custody(abe, number, at, 409, kind="release", reason="settled")
    assert f"evidence/{at}" in refused["detail"]
    decided(office, number, at, "release")
    assert custody(abe, number, at, kind="release", reason="settled")["custody"][-1]["approved_by"] == "mori"
    until = soon(3600)
    custody(abe, number, at, 400, kind="retain", reason="rule 7", until="2020-01-01T00:00:00Z")
    assert custody(abe, number, at, kind="retain", reason="rule 7", until=until)["retention_until"]
    custody(abe, number, at, 409, kind="disposal", reason="old", how="deleted")  # it must be kept for longer
    other = abe.do("POST", work(number, "evidence"), 201, type="disk", description="disk of PC-SAL-050")
    decided(office, number, other["id"], "dispose")
    custody(abe, number, at, 409, kind="disposal", reason="old", how="deleted")
    custody(abe, number, other["id"], 400, kind="disposal", reason="old")  # how?
    gone = custody(abe, number, other["id"], kind="disposal", reason="case over", how="degaussed")
    assert gone["disposed"] and gone["custody"][-1]["approved_by"] == "mori" and gone["custody"][-1]["how"] == "degaussed"
    custody(abe, number, other["id"], 409, kind="transfer", to_person="ito", reason="again")
    assert file.exists()
    document = office.server.get("/api/v1/openapi.json")
    conforms(document, {"$ref": "#/components/schemas/WorkEvidenceItem"}, abe.get(work(number, "evidence", at)), "evidence")
    assert ("execute", "ito") in deeds(office, f"evidence/{at}")


def test_a_file_goes_with_its_last_item(office):
    number = office.incident(SALES)
    for name in ("first", "second"):
        assert office.abe.ask("GET", work(number, "export?format=csv"))[0] == 200
    items = [row for row in evidence(office.abe, number) if row["location"].startswith("evidence/")]
    for item in items:
        decided(office, number, item["id"], "dispose")
        file = office.server.data / item["location"]
        assert file.exists()
        custody(office.abe, number, item["id"], kind="disposal", reason="over", how="deleted")
        assert not file.exists()
        office.abe.do("GET", work(number, "evidence", item["id"], "file"), 404)
    assert items and run("verify", "--data", office.server.data).returncode == 0
