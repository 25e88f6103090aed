"""What the record covers beyond rows that change with an entry (S175): the audit log as a chain whose end the record names, what the program
counts for itself in incidents, sealed at the stop, and the files of content that were loaded."""
import contextlib
import json
import pathlib
import shutil
import sqlite3

import pytest

from conftest import ROOT, Server, run
from test_record import first_bad, tamper
from test_workflow import SALES, Office, work


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """A server on which people looked and worked, stopped; and the incident."""
    folder = tmp_path_factory.mktemp("sealed")
    server = Server(folder, "--seal-after-ms", 300)
    server.data.mkdir()
    shutil.copy(ROOT / "content/references.yml", server.data)
    server.start()
    try:
        office = Office(server, folder)
        number = office.incident(SALES)
        for _ in range(3):
            office.abe.get(f"/api/v1/incidents/{number}")
        office.abe.do("PATCH", work(number), 200, state="triage", note="looking")
    finally:
        server.stop()
    return server.data, number


@pytest.fixture
def copy(stopped, tmp_path):
    shutil.copytree(stopped[0], tmp_path / "copy")
    return tmp_path / "copy"


def told(data):
    return json.loads(run("verify", "--data", data, "--format", "json", check=False).stdout)


def lines(data):
    return (data / "audit.ndjson").read_bytes().splitlines(keepends=True)


def test_what_nobody_touched_verifies(copy):
    answer = told(copy)
    assert answer["ok"] and answer["audit_lines"] == len(lines(copy)) > 5 and answer["problems"] == []
    assert all(json.loads(line)["prev"] for line in lines(copy))


@pytest.mark.parametrize("how", ["edit", "edit last", "delete", "delete last", "cut", "swap", "all", "insert"])
def test_an_audit_line_that_is_edited_or_deleted_is_found(copy, how):
    file, rows = copy / "audit.ndjson", lines(copy)
    wrong = {"edit": 2, "delete": 1, "swap": 1, "insert": 2}  # lines behind it that hang on what was there
    at = next(i for i, row in enumerate(rows) if b'"incident.view"' in row)
    if how == "edit":
        rows[at] = rows[at].replace(b'"user":"abe"', b'"user":"ito"')
    elif how == "edit last":
        rows[-1] = rows[-1].replace(b'"status":', b'"status":1')
    elif how == "delete":
        del rows[at]
    elif how == "delete last":
        del rows[-1]
    elif how == "cut":
        rows[-1] = rows[-1][:-9]
    elif how == "swap":
        rows[at], rows[at + 1] = rows[at + 1], rows[at]
    elif how == "insert":
        rows.insert(at, rows[at])
    file.write_bytes(b"" if how == "all" else b"".join(rows))
    seq, why = first_bad(copy)
    assert "audit.ndjson" in why and seq > 0
    if how in wrong:
        assert f"line {at + wrong[how]}:" in why


def test_the_audit_log_goes_on_over_a_restart_and_a_torn_line(copy, stopped, tmp_path):
    with open(copy / "audit.ndjson", "ab") as log:
        log.write(b'{"time":"2026-01-01T00:00:00Z","user":"ab')  # a crash in the middle of a line
    server = Server(tmp_path, "--seal-after-ms", 300)
    server.data = copy
    server.start()
    try:
        server.get(f"/api/v1/incidents/{stopped[1]}")
    finally:
        server.stop()
    assert told(copy)["ok"], told(copy)
    rows = lines(copy)
    torn = next(i for i, row in enumerate(rows) if row.endswith(b'"user":"ab\n'))
    assert torn < len(rows) - 1
    rows[torn] = rows[torn].replace(b"2026", b"2025")
    (copy / "audit.ndjson").write_bytes(b"".join(rows))
    assert "audit.ndjson" in first_bad(copy)[1]


def test_an_older_log_is_covered_whole_by_the_first_link(copy, tmp_path):
    """A log without links, as versions before wrote it."""
    folder = tmp_path / "old"
    (folder / "var").mkdir(parents=True)
    old = b'{"time":"2026-01-01T00:00:00Z","user":"abe","action":"search"}\n' * 3
    (folder / "var/audit.ndjson").write_bytes(old)
    server = Server(folder)
    server.start()
    try:
        server.query("*")
    finally:
        server.stop()
    assert told(server.data)["ok"] and told(server.data)["audit_lines"] > 3
    file = server.data / "audit.ndjson"
    file.write_bytes(file.read_bytes().replace(b'"abe"', b'"ito"', 1))
    assert "audit.ndjson" in first_bad(server.data)[1]


@pytest.mark.parametrize("change", [
    "UPDATE incident SET reason = replace(reason, '{', '{ ') WHERE id = ?", "UPDATE incident SET first_ns = first_ns - 1 WHERE id = ?",
    "UPDATE incident SET last_ns = last_ns + 1 WHERE id = ?", "UPDATE incident_finding SET count = count + 1 WHERE incident = ?",
    "UPDATE incident_finding SET matched = matched || 'x' WHERE incident = ?"])
def test_what_the_program_counts_for_itself_is_sealed_at_the_stop(copy, stopped, change):
    tamper(copy, (change, stopped[1]))
    seq, why = first_bad(copy)
    assert f"incident {stopped[1]}" in why
    with contextlib.closing(sqlite3.connect(copy / "state.db")) as db:
        assert db.execute("SELECT target FROM record_entry WHERE seq = ?", (seq,)).fetchone() == ("server.stop",)


def test_a_start_does_not_make_it_right(copy, stopped, tmp_path):
    tamper(copy, ("UPDATE incident SET first_ns = first_ns - 1 WHERE id = ?", stopped[1]))
    server = Server(tmp_path)
    server.data = copy
    server.start()
    server.stop()
    seq, why = first_bad(copy)
    assert "found at a start" in why and f"incident {stopped[1]}" in why


def test_a_file_of_content_that_differs_is_named(copy, tmp_path):
    (copy / "references.yml").write_text((copy / "references.yml").read_text() + "# changed\n")
    seq, why = first_bad(copy)
    assert "DATA/references.yml" in why and seq > 0
    (copy / "references.yml").unlink()
    assert "gone" in first_bad(copy)[1]
    shutil.copy(ROOT / "content/references.yml", copy)
    assert first_bad(copy) is None
    content = pathlib.Path(shutil.copytree(ROOT / "content", tmp_path / "content"))
    assert run("verify", "--data", copy, "--content", content).returncode == 0
    (content / "rules" / "irc_port_outbound.yml").write_text("title: nothing\n")
    (content / "new.yml").write_text("a: 1\n")
    done = run("verify", "--data", copy, "--content", content, check=False)
    assert done.returncode == 1 and "content/rules/irc_port_outbound.yml" in done.stdout and "content/new.yml" in done.stdout
