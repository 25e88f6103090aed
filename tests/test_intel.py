"""Threat intelligence with the real binary: import → line → finding → incident, validity by event time, allow lists, reload under load."""
import json
import random
import re
import threading
import time

import pytest

from conftest import ROOT, rows, run

FW = ('<189>date={date} time={time} devname="FW-EDGE" devid="FGT60F0000000001" type="traffic" subtype="forward" srcip={src} '
      'srcport=49712 dstip={dst} dstport=8443 proto=6 action="{action}" policyid=12 service="tcp/8443" tz="+0900"')


def line(dst="198.51.100.23", src="10.20.30.31", action="accept", date="2025-11-10", clock="09:13:09"):
    return FW.format(dst=dst, src=src, action=action, date=date, time=clock)


def write(path, text):
    path.write_text(text)
    return path


def scan(*arguments):
    done = run("scan", *arguments, check=False)
    assert done.returncode in (0, 1), done.stderr
    return [f for f in map(json.loads, done.stdout.splitlines()) if f["rule_id"].startswith("intel:")]


def wait(what, timeout=30):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_import_line_finding_incident(server, tmp_path):
    """The whole way: a feed is imported while the server runs, a line comes, an incident stands on the desk, the event tells why."""
    s = server()
    feed = write(tmp_path / "c2.csv", 'indicator,type,confidence,description\n198.51.100[.]23,ip,95,"C2 of a loader"\n')
    done = s.take_up("intel", "import", feed)
    assert "1 kept (1 new" in done.stdout and "takes it up" in done.stdout
    s.send_tcp(line())
    finding = wait(lambda: s.get("/api/v1/findings")["rows"])[0]
    assert finding["rule_id"] == "intel:c2"
    incident = wait(lambda: s.get("/api/v1/incidents")["rows"])[0]
    assert "10.20.30.31" in json.dumps(incident)
    event = wait(lambda: s.query("threat.feed.name:c2"))[0]
    assert event["threat"]["indicator"]["ip"] == "198.51.100.23"
    assert event["threat"]["indicator"]["description"] == "C2 of a loader"
    assert event["threat"]["indicator"]["confidence"] == "High"


def test_direction_and_passage(tmp_path):
    """A blocked scanner from outside is no outbound contact: level, stage and suspect differ."""
    feed = write(tmp_path / "f.txt", "198.51.100.23\n")
    logs = write(tmp_path / "log", "\n".join([line(), line(action="deny"), line(src="198.51.100.23", dst="10.20.30.31", action="deny")]) + "\n")
    out, blocked, knock = scan("--intel", feed, logs)
    assert (out["level"], out["stage"], out["entities"]["ip"]) == ("high", "c2_suspected", "10.20.30.31")
    assert (blocked["level"], blocked["stage"]) == ("medium", "c2_suspected")
    assert (knock["level"], knock["stage"], knock["entities"]["ip"], knock["peer"]) == ("informational", "exposure", "10.20.30.31",
                                                                                         "198.51.100.23")


def test_event_time_decides(tmp_path):
    """Validity is that at the event's time, also for indicators that are over by now."""
    feed = write(tmp_path / "f.csv", "indicator,valid_from,valid_until\n198.51.100.23,2025-11-10T00:00:00Z,2025-11-11T00:00:00Z\n")
    logs = write(tmp_path / "log", "\n".join(line(date=d, clock=c) for d, c in [
        ("2025-11-10", "08:59:59"), ("2025-11-10", "09:00:00"), ("2025-11-11", "08:59:59"), ("2025-11-11", "09:00:00")]) + "\n")
    assert [f["record"] for f in scan("--intel", feed, logs)] == [2, 3]
    first, second = (run("replay", "--intel", feed, logs).stdout for _ in range(2))
    assert first == second and first.count('"rule_id":"intel:f"') == 2


def test_expired_is_dropped_and_counted(tmp_path):
    feed = write(tmp_path / "f.csv", "indicator,valid_until\n198.51.100.23,2020-01-01\n198.51.100.24,2999-01-01\n")
    run("intel", "import", "--data", tmp_path / "var", feed)
    source, = rows("intel", "list", "--data", tmp_path / "var")
    assert (source["kept"], source["expired"], source["refused"]) == (1, 1, 1)


def test_import_replaces(tmp_path):
    data = tmp_path / "var"
    feed = write(tmp_path / "f.txt", "198.51.100.23\n198.51.100.24\n")
    run("intel", "import", "--data", data, feed)
    write(feed, "198.51.100.24\n198.51.100.25\n")
    assert "2 kept (2 new" in run("intel", "import", "--data", data, feed).stdout  # .24 still waits to be searched for
    assert run("intel", "show", "--data", data, "198.51.100.23", check=False).returncode == 1
    assert rows("intel", "show", "--data", data, "198.51.100.25")[0]["source"] == "f"
    run("intel", "remove", "--data", data, "f")
    assert rows("intel", "list", "--data", data) == []
    assert "no source 'f'" in run("intel", "remove", "--data", data, "f", check=False).stderr


def test_allow_list_takes_the_finding_not_the_hit(server, tmp_path):
    s = server()
    allow = write(tmp_path / "allow.json", json.dumps({"name": "Own services", "type": "cidr", "matching_attributes": ["ip-dst"],
                                                       "list": ["198.51.100.0/24"], "version": 1}))
    s.take_up("intel", "import", write(tmp_path / "f.txt", "198.51.100.23\n203.0.113.9\n"), allow)
    shown, = rows("intel", "show", "--data", s.data, "198.51.100.23")
    assert shown["allowed_by"] == "Own services"
    s.send_tcp(line(), line(dst="203.0.113.9"))
    found = wait(lambda: s.get("/api/v1/findings")["rows"])
    assert [f["peer"] for f in found] == ["203.0.113.9"]
    event, = wait(lambda: s.query('hyakuyo.indicator.allowed_by:"Own services"'))
    assert event["destination"]["ip"] == "198.51.100.23"


def test_reload_under_load_loses_nothing(server, tmp_path):
    """Sets are exchanged while lines stream in: every line is stored once, and every line about an indicator that is in all sets is found."""
    s = server()
    feed = tmp_path / "f.txt"
    write(feed, "198.51.100.23\n")
    s.take_up("intel", "import", feed)
    sent = []

    def send():
        for n in range(60):
            s.send_tcp(*[line(dst="198.51.100.23" if i % 50 == 0 else "203.0.113.9", src=f"10.20.{n}.{i % 250 + 1}") for i in range(250)])
            sent.append(250)

    sender = threading.Thread(target=send)
    sender.start()
    for n in range(6):
        write(feed, "198.51.100.23\n" + "".join(f"192.0.2.{i}\n" for i in range(n + 1)))
        run("intel", "import", "--data", s.data, feed)
    sender.join()
    total = sum(sent)
    assert s.wait_count(total) == total
    wanted = total // 50
    assert s.wait_count(wanted, "hyakuyo.finding.rule_id:intel*") == wanted
    status, balance = s.balance()
    assert status == 0 and balance["stored"] == balance["received"]


DNS = '10-Nov-2025 {clock}.259 queries: info: client @0x7f2a {src}#40791 ({name}): query: {name} IN A + (10.10.0.53)'


def test_search_back_finds_patient_zero(server, tmp_path):
    """S1, S35: what is new among the indicators is searched back at once: who has met it, since when, who was first; each host becomes a finding."""
    s = server("--seal-after-ms", "300")
    s.send_tcp(DNS.format(clock="09:13:07", src="10.20.30.44", name="gate.evil.example"),
               DNS.format(clock="11:00:00", src="10.20.30.31", name="evil.example"),
               DNS.format(clock="08:00:00", src="10.20.30.99", name="notevil.example"),
               line(src="10.20.30.44", clock="09:30:00"), line(src="10.20.30.44", clock="09:40:00"), line(src="10.20.30.31", clock="10:00:00"),
               line(src="10.20.30.12", clock="07:00:00", action="deny"))
    s.wait_count(7)
    feed = write(tmp_path / "late.csv", "indicator,confidence,description,valid_from\nevil.example,90,loader,2026-01-01\n198.51.100.23,90,C2,\n")
    run("intel", "import", "--data", s.data, feed)
    hits = wait(lambda: len(h := rows("intel", "show", "--data", s.data, "late")) == 3 and h)
    by = {(h["field"], h["value"]): h for h in hits}
    c2 = by["destination.ip", "198.51.100.23"]
    assert (c2["patient_zero"], c2["count"], c2["host_count"]) == ("10.20.30.12", 4, 3)
    assert (c2["first"], c2["last"]) == ("2025-11-09T22:00:00.000Z", "2025-11-10T01:00:00.000Z")
    assert [(h["ip"], h["count"]) for h in c2["hosts"]] == [("10.20.30.12", 1), ("10.20.30.44", 2), ("10.20.30.31", 1)]
    name = by["dns.question.name", "gate.evil.example"]
    assert (name["indicator"], name["patient_zero"], name["before_valid"]) == ("evil.example", "10.20.30.44", 1)
    assert ("dns.question.name", "evil.example") in by
    ours = {re.search(r"^id: (\S+)", p.read_text(), re.M)[1] for p in (ROOT / "content" / "rules").glob("intel_retro_*.yml")}
    found = wait(lambda: len(f := [f for f in s.get("/api/v1/findings")["rows"] if f["rule_id"] in ours]) >= 3 and f)
    assert {ip for ip in ("10.20.30.44", "10.20.30.31") if any(ip in json.dumps(f) for f in found)} == {"10.20.30.44", "10.20.30.31"}
    records = wait(lambda: s.query("event.dataset:hyakuyo.retro-search"))
    assert {(r["host"]["ip"][0], r["hyakuyo"]["retro"]["level"]) for r in records if r["hyakuyo"]["retro"]["field"] == "destination.ip"} == {
        ("10.20.30.12", "medium"), ("10.20.30.44", "high"), ("10.20.30.31", "high")}
    # nothing is searched twice: the same feed again, and a restart
    count = len(records)
    run("intel", "import", "--data", s.data, feed)
    s.stop()
    s.start()
    time.sleep(1)
    assert s.count("event.dataset:hyakuyo.retro-search") == count
    assert not list((s.data / "intel").glob("*.new"))


def test_search_back_leaves_allowed_ones_alone(server, tmp_path):
    s = server("--seal-after-ms", "300")
    s.send_tcp(line())
    s.wait_count(1)
    allow = write(tmp_path / "allow.json", json.dumps({"name": "Own services", "type": "cidr", "list": ["198.51.100.0/24"]}))
    run("intel", "import", "--data", s.data, allow, write(tmp_path / "f.txt", "198.51.100.23\n"))
    hit, = wait(lambda: rows("intel", "show", "--data", s.data, "f"))
    assert hit["allowed_by"] == "Own services"
    assert s.count("event.dataset:hyakuyo.retro-search") == 0


def test_api(server, tmp_path):
    s = server()
    body = json.dumps({"source": "desk", "content": "198.51.100.23 # C2\nco.jp\n", "confidence": 80, "tlp": "red"})
    status, answer = s.request("POST", "/api/v1/indicators", body, {"Content-Type": "application/json"})
    assert status == 200, answer
    assert json.loads(answer) == {"kept": 1, "refused": 1, "repeated": 0, "allowed": 0, "new": 1}
    s.send_tcp(line())
    wait(lambda: s.get("/api/v1/findings")["rows"])
    overview = s.get("/api/v1/indicators")
    source, = overview["rows"]
    assert overview["total"] == 1 and (source["name"], source["fired"], source["details"]["refused"][0]["reason"]) == ("desk", 1, "public_suffix")
    found, = s.get("/api/v1/indicators/lookup?value=198.51.100.23")["rows"]
    assert (found["source"], found["confidence"], found["tlp"]) == ("desk", 80, "red")
    assert s.get("/api/v1/indicators/hits?source=desk")["rows"] == []
    bad, answer = s.request("POST", "/api/v1/indicators", json.dumps({"source": "x", "content": "{\"a\":1}"}), {"Content-Type": "application/json"})
    assert bad == 400 and "STIX" in json.loads(answer)["detail"]
    assert s.request("DELETE", "/api/v1/indicators/desk")[0] == 204
    assert s.request("DELETE", "/api/v1/indicators/desk")[0] == 404
    assert s.get("/api/v1/indicators")["total"] == 0


def test_mistakes_are_sentences(tmp_path):
    data = tmp_path / "var"
    missing = run("intel", "import", "--data", data, tmp_path / "nothing", check=False)
    assert missing.returncode == 1 and "nothing" in missing.stderr
    odd = run("intel", "import", "--data", data, write(tmp_path / "odd.json", '{"a": 1}'), check=False)
    assert odd.returncode == 1 and "odd.json" in odd.stderr
    kind = run("intel", "import", "--data", data, write(tmp_path / "w.json", '{"name":"x","type":"blob","list":["a"]}'), check=False)
    assert kind.returncode == 1 and "blob" in kind.stderr
    assert run("intel", "wipe", "--data", data, check=False).returncode == 2
    japanese = run("intel", "wipe", "--data", data, "--lang", "ja", check=False)
    assert "ありません" in japanese.stderr


def test_damaged_file_is_left_out(server, tmp_path):
    s = server()
    for name in ("a", "b"):
        run("intel", "import", "--data", s.data, write(tmp_path / f"{name}.txt", "198.51.100.23\n"))
    s.stop()
    image = s.data / "intel" / "a.indicators"
    image.write_bytes(image.read_bytes()[:-9] + b"123456789")
    s.start()
    assert "a.indicators" in s.text()
    s.send_tcp(line())
    assert {f["rule_id"] for f in wait(lambda: s.get("/api/v1/findings")["rows"])} == {"intel:b"}


# ------------------------------------------------------------------------------------------------ corpora

def test_corpus_counts(corpora, tmp_path):
    """Every Zeek feed and ipsum: kept + repeated + refused is what an independent count of lines says."""
    feeds = sorted((corpora / "ti" / "zeek-intel").glob("*.intel"))
    run("intel", "import", "--data", tmp_path / "var", *feeds, corpora / "ti" / "ipsum" / "ipsum-level3.txt")
    found = {s["name"]: s for s in rows("intel", "list", "--data", tmp_path / "var")}
    for feed in feeds:
        lines = [l for l in feed.read_text().splitlines() if l.strip() and not l.startswith("#")]
        s = found[feed.stem]
        assert s["kept"] + s["repeated"] + s["refused"] == len(lines), feed.name
        assert s["refused"] <= len(lines) * 0.02, feed.name
    assert found["ipsum-level3"]["kept"] == 14217


@pytest.mark.parametrize("kind", ["cidr", "hostname", "string"])
def test_every_warning_list_entry_suppresses(corpora, tmp_path, kind):
    """No indicator that a list contains raises a finding by itself: each entry as an indicator of its own type."""
    lists = [json.loads(p.read_text()) | {"path": p} for p in sorted((corpora / "ti" / "misp-warninglists").glob("*.json"))]
    lists = [l for l in lists if l.get("type", "string") == kind]
    entries = [e.strip() for l in lists for e in l["list"]]
    random.Random(7).shuffle(entries)
    run("intel", "import", "--data", tmp_path / "var", *[l["path"] for l in lists], timeout=300)
    feed = write(tmp_path / "feed.txt", "\n".join(entries) + "\n")
    run("intel", "import", "--data", tmp_path / "var", feed, timeout=300)
    s, = [s for s in rows("intel", "list", "--data", tmp_path / "var") if s["kind"] == "indicators"]
    assert s["kept"] > 1000 and s["allowed"] == s["kept"]


def test_lookups_agree_with_an_oracle(corpora, tmp_path):
    """Random values beside and among the feeds' own: what scan says is what plain Python says."""
    import ipaddress
    feed = corpora / "ti" / "ipsum" / "ipsum-level3.txt"
    known = {l.split()[0] for l in feed.read_text().splitlines() if l and not l.startswith("#")}
    networks = [ipaddress.ip_network(f"{random.Random(i).randrange(11, 99)}.{i % 250}.0.0/{16 + i % 14}", strict=False) for i in range(200)]
    networks = [n for n in networks if n.is_global]
    nets = write(tmp_path / "nets.txt", "\n".join(map(str, networks)) + "\n")
    rng = random.Random(3)
    values = rng.sample(sorted(known), 500) + [str(ipaddress.ip_address(int(ipaddress.ip_address(v)) ^ 1)) for v in rng.sample(sorted(known), 500)]
    values += [str(n[rng.randrange(n.num_addresses)]) for n in networks] + [str(n.broadcast_address + 1) for n in networks]
    logs = write(tmp_path / "log", "\n".join(line(dst=v) for v in values) + "\n")
    wanted = {i + 1 for i, v in enumerate(values) if v in known or any(ipaddress.ip_address(v) in n for n in networks)}
    assert {f["record"] for f in scan("--intel", feed, "--intel", nets, logs)} == wanted
