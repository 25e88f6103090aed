"""Evidence and its chain of custody (spec 3.6): what the program brings by itself, answers of the logs kept as they were given, hand-overs that
the receiver signs, legal hold, retention, and disposal that somebody else has approved."""
import hashlib
import hmac
import http.client
import io
import json
import os
import socket
import struct
import subprocess
import time
import urllib.parse
import zipfile

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


def upload(person, number, body, headers=None, **query):
    """The bytes as they are; `body` may be an iterable, which is then sent in chunks."""
    connection = http.client.HTTPConnection("127.0.0.1", person.server.http_port, timeout=60)
    head = {"Content-Type": "application/octet-stream", "Cookie": person.cookie, "X-CSRF-Token": person.csrf} | (headers or {})
    connection.request("POST", work(number, "evidence", "file") + "?" + urllib.parse.urlencode(query), body, head)
    answer = connection.getresponse()
    status, text = answer.status, answer.read()
    connection.close()
    return status, json.loads(text)


def opened(archive, password):
    """The one file of a WinZip AES-256 archive (AE-1, AE-2), by its specification and not by the library that wrote it."""
    info, = zipfile.ZipFile(io.BytesIO(archive)).infolist()
    assert info.flag_bits & 1 and info.compress_type == 99
    extra, at = info.extra, 0
    while struct.unpack_from("<H", extra, at)[0] != 0x9901:
        at += 4 + struct.unpack_from("<H", extra, at + 2)[0]
    vendor, strength, method = struct.unpack_from("<2x2sBH", extra, at + 4)
    assert (vendor, strength, method) == (b"AE", 3, 0)  # AES-256, stored
    name, more = struct.unpack_from("<HH", archive, info.header_offset + 26)
    data = archive[info.header_offset + 30 + name + more:][:info.compress_size]
    salt, check, body, code = data[:16], data[16:18], data[18:-10], data[-10:]
    keys = hashlib.pbkdf2_hmac("sha1", password.encode(), salt, 1000, 66)
    if keys[64:] != check:
        return info.filename, None
    assert hmac.new(keys[32:64], body, "sha1").digest()[:10] == code
    counters = b"".join((i + 1).to_bytes(16, "little") for i in range((len(body) + 15) // 16))
    stream = subprocess.run(["openssl", "enc", "-aes-256-ecb", "-nopad", "-K", keys[:32].hex()], input=counters, capture_output=True, check=True).stdout
    return info.filename, (int.from_bytes(body, "big") ^ int.from_bytes(stream[:len(body)], "big")).to_bytes(len(body), "big")


def fetch(person, number, item, form):
    connection = http.client.HTTPConnection("127.0.0.1", person.server.http_port, timeout=60)
    connection.request("GET", work(number, "evidence", item["id"], "file") + form, headers={"Cookie": person.cookie})
    answer = connection.getresponse()
    got = answer.status, answer.read(), answer.headers
    connection.close()
    return got


def test_a_file_goes_out_in_a_zip_that_only_the_password_opens(office):
    abe, ito = office.abe, office.ito
    number = office.incident(SALES)
    sample = b"MZ" + os.urandom(3 << 20) + b"not seen on the way"
    status, item = upload(abe, number, sample, name="invoice.exe", type="file")
    assert status == 201
    listed = abe.get(work(number, "evidence"))
    assert listed["zip_password"] == "infected"
    status, archive, headers = fetch(ito, number, item, "?as=zip")
    inside = f"{item['number']}-{item['sha256'][:12]}"
    assert status == 200 and headers["Content-Disposition"] == f'attachment; filename="{inside}.zip"' and headers["X-Content-Type-Options"] == "nosniff"
    assert b"not seen on the way" not in archive and len(archive) < len(sample) + 1000
    assert opened(archive, "infected") == (f"{inside}.bin", sample) and opened(archive, "Infected")[1] is None
    assert fetch(ito, number, item, "?as=zip")[1] != archive  # another salt each time
    assert fetch(ito, number, item, "?as=file")[1] == sample and fetch(ito, number, item, "?as=tar")[0] == 400
    assert fetch(office.hata, number, item, "?as=zip")[0] == fetch(office.hata, number, item, "")[0] == 403
    chain = [row["reason"] for row in abe.get(work(number, "evidence", item["id"]))["custody"] if row["kind"] == "access" and row["signed_by"] == "ito"]
    assert sum("ZIP" in reason for reason in chain) == 2 and len(chain) == 3
    assert sorted(p.name for p in (office.server.data / "evidence").iterdir() if p.is_file()) == [item["sha256"]]
    file = office.server.data / item["location"]
    file.chmod(0o600)
    file.write_bytes(sample[:-1])
    assert fetch(ito, number, item, "?as=zip")[0] == 409


def test_the_password_of_the_zip_is_a_setting(server, tmp_path):
    office = Office(server("--seal-after-ms", 300, "--evidence-password", "V!rus-2026"), tmp_path)
    number = office.incident(SALES)
    _, item = upload(office.abe, number, b"MZ sample", name="a.exe")
    assert office.abe.get(work(number, "evidence"))["zip_password"] == "V!rus-2026"
    archive = fetch(office.abe, number, item, "?as=zip")[1]
    assert opened(archive, "V!rus-2026")[1] == b"MZ sample" and opened(archive, "infected")[1] is None
    done = run("serve", "--data", tmp_path / "other", "--lang", "en", "--listen-syslog", "127.0.0.1:0", "--listen-http", "127.0.0.1:0", "--evidence-password", "two words", check=False)
    assert done.returncode != 0 and "1 to 64 printable" in done.stderr


def incoming(office):
    folder = office.server.data / "evidence" / "incoming"
    return sorted(folder.iterdir()) if folder.exists() else []


def test_a_file_is_taken_in_while_it_comes(office):
    abe, ito = office.abe, office.ito
    number = office.incident(SALES)
    sample = b"<script>alert(1)</script>MZ" + os.urandom(3 << 20)  # larger than any other body may be
    sha256 = hashlib.sha256(sample).hexdigest()
    before = office.server.get("/api/v1/record/head")["seq"]
    status, item = upload(abe, number, (sample[at:at + 100_000] for at in range(0, len(sample), 100_000)), name="請求書.pdf.exe", description="開いたもの",
                          type="file", source_host="PC-SAL-050", acquired_by="ito", witness="mori", sha256=sha256.upper())
    assert status == 201, item
    assert (item["sha256"], item["size"], item["holder"], item["acquired_by"], item["description"]) == (sha256, len(sample), "abe", "ito", "開いたもの (請求書.pdf.exe)")
    file = office.server.data / item["location"]
    assert file.read_bytes() == sample and file.stat().st_mode & 0o777 == 0o400 and incoming(office) == []
    conforms(office.server.get("/api/v1/openapi.json"), {"$ref": "#/components/schemas/WorkEvidence"}, item, "evidence")
    # one transaction: one entry with the item and the first line of its chain
    entry, = [row for row in office.server.get("/api/v1/record?limit=50")["rows"] if row["seq"] > before and row["target"] == f"evidence/{item['id']}"]
    assert {change["table"] for change in entry["changes"]} == {"work_evidence", "work_custody"} and entry["actor"] == "abe" and "請求書.pdf.exe" in entry["text"]
    first = abe.get(work(number, "evidence", item["id"]))["custody"][0]
    assert (first["kind"], first["from_person"], first["to_person"], first["signed_by"]) == ("receive", "ito", "abe", "abe")
    # out again: an attachment of octets, whatever it looks like, and a line in the chain and in the audit log
    connection = http.client.HTTPConnection("127.0.0.1", office.server.http_port, timeout=60)
    connection.request("GET", work(number, "evidence", item["id"], "file"), headers={"Cookie": ito.cookie})
    answer = connection.getresponse()
    assert answer.read() == sample and answer.getheader("Content-Type") == "application/octet-stream" and answer.getheader("X-Content-Type-Options") == "nosniff"
    assert answer.getheader("Content-Disposition") == f'attachment; filename="{item["number"]}-{sha256[:12]}.bin"'
    connection.close()
    assert [(row["kind"], row["signed_by"]) for row in abe.get(work(number, "evidence", item["id"]))["custody"]].count(("access", "ito")) == 1
    lines = [json.loads(line) for line in (office.server.data / "audit.ndjson").read_text().splitlines()]
    assert {(line["user"], line["action"]) for line in lines} >= {("abe", "incident.evidence.upload"), ("ito", "incident.evidence.file")}
    assert run("verify", "--data", office.server.data).returncode == 0
    file.chmod(0o600)
    file.write_bytes(sample[:-1])
    assert abe.do("GET", work(number, "evidence", item["id"], "file"), 409)
    assert item["number"] in first_bad(office.server.data)[1]


def test_files_that_are_not_taken_in(server, tmp_path):
    office = Office(server("--seal-after-ms", 300, "--evidence-mb", 1), tmp_path)
    abe, number = office.abe, office.incident(SALES)
    for status, person, body, query, headers in (
            (400, abe, b"", {"name": "a"}, {}), (400, abe, b"x", {}, {}), (400, abe, b"x", {"name": "../a"}, {}), (400, abe, b"x", {"name": "a", "type": "soup"}, {}),
            (400, abe, b"x", {"name": "a", "sha256": "12"}, {}), (409, abe, b"x", {"name": "a", "sha256": "0" * 64}, {}),
            (415, abe, b"x", {"name": "a"}, {"Content-Type": "text/html"}), (403, abe, b"x", {"name": "a"}, {"X-CSRF-Token": "wrong"}),
            (403, office.hata, b"x", {"name": "a"}, {}), (403, office.vendor1, b"x", {"name": "a"}, {}),
            (413, abe, None, {"name": "a"}, {"Content-Length": str((1 << 20) + 1)}), (413, abe, iter([bytes(1 << 20), b"x"]), {"name": "a"}, {})):
        got = upload(person, number, body, headers, **query)
        assert got[0] == status and (got[1]["detail"] or status == 403), (status, query, got)
    assert upload(abe, 999, b"x", name="a")[0] == 404
    assert upload(abe, number, b"the same", name="first")[0] == 201
    status, told = upload(abe, number, b"the same", name="second")
    assert status == 409 and f"{number}-1" in told["detail"] and f"{number}-1" in told["detail_ja"]
    assert len(evidence(abe, number)) == 1
    # what is announced as too long is refused before it comes; a client that goes away in the middle leaves nothing
    with socket.create_connection(("127.0.0.1", office.server.http_port)) as s:
        s.sendall((f"POST {work(number, 'evidence', 'file')}?name=cut HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n"
                   f"Cookie: {abe.cookie}\r\nX-CSRF-Token: {abe.csrf}\r\n\r\nhalf").encode())
        wait_for(lambda: incoming(office))
    wait_for(lambda: not incoming(office))
    assert run("verify", "--data", office.server.data).returncode == 0


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_kill_in_the_middle_of_a_file_leaves_no_item_and_no_file(server, tmp_path):
    office = Office(server("--seal-after-ms", 300), tmp_path)
    abe, number = office.abe, office.incident(SALES)
    with socket.create_connection(("127.0.0.1", office.server.http_port)) as s:
        s.sendall((f"POST {work(number, 'evidence', 'file')}?name=cut HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000\r\n"
                   f"Cookie: {abe.cookie}\r\nX-CSRF-Token: {abe.csrf}\r\n\r\nhalf").encode())
        wait_for(lambda: incoming(office))
        office.server.kill()
    assert incoming(office)
    office.server.start()
    assert incoming(office) == [] and office.server.get(work(number, "evidence"))["rows"] == []
    status, item = upload(abe, number, b"whole", name="again")
    assert status == 201 and (office.server.data / item["location"]).read_bytes() == b"whole"
    office.server.kill()  # it is there, whatever happens after the answer
    assert run("verify", "--data", office.server.data).returncode == 0
    office.server.start()
    assert [row["sha256"] for row in office.server.get(work(number, "evidence"))["rows"]] == [item["sha256"]]


def test_no_files_are_taken_where_none_are_wanted(server, tmp_path):
    office = Office(server("--seal-after-ms", 300, "--evidence-mb", 0), tmp_path)
    status, told = upload(office.abe, office.incident(SALES), b"x", name="a")
    assert status == 404 and "--evidence-mb" in told["detail"] and "--evidence-mb" in told["detail_ja"]


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
