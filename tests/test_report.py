"""Reports over a simulated office whose logs went through a running server: every number is held against an independent question, every format is read back,
the evidence pack's sample is drawn again from its seed (S24, S132, S183 to S187)."""
import contextlib
import csv
import datetime
import hashlib
import io
import json
import os
import re
import sqlite3
import subprocess
import time
import zipfile

import pytest
import yaml
from conftest import BINARY, ROOT, Server, rows, run
from test_sessions import Browser

TOKYO = {"TZ": "Asia/Tokyo"}
PERIOD = ("--from", "2025-11-10T00:00:00+09:00", "--to", "2025-11-12T00:00:00+09:00")
FROM, TO = "2025-11-09T15:00:00Z", "2025-11-11T15:00:00Z"
TREND_FORMS = ["daily", "weekly", "monthly"]


class Office:
    """Two days of sixty computers, one of which catches a worm; kept by a server that has stopped since."""

    def __init__(self, folder):
        self.logs = folder / "office"
        run("simulate", "--hosts", 60, "--days", 2, "--seed", 1, "--inject", "web_worm_irc@1d9h12m", "--out", self.logs)
        server = Server(folder).start()
        try:
            server.take_up("asset", "import", self.logs / "assets")
            self.sent = 0
            for path in sorted((self.logs / "logs").glob("*.log")):
                lines = path.read_bytes().splitlines(keepends=True)
                status, _ = server.post_records(path.stem, b"".join(lines))
                assert status in (200, 201, 202)
                self.sent += len(lines)
            server.wait_count(self.sent)
        finally:
            assert server.stop() == 0
        self.data = server.data

    def report(self, name, *options, lang="en", **more):
        return subprocess.run([str(o) for o in (BINARY, "report", name, "--data", self.data, "--lang", lang, *options)], capture_output=True,
                              check=True, timeout=120, env={**os.environ, **TOKYO}, **more).stdout

    def table(self, name, section, *options, lang="en"):
        text = self.report(name, *PERIOD, "--format", "csv", "--section", section, "--out", "-", *options, lang=lang).decode()
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def sql(self, text, *parameters):
        with contextlib.closing(sqlite3.connect(f"file:{self.data}/state.db?mode=ro", uri=True)) as db, db:
            return db.execute(text, parameters).fetchall()

    def query(self, expression):
        return rows("query", "--data", self.data, "--from", FROM, "--to", TO, "--limit", 100000, expression)


@pytest.fixture(scope="module")
def office(tmp_path_factory):
    return Office(tmp_path_factory.mktemp("office"))


def nanoseconds(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) * 10**9


# ---------------------------------------------------------------- numbers

def test_s24_incidents_of_the_period_are_those_of_the_state(office):
    opened, urgent = office.sql("SELECT count(*), count(*) FILTER (WHERE urgency = 4) FROM incident WHERE state <> 0 AND exercise = 0 AND opened_ns >= ? AND opened_ns < ?",
                                nanoseconds(FROM), nanoseconds(TO))[0]
    assert opened > 0
    [totals] = office.table("daily", "incident-totals")
    assert int(totals["New incidents"]) == opened and int(totals["Closed"]) == 0 and int(totals["Open at the end"]) == opened
    listed = office.table("daily", "incidents")
    assert len(listed) == opened and sum(row["Urgency"] == "highest" for row in listed) == urgent
    trend = office.table("weekly", "incident-trend")
    assert sum(int(row["New incidents"]) for row in trend) == opened
    assert {row["Day"] for row in trend} <= {"2025-11-10T00:00:00.000+09:00", "2025-11-11T00:00:00.000+09:00"}
    departments = office.table("weekly", "departments")
    assert sum(int(row["New incidents"]) for row in departments) == opened


def test_s24_events_of_each_hour_are_those_a_query_counts(office):
    reported = {(row["Time"], row["Category"]): int(row["Events"]) for row in office.table("daily", "events")}
    text = """SELECT strftime(hour, '%Y-%m-%dT%H:00:00.000+09:00') AS hour, category, count(*) AS n
              FROM (SELECT "@timestamp" + INTERVAL 9 HOUR AS hour, unnest(list_distinct("event.category")) AS category FROM events) GROUP BY 1, 2"""
    asked = {(row["hour"], row["category"]): row["n"] for row in rows("query", "--data", office.data, "--sql", "--limit", 100000, text) if "2025-11-10" <= row["hour"] < "2025-11-12"}
    assert reported == asked and len(reported) > 24


def test_s185_malware_found_and_removed_is_counted_by_outcome(office):
    words = {"success": "removed or blocked", "failure": "not removed", "unknown": "not told"}
    asked = {words[row["event.outcome"]]: row["count"] for row in office.query("event.category:malware and hyakuyo.malware.name:* | count by event.outcome")}
    [everything] = office.query("event.category:malware and hyakuyo.malware.name:* | count")
    if sum(asked.values()) < everything["count"]:
        asked["unknown"] = everything["count"] - sum(asked.values())  # reports that tell no outcome
    for name in TREND_FORMS + ["control-effectiveness"]:
        assert {row["Outcome"]: int(row["Detections"]) for row in office.table(name, "detections")} == asked
        assert sum(int(row["Detections"]) for row in office.table(name, "detections-by-department")) == everything["count"]
    assert asked


def test_s23_alarms_that_nobody_checked_are_overdue_not_forgotten(office):
    classes = office.table("daily", "alarm-checks")
    received = office.sql("SELECT json_extract(reason, '$.sla'), count(*) FROM incident WHERE state <> 0 AND exercise = 0 AND opened_ns >= ? AND opened_ns < ? GROUP BY 1", nanoseconds(FROM), nanoseconds(TO))
    changed = {row[0] for row in office.sql("SELECT incident FROM incident_change WHERE who <> 'hyakuyo'")}
    assert {row["Class"]: int(row["Received"]) for row in classes} == dict(received) and not changed
    for row in classes:
        assert int(row["Checked"]) == 0 and row["Unchecked"] == row["Received"] == row["Late or overdue"]
        assert row["Longest"] == "unknown"  # nothing was measured: not 0


def test_balance_of_the_report_closes_and_is_the_balance_of_the_state(office):
    text = office.report("daily", "--from", "2020-01-01", "--to", "2099-01-01", "--format", "csv", "--section", "balance", "--out", "-").decode()
    [totals] = csv.DictReader(io.StringIO(text, newline=""))
    assert int(totals["Received"]) == sum(r[0] for r in office.sql("SELECT received FROM balance")) >= office.sent
    assert int(totals["Difference"]) == 0


def test_incident_report_shows_the_arithmetic_of_the_evidence(office):
    [number, reason, confidence] = office.sql("SELECT id, reason, confidence FROM incident WHERE state <> 0 ORDER BY urgency DESC, confidence DESC LIMIT 1")[0]
    groups = {group["group"]: group for group in json.loads(reason)["confidence"]["groups"]}
    text = office.report("incident", "--incident", number, "--format", "csv", "--section", "evidence", "--out", "-").decode()
    shown = list(csv.DictReader(io.StringIO(text, newline="")))
    names = yaml.safe_load((ROOT / "content" / "reports" / "labels.yml").read_text())["columns"]["evidence_group"]["values"]
    groups = {names[group]["en"]: weighed for group, weighed in groups.items()}
    assert {row["Evidence group"] for row in shown} == set(groups) and len(shown) == sum(len(g["items"]) for g in groups.values())
    for row in shown:
        assert float(row["Weight of the group (ln odds)"]) == pytest.approx(groups[row["Evidence group"]]["log_odds"])
    page = office.report("incident", "--incident", number, "--format", "html", "--out", "-").decode()
    findings = office.sql("SELECT count(*) FROM incident_finding WHERE incident = ?", number)[0][0]
    timeline = page.split('<section id="timeline">')[1].split("</section>")[0]
    assert timeline.count("<tr>") == findings + 1  # and its head
    if 0.9995 < confidence < 1:
        assert "&gt; 99.9 %" in page  # nearly certain is not certain


def test_an_incident_that_is_not_there_and_a_report_that_is_not_there_are_told(office):
    for words, sentence in ((("incident",), "name it"), (("incident", "--incident", "999999"), "no incident 999999"), (("nonsense",), "no report 'nonsense'"), (("../daily",), "no report"),
                            (("daily", "--from", "2025-11-12", "--to", "2025-11-10"), "ends before it begins")):
        done = run("report", *words, "--data", office.data, "--out", "-", check=False)
        assert done.returncode == 2 and sentence in done.stderr, (words, done.stderr)


# ---------------------------------------------------------------- formats

@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("name", [*TREND_FORMS, "control-effectiveness", "residual-risk"])
def test_s132_pdf_has_its_pages_embedded_fonts_and_text(office, tmp_path, name, lang):
    path = tmp_path / "report.pdf"
    path.write_bytes(office.report(name, *PERIOD, "--out", "-", lang=lang))
    info = subprocess.run(["pdfinfo", path], capture_output=True, text=True, check=True).stdout
    pages = int(re.search(r"Pages: +(\d+)", info)[1])
    assert "A4" in info
    text = subprocess.run(["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True).stdout
    sheets = text.split("\f")[:-1]
    assert len(sheets) == pages
    for number, sheet in enumerate(sheets, 1):
        squeezed = "".join(sheet.split())
        assert squeezed.endswith(f"{number}/{pages}"), "every page has its number"
        assert "2025-11-1000:00" in squeezed, "every page names the period"
    fonts = subprocess.run(["pdffonts", path], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert fonts and all(re.search(r"\byes yes yes\b", font) for font in fonts), fonts  # embedded, subset, with text
    flat = "".join(text.split())
    titles = {"en": ["Asof", "UTC+09:00", "Criteria", "Headoftherecord"], "ja": ["作成時点", "UTC+09:00", "判定基準の版", "出所"]}
    assert all(word in flat for word in titles[lang])
    assert bool(re.search(r"\bunknown\b", text)) == (lang == "en") and ("不明" in flat) == (lang == "ja")
    subprocess.run(["pdftoppm", "-r", "50", "-png", path, tmp_path / "page"], check=True)
    drawn = list(tmp_path.glob("page*.png"))
    assert len(drawn) == pages and all(image.stat().st_size > 2000 for image in drawn)


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_s132_page_needs_nothing_but_itself(office, lang):
    page = office.report("weekly", *PERIOD, "--format", "html", "--out", "-", lang=lang).decode()
    assert f'<html lang="{lang}">' in page and "<svg" in page and page.count("<section") == page.count("</section>")
    assert not re.search(r"<script|src=|href=|url\(|https?://", page)
    origins = re.findall(r'<p class="origin">([^<]+)', page)
    assert len(origins) == page.count("<section") and all("2025-11-10" in o or "as of" in o or "時点" in o for o in origins)


def test_s132_the_two_languages_say_the_same_numbers(office):
    for section in ("incident-totals", "alarm-checks", "detections", "balance"):
        english, japanese = office.table("daily", section), office.table("daily", section, lang="ja")
        assert len(english) == len(japanese)
        for one, other in zip(english, japanese):
            assert [v for v in one.values() if re.fullmatch(r"[\d.]+", v)] == [v for v in other.values() if re.fullmatch(r"[\d.]+", v)]
            assert set(one) != set(other)


def test_s132_csv_of_all_tables_is_a_zip_and_reads_back(office):
    plain = zipfile.ZipFile(io.BytesIO(office.report("monthly", *PERIOD, "--format", "csv", "--out", "-")))
    facts = dict(csv.reader(io.StringIO(plain.read("_report.csv").decode(), newline="")))
    assert facts["Report"] == "Monthly report" and facts["Head of the record"] == office.sql("SELECT lower(hex(entry_hash)) FROM record_entry ORDER BY seq DESC LIMIT 1")[0][0]
    for name in plain.namelist():
        table = list(csv.reader(io.StringIO(plain.read(name).decode(), newline="")))
        assert len({len(row) for row in table}) == 1, name
    marked = office.report("monthly", *PERIOD, "--format", "csv", "--section", "balance", "--bom", "--out", "-")
    assert marked.startswith(b"\xef\xbb\xbf") and marked[3:] == office.report("monthly", *PERIOD, "--format", "csv", "--section", "balance", "--out", "-")


# ---------------------------------------------------------------- evidence pack

def drawn(seed, control, population, n):
    keys = sorted((hashlib.sha256(f"{seed}:{control}:{row}".encode()).digest(), row) for row in range(population))
    return sorted(row for _, row in keys[:n])


def test_s187_an_auditor_draws_the_same_sample_from_the_seed(office):
    packs = {}
    for seed in (42, 42, 43):
        pack = zipfile.ZipFile(io.BytesIO(office.report("j-sox", "--from", "2020-01-01", "--to", "2099-01-01", "--seed", seed, "--out", "-")))
        manifest = json.loads(pack.read("manifest.json"))
        packs.setdefault(seed, []).append(manifest)
        assert {entry["name"] for entry in manifest["files"]} | {"manifest.json"} == set(pack.namelist())
        for entry in manifest["files"]:
            assert hashlib.sha256(pack.read(entry["name"])).hexdigest() == entry["sha256"]
        for control in manifest["controls"]:
            population = list(csv.reader(io.StringIO(pack.read(f"{control['id']}/population.csv").decode(), newline="")))
            sample = list(csv.reader(io.StringIO(pack.read(f"{control['id']}/sample.csv").decode(), newline="")))
            assert control["population"] == len(population) - 1 and control["result"] == "unknown"
            wanted = drawn(seed, control["id"], control["population"], control["sample_size"])
            assert control["sample"] == wanted and sample[1:] == [population[1 + row] for row in wanted]
    first, again = packs[42]
    assert [c["sample"] for c in first["controls"]] == [c["sample"] for c in again["controls"]]
    sampled = {c["id"]: (c["population"], c["sample"]) for c in first["controls"]}
    assert any(len(sample) < population for population, sample in sampled.values()), "at least one population is larger than its sample"
    assert sampled != {c["id"]: (c["population"], c["sample"]) for c in packs[43][0]["controls"]}


def test_s183_the_ledger_of_the_pack_is_every_incident(office):
    pack = zipfile.ZipFile(io.BytesIO(office.report("j-sox", *PERIOD, "--out", "-")))
    ledger = list(csv.DictReader(io.StringIO(pack.read("O3/population.csv").decode(), newline="")))
    assert [int(row["Incident"]) for row in ledger] == [r[0] for r in office.sql("SELECT id FROM incident WHERE state <> 0 AND opened_ns >= ? AND opened_ns < ? ORDER BY id", nanoseconds(FROM), nanoseconds(TO))]


# ---------------------------------------------------------------- education

def test_s26_the_effect_of_training_is_a_ratio_with_its_interval_or_no_conclusion(office):
    assert "nobody has entered trainings" in office.report("education", "--format", "html", "--out", "-").decode()
    next_year = datetime.date.today().year + 1
    file = office.data / "education.yml"
    file.write_text(f"""trainings:
  - {{department: Sales, date: 2025-11-11, days: 1, cases: "event.category:network"}}
  - {{department: Sales, date: 2025-11-11, days: 1, cases: "event.category:malware and host.name:NOBODY"}}
  - {{department: Admin, date: {next_year}-04-01, days: 30, cases: "event.category:network"}}
""")
    try:
        def table(section):
            return list(csv.DictReader(io.StringIO(office.report("education", "--format", "csv", "--section", section, "--out", "-").decode(), newline="")))
        seen, nothing, future = table("effect")
        [before] = rows("query", "--data", office.data, "--from", "2025-11-10T00:00:00+09:00", "--to", "2025-11-11T00:00:00+09:00", 'event.category:network and hyakuyo.department:"Sales" | count')
        assert int(seen["Before"]) == before["count"] > 100 and int(seen["After"]) == 0 and seen["Conclusion"] == "fewer"
        assert float(seen["to"]) == pytest.approx((1 - 0.025 ** (1 / before["count"])) / 0.025 ** (1 / before["count"]), rel=1e-6)
        assert int(seen["People"]) == office.sql("SELECT count(DISTINCT user) FROM asset_user WHERE department = 'Sales' AND retired_ns IS NULL")[0][0]
        assert nothing["Conclusion"] == future["Conclusion"] == "unknown" and future["After"] == "unknown"  # what is not over was not measured
        assert [row["Conclusion"] for row in table("against")] == ["unknown"] * 3
        file.write_text("trainings:\n  - {department: Sales, date: yesterday}\n")
        assert "education.yml:2:" in office.report("education", "--format", "html", "--out", "-").decode()
    finally:
        file.unlink()


# ---------------------------------------------------------------- server

@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path).start()
    yield s
    s.stop()


def post(server, path, body, token=True):
    headers = {"Content-Type": "application/json"}
    if isinstance(token, str):
        headers["Authorization"], token = "Bearer " + token, False
    status, answer = server.request("POST", path, json.dumps(body), headers, token=token)
    return status, json.loads(answer) if answer else None


def test_s24_a_signed_report_is_immutable_and_its_hash_is_kept(server):
    listing = server.get("/api/v1/reports")
    assert {form["name"] for form in listing["forms"]} >= {"daily", "weekly", "monthly", "incident", "j-sox"} and listing["rows"] == []
    status, made = post(server, "/api/v1/reports/daily", {"language": "ja", "format": "html"})
    assert status == 201 and made["signed"] is None and made["built_by"] == "local"
    status, body = server.request("GET", f"/api/v1/reports/{made['id']}")
    assert status == 200 and hashlib.sha256(body).hexdigest() == made["sha256"] and "日報" in body.decode()
    status, signed = post(server, f"/api/v1/reports/{made['id']}/sign", {"note": "seen"})
    assert status == 200 and signed["signed_by"] == "local" and signed["note"] == "seen" and signed["sha256"] == made["sha256"]
    assert post(server, f"/api/v1/reports/{made['id']}/sign", {"note": "again"})[0] == 409
    with contextlib.closing(sqlite3.connect(server.data / "state.db")) as db, db:
        for change in ("UPDATE report SET note = 'x'", "UPDATE report SET sha256 = 'x'", "DELETE FROM report", "UPDATE report SET signed_by = ''"):
            with pytest.raises(sqlite3.DatabaseError):
                db.execute(change)
        entries = db.execute("SELECT action, actor, target, evidence FROM record_entry WHERE target LIKE 'report/%' ORDER BY seq").fetchall()
        assert entries == [("execute", "local", f"report/{made['id']}", made["sha256"]), ("approve", "local", f"report/{made['id']}", made["sha256"])]
    lines = (server.data / "audit.log").read_text().splitlines() if (server.data / "audit.log").exists() else [l for p in server.data.glob("audit*") for l in p.read_text().splitlines()]
    assert {"report.make", "report.read", "report.sign"} <= {json.loads(line)["action"] for line in lines}


def test_s24_the_analyst_makes_the_lead_signs_and_departments_see_none(tmp_path):
    server = Server(tmp_path)
    password = "correct horse battery"
    for name, role in (("hanako", "analyst"), ("taro", "lead"), ("jiro", "department"), ("saburo", "auditor")):
        run("user", "add", name, "--role", role, "--data", server.data, input=password + "\n")
    server.start()
    try:
        people = {}
        for name in ("hanako", "taro", "jiro", "saburo"):
            people[name] = Browser(server)
            assert people[name].log_in(name, password) == 200
        response, body = people["hanako"].ask("POST", "/api/v1/reports/daily", {"format": "html"})
        number = json.loads(body)["id"]
        assert response.status == 201 and json.loads(body)["built_by"] == "hanako"
        assert people["hanako"].ask("POST", f"/api/v1/reports/{number}/sign", {})[0].status == 403
        assert people["saburo"].ask("GET", f"/api/v1/reports/{number}")[0].status == 200
        assert people["saburo"].ask("POST", f"/api/v1/reports/{number}/sign", {})[0].status == 403
        for method, path in (("GET", "/api/v1/reports"), ("GET", f"/api/v1/reports/{number}"), ("POST", "/api/v1/reports/daily")):
            assert people["jiro"].ask(method, path, {} if method == "POST" else None)[0].status == 403
        people["taro"].csrf, csrf = "", people["taro"].csrf
        assert people["taro"].ask("POST", f"/api/v1/reports/{number}/sign", {})[0].status == 403  # without the CSRF token
        people["taro"].csrf = csrf
        response, body = people["taro"].ask("POST", f"/api/v1/reports/{number}/sign", {"note": "seen"})
        assert response.status == 200 and json.loads(body)["signed_by"] == "taro"
    finally:
        server.stop()


def test_a_file_that_was_changed_is_neither_given_nor_signed(server):
    _, made = post(server, "/api/v1/reports/daily", {"format": "html"})
    [path] = (server.data / "reports").iterdir()
    path.write_text("forged")
    status, body = server.request("GET", f"/api/v1/reports/{made['id']}")
    assert status == 500 and b"SHA-256" in body
    assert post(server, f"/api/v1/reports/{made['id']}/sign", {})[0] == 409


def test_reports_refuse_what_cannot_be(server):
    assert post(server, "/api/v1/reports/nonsense", {})[0] == 404
    assert post(server, "/api/v1/reports/daily", {"format": "doc"})[0] == 400
    assert post(server, "/api/v1/reports/incident", {"incident": 7})[0] == 400
    assert post(server, "/api/v1/reports/daily", {"format": "csv", "section": "nonsense"})[0] == 400
    assert server.request("GET", "/api/v1/reports/7")[0] == 404
    assert post(server, "/api/v1/reports/7/sign", {})[0] == 404
    assert server.request("GET", "/api/v1/reports", token=False)[0] == 401


def test_the_command_asks_the_server_that_runs(server, tmp_path):
    out = tmp_path / "daily.pdf"
    run("report", "daily", "--data", server.data, "--out", out, env=TOKYO)
    [row] = server.get("/api/v1/reports")["rows"]
    assert out.read_bytes().startswith(b"%PDF") and hashlib.sha256(out.read_bytes()).hexdigest() == row["sha256"]


def zone_where_it_is(hour):
    """A zone whose clocks show that hour now."""
    ahead = (hour - datetime.datetime.now(datetime.timezone.utc).hour + 12) % 24 - 12
    return f"Etc/GMT{-ahead:+d}"


def test_s24_the_schedule_makes_reports_once_and_reminds_of_signatures(tmp_path):
    env = {"TZ": zone_where_it_is(12)}
    server = Server(tmp_path, env=env).start()
    server.stop()
    with contextlib.closing(sqlite3.connect(server.data / "state.db")) as db, db:  # an installation that has run for two months
        hour = int(time.time()) // 3600 - 24 * 65
        db.execute("INSERT INTO balance VALUES (0, ?, 1, 1, 0, 0, 0, 10)", (hour,))
    server.start()
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(server.get("/api/v1/reports")["rows"]) < 4:
            time.sleep(0.2)
        made = server.get("/api/v1/reports")["rows"]
        assert sorted(row["name"] for row in made) == ["control-effectiveness", "daily", "monthly", "weekly"]
        for row in made:
            until = datetime.datetime.fromisoformat(row["sign_until"].replace("Z", "+00:00"))
            assert row["built_by"] == "hyakuyo" and 2 < (until - datetime.datetime.now(datetime.timezone.utc)).total_seconds() / 86400 < 7
        server.stop()
        with contextlib.closing(sqlite3.connect(server.data / "state.db")) as db, db:  # the same, four working days ago
            db.execute("DROP TRIGGER report_is_fixed")
            db.execute("UPDATE report SET due_ns = 1 WHERE name = 'daily'")
        server.start()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and server.get("/api/v1/reports")["overdue"] == 0:
            time.sleep(0.2)
        listing = server.get("/api/v1/reports")
        assert listing["overdue"] == 1 and len(listing["rows"]) == 4, "a restart makes nothing twice"
        assert any("signature" in warning["en"] for warning in server.get("/api/v1/status")["warnings"])
        [daily] = [row for row in listing["rows"] if row["name"] == "daily"]
        assert post(server, f"/api/v1/reports/{daily['id']}/sign", {})[0] == 200
        assert server.get("/api/v1/reports")["overdue"] == 0
    finally:
        server.stop()


def test_every_question_of_the_fleet_has_its_word_in_reports(server):
    words = yaml.safe_load((ROOT / "content" / "reports" / "labels.yml").read_text())["columns"]["question"]["values"]
    asked = {row["question"] for row in server.get("/api/v1/fleet")["questions"]}
    assert asked and asked <= set(words), asked - set(words)


def test_every_decision_of_the_matrix_has_its_word_in_reports():
    words = yaml.safe_load((ROOT / "content" / "reports" / "labels.yml").read_text())["columns"]["decision"]["values"]
    matrix = yaml.safe_load((ROOT / "content" / "authority.yml").read_text())
    rows_of = next(part for part in matrix.values() if isinstance(part, list) and "title" in part[0])
    named = {f"{row['action']}/{row['scope']}" for row in rows_of}
    assert set(words) == named and all(word["en"] and word["ja"] for word in words.values())
