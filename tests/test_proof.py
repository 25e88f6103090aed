"""Proof that rules can still fire (S28): canaries through every real input, what happens when something is broken, and
exceptions from rules with owner, reason and expiry."""
import datetime
import json
import time

import pytest
import yaml

from conftest import ROOT, rows, run
from test_correlation import OUTER, attack, rules_folder
from test_scenario import organisation  # noqa: F401 (a fixture)

IRC_RULE = "7b0ffa63-7691-55a4-9075-5c78870c404b"
CONTROL_RULE = "0f5b6a3e-3f0c-5d0c-8a57-6d1e4b7f9c21"
INPUTS = {"syslog/udp", "syslog/tcp", "tail", "http"}
# Fires on a record of its own, as only its product writes it.
PROVABLE = """title: Marker word
id: 11111111-2222-4333-8444-555555555555
logsource: {category: traffic}
detection:
    selection: {destination.port: 4711}
    condition: selection
level: high
hyakuyo:
    samples:
        - fires: true
          raw: 'date=2025-11-10 time=09:13:09 devname="FW-EDGE" type="traffic" subtype="forward" srcip=10.20.30.31 srcport=49712 dstip=198.51.100.23 dstport=%d proto=6 action="accept" tz="+0900"'
"""
FIREWALL = ('date={date} time={time} devname="FW-EDGE" type="traffic" subtype="forward" srcip={src} srcport=49712 '
            'dstip=198.51.100.23 dstport=6667 proto=6 action="accept" tz="+0000"')


def firewall(src, when=None):
    when = when or datetime.datetime.now(datetime.timezone.utc)
    return FIREWALL.format(date=when.strftime("%Y-%m-%d"), time=when.strftime("%H:%M:%S"), src=src)


def tailed(tmp_path):
    (tmp_path / "logs").mkdir(exist_ok=True)
    return "--tail", tmp_path / "logs" / "*.log"


def prove(s, timeout=60):
    """`canary run`: the exit status, and the outcome of each (rule, input)."""
    done = run("canary", "run", "--data", s.data, "--format", "ndjson", check=False, timeout=timeout)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, {(r["rule_id"], r["input"]): r for r in map(json.loads, done.stdout.splitlines())}


def wait_for(ask, wanted, timeout=30):
    deadline = time.monotonic() + timeout
    seen = ask()
    while seen != wanted and time.monotonic() < deadline:
        time.sleep(0.1)
        seen = ask()
    assert seen == wanted
    return seen


def correlations_with_samples():
    """Ids of our correlations and sequences that have a sample that must fire."""
    documents = [d for f in sorted((ROOT / "content/rules").rglob("*.yml")) for d in yaml.safe_load_all(f.read_text(encoding="utf-8")) if d]
    return {d["id"] for d in documents if ("correlation" in d or "sequence" in d)
            and any(sample["fires"] for sample in d.get("hyakuyo", {}).get("samples", []))}


def findings(s, rule):
    return s.count(f'hyakuyo.finding.rule_id:"{rule}"')


def test_canaries_come_back_over_every_input(server, tmp_path):
    s = server(*tailed(tmp_path))
    status, proofs = prove(s)
    loaded = {r["id"] for r in s.get("/api/v1/rules")["rows"]}
    assert status == 0
    together = correlations_with_samples()
    assert len(together) > 10
    assert {key for key in proofs} == {(rule, name) for rule in loaded | together for name in INPUTS}
    sendable = {rule for rule, _ in proofs if {proofs[rule, name]["outcome"] for name in INPUTS} == {"proven"}}
    # what remains are samples of fields that no record brings; they are told, with the reason
    assert all(r["outcome"] == "unsendable" and r["form"] == "event" and r["detail"] for (rule, _), r in proofs.items() if rule not in sendable)
    assert len(sendable & loaded) > 0.8 * len(loaded)
    assert sendable >= together  # several records in their order, over each input
    # what was proven survives a restart
    s.stop()
    s.start()
    assert {r["proven"] for r in s.get("/api/v1/proof")["rows"]} == {r["proven"] for r in proofs.values()}


def test_an_inventory_that_has_the_addresses_of_the_samples_changes_nothing(server, organisation):  # noqa: F811
    s = server()
    _, before = prove(s)
    s.take_up("asset", "import", organisation)
    _, after = prove(s)
    assert {key: r["outcome"] for key, r in after.items()} == {key: r["outcome"] for key, r in before.items()}


def test_canaries_are_in_no_incident_no_statistics_and_no_ordinary_search(server, tmp_path):
    s = server(*tailed(tmp_path))
    status, proofs = prove(s)
    assert status == 0
    assert s.count("*") == 0
    assert s.count("hyakuyo.canary:*") > sum(r["outcome"] == "proven" for r in proofs.values())  # correlations take several
    assert b"hyakuyo_correlation_hits_total 0\n" in s.request("GET", "/metrics")[1]
    assert s.get("/api/v1/incidents?state=all")["rows"] == []
    assert s.get("/api/v1/findings")["rows"] == []
    assert all(r["fired"] == 0 and r["last_fired"] is None for r in s.get("/api/v1/rules")["rows"])
    assert s.get("/api/v1/coverage")["counts"]["unknown"] == len(s.get("/api/v1/rules")["rows"])
    assert s.balance()[0] == 0  # but each is accounted for
    # a canary happens when it is received, whatever its sample says: the store does not reach back
    assert s.count("hyakuyo.canary:* and @timestamp<now-1d") == 0


def test_a_record_sample_goes_through_its_own_parser(server, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "marker.yml").write_text(PROVABLE % 4711)
    s = server("--rules", rules)
    status, proofs = prove(s)
    assert status == 0
    assert proofs["11111111-2222-4333-8444-555555555555", "syslog/udp"]["form"] == "record"
    assert s.count('hyakuyo.canary:* and hyakuyo.finding.canary:"11111111-2222-4333-8444-555555555555" and hyakuyo.parser:fortinet.fortigate') == 3


def test_a_rule_that_cannot_fire_is_a_failed_control(server, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "marker.yml").write_text(PROVABLE % 4712)  # the sample is no longer what the rule looks for
    s = server("--rules", rules)
    status, proofs = prove(s)
    assert status == 1
    broken = {key: r["outcome"] for key, r in proofs.items() if r["outcome"] not in ("proven", "unsendable")}
    assert broken == {("11111111-2222-4333-8444-555555555555", name): "no_finding" for name in INPUTS - {"tail"}}
    wait_for(lambda: findings(s, CONTROL_RULE), 3)
    assert s.count('event.action:control-test-failed and rule.id:"11111111-2222-4333-8444-555555555555"') == 3
    row = next(r for r in s.get("/api/v1/coverage")["rows"] if r["id"].startswith("11111111"))
    assert row["proof_failed"] and row["last_proven"] is None
    # mended and proven again
    (rules / "marker.yml").write_text(PROVABLE % 4711)
    assert s.request("POST", "/api/v1/rules/reload")[0] == 200
    assert prove(s)[0] == 0
    assert findings(s, CONTROL_RULE) == 3


MARKERS = """title: Marker words
id: 22222222-3333-4444-8555-666666666666
correlation:
    type: event_count
    rules: [11111111-2222-4333-8444-555555555555]
    group-by: [source.ip]
    timespan: 10m
    condition: {gte: %d}
level: high
hyakuyo:
    samples:
        - fires: true
          events:
              - {raw: '%s', repeat: 3, every: 20}
"""
MARKER = ('date=2025-11-10 time=09:13:09 devname="FW-EDGE" type="traffic" subtype="forward" srcip=10.20.30.31 srcport=49712 '
          'dstip=198.51.100.23 dstport=4711 proto=6 action="accept" tz="+0900"')
MARKERS_ID = "22222222-3333-4444-8555-666666666666"


def test_a_correlation_is_proven_by_all_records_of_its_sample(server, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "marker.yml").write_text(PROVABLE % 4711)
    (rules / "markers.yml").write_text(MARKERS % (4, MARKER))  # the sample has three
    s = server("--rules", rules)
    status, proofs = prove(s)
    assert status == 1
    assert {key: r["outcome"] for key, r in proofs.items() if r["outcome"] not in ("proven", "unsendable")} == {
        (MARKERS_ID, name): "no_finding" for name in INPUTS - {"tail"}}
    wait_for(lambda: s.count(f'event.action:control-test-failed and rule.id:"{MARKERS_ID}"'), 3)
    (rules / "markers.yml").write_text(MARKERS % (3, MARKER))
    assert s.request("POST", "/api/v1/rules/reload")[0] == 200
    status, proofs = prove(s)
    assert status == 0 and {proofs[MARKERS_ID, name]["form"] for name in INPUTS - {"tail"}} == {"record"}
    assert all(proofs[MARKERS_ID, name]["proven"] for name in INPUTS - {"tail"})


def test_canaries_and_real_events_do_not_add_up(server, tmp_path):
    """Two real events and three of a canary, of the same host: the third real one completes the correlation, no canary does."""
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "marker.yml").write_text(PROVABLE % 4711)
    (rules / "markers.yml").write_text(MARKERS % (3, MARKER))
    s = server("--rules", rules)
    real = firewall("10.20.30.31").replace("dstport=6667", "dstport=4711")
    s.send_tcp(real, real)
    wait_for(lambda: s.count("destination.port:4711"), 2)
    assert prove(s)[0] == 0
    assert findings(s, MARKERS_ID) == 0
    s.send_tcp(real)
    wait_for(lambda: findings(s, MARKERS_ID), 1)


def test_a_broken_parser_shows(server, tmp_path):
    """A new parser takes the records of another product and understands nothing of them."""
    rules, parsers = tmp_path / "rules", tmp_path / "parsers"
    rules.mkdir()
    parsers.mkdir()
    (rules / "marker.yml").write_text(PROVABLE % 4711)
    (parsers / "aaa.greedy.yml").write_text(
        "title: {en: Greedy, ja: 貪欲}\nrecognise:\n  - {contains: ['devname='], priority: 100}\nshape: kv\nfields: {type: event.action}\n")
    s = server("--rules", rules, "--parsers", parsers)
    if s.get("/api/v1/status")["parsers"]["refused"]:
        pytest.fail("the test's parser is refused: " + run("check", "--parsers", parsers, check=False).stdout)
    _, proofs = prove(s)
    assert {proofs["11111111-2222-4333-8444-555555555555", name]["outcome"] for name in INPUTS - {"tail"}} == {"no_finding"}


def test_an_input_that_is_gone_is_a_failed_control(server, tmp_path):
    s = server(*tailed(tmp_path))
    assert prove(s)[0] == 0
    s.stop()
    s.options = ()
    s.start()
    status, proofs = prove(s)
    assert status == 1
    assert {r["outcome"] for (_, name), r in proofs.items() if name == "tail"} == {"no_input"}
    assert {r["outcome"] for (_, name), r in proofs.items() if name != "tail"} <= {"proven", "unsendable"}
    wait_for(lambda: findings(s, CONTROL_RULE), 1)
    assert s.query("event.action:control-test-failed")[0]["hyakuyo"]["control"]["name"] == "tail"


def test_a_forged_mark_is_an_ordinary_record(server, tmp_path):
    s = server("--canary-wait-ms", "2000")
    genuine = None
    prove(s)
    for e in s.query("hyakuyo.canary:*", 100):
        if "10.20.30.31" in e["event"]["original"]:
            genuine = e["event"]["original"]
    assert genuine is not None
    record, mark = genuine.rsplit(" hyakuyo-canary:1:", 1)
    forged = [
        record + " hyakuyo-canary:1:" + mark[:-1] + ("0" if mark[-1] != "0" else "1"),       # another code
        record.replace("10.20.30.31", "10.20.30.32") + " hyakuyo-canary:1:" + mark,          # a real event, a true mark
        record + " hyakuyo-canary:1:" + "7fffffffffffffff" + mark[16:],                      # another time
        record + " hyakuyo-canary:1:" + mark[:-34] + ("1" if mark[-34] == "2" else "2") + mark[-33:],  # another input
    ]
    before = s.count("hyakuyo.canary:*")
    s.send_tcp(*forged)
    wait_for(lambda: s.count("*"), len(forged))
    assert s.count("hyakuyo.canary:*") == before
    # the marks are text of the record, which generic.json reads all the same
    assert s.count("event.original:hyakuyo-canary") == len(forged)


def add_exception(s, **changes):
    body = {"rule_id": IRC_RULE, "condition": "source.ip:10.20.30.31", "owner": "k.mori", "reason": "chat server test",
            "expires": (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)).isoformat(), **changes}
    return s.request("POST", "/api/v1/exceptions", json.dumps(body), {"Content-Type": "application/json"})


def test_an_exception_withholds_until_it_expires(server):
    s = server()
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    status, body = add_exception(s, expires=(now + datetime.timedelta(hours=1)).isoformat())
    assert status == 201
    number = json.loads(body)["id"]
    s.send_tcp(firewall("10.20.30.31"), firewall("10.20.30.32"), firewall("10.20.30.31", now + datetime.timedelta(hours=2)))
    wait_for(lambda: s.count("destination.port:6667"), 3)
    # event time decides: the one after the expiry is judged, whenever it comes
    assert findings(s, IRC_RULE) == 2
    kept = s.query(f'hyakuyo.finding.suppressed:"{IRC_RULE}"')
    assert [(e["source"]["ip"], e["hyakuyo"]["finding"]["exception"]) for e in kept] == [("10.20.30.31", [str(number)])]
    row = s.get("/api/v1/exceptions")["rows"][0]
    assert (row["state"], row["suppressed"], row["owner"]) == ("active", 1, "k.mori")
    assert s.request("DELETE", f"/api/v1/exceptions/{number}")[0] == 204
    s.send_tcp(firewall("10.20.30.31"))
    wait_for(lambda: findings(s, IRC_RULE), 3)
    row = s.get("/api/v1/exceptions")["rows"][0]
    assert (row["state"], row["withdrawn_by"]) == ("withdrawn", "local")
    actions = [json.loads(line)["action"] for line in (s.data / "audit.ndjson").read_text().splitlines()]
    assert actions.count("exception.add") == 1 and actions.count("exception.withdraw") == 1


def test_a_suppressed_finding_makes_no_incident(server):
    s = server()
    assert add_exception(s, condition="source.ip:10.20.30.0/24")[0] == 201
    s.send_tcp(*[firewall("10.20.30.31") for _ in range(5)])
    wait_for(lambda: s.count("hyakuyo.finding.suppressed:*"), 5)
    assert s.get("/api/v1/incidents?state=all")["rows"] == []
    s.stop()
    s.start()  # the register is in state.db
    s.send_tcp(firewall("10.20.30.31"))
    wait_for(lambda: s.count("hyakuyo.finding.suppressed:*"), 6)
    assert s.get("/api/v1/exceptions")["rows"][0]["suppressed"] == 6


def test_an_exception_from_a_correlation_asks_the_event_that_completed_it(server, tmp_path):
    s = server("--rules", rules_folder(tmp_path), env={"TZ": "UTC"})
    assert add_exception(s, rule_id=OUTER, condition="user.name:hanako")[0] == 201
    s.send_tcp(*attack("hanako"), *attack("taro"))
    wait_for(lambda: findings(s, OUTER), 1)
    assert [e["user"]["name"] for e in s.query(f'hyakuyo.finding.rule_id:"{OUTER}"')] == ["taro"]
    assert [e["user"]["name"] for e in s.query(f'hyakuyo.finding.suppressed:"{OUTER}"')] == ["hanako"]
    assert s.get("/api/v1/exceptions")["rows"][0]["suppressed"] == 1


@pytest.mark.parametrize("changes, word", [
    ({"condition": "source.ip::"}, "character"),
    ({"condition": "* | count"}, "pipes"),
    ({"condition": "*"}, "every event"),
    ({"owner": "  "}, "owner"),
    ({"reason": " "}, "reason"),
    ({"rule_id": "no-such-rule"}, "No rule"),
    ({"expires": "2020-01-01T00:00:00Z"}, "expiry"),
    ({"expires": None}, "expires"),
])
def test_an_exception_that_says_too_little_is_refused(server, changes, word):
    s = server()
    status, body = add_exception(s, **changes)
    assert status == 400 and word in json.loads(body)["detail"]
    assert s.get("/api/v1/exceptions")["rows"] == []


def coverage(s):
    return {r["rule_id"]: r for r in rows("check", "--coverage", "--data", s.data)}


def test_coverage_follows_what_comes_in(server, tmp_path):
    s = server()
    assert {r["status"] for r in s.get("/api/v1/coverage")["rows"]} == {"unknown"}
    s.send_tcp(firewall("10.20.30.31"))
    wait_for(lambda: s.count("*"), 1)
    seen = {r["id"]: r for r in s.get("/api/v1/coverage")["rows"]}
    assert seen[IRC_RULE]["status"] == "live" and seen[IRC_RULE]["sources"] == ["127.0.0.1"]
    assert seen[IRC_RULE]["last_fired"] and seen[IRC_RULE]["last_seen"]
    assert seen[CONTROL_RULE]["status"] == "unmapped"
    # ATT&CK by what is live
    techniques = {t["id"]: (t["live"], t["total"]) for t in s.get("/api/v1/coverage")["techniques"]}
    live = {r["id"] for r in seen.values() if r["status"] == "live"}
    assert techniques["T1071"][0] > 0 and all(0 <= a <= b for a, b in techniques.values())
    assert sum(1 for a, _ in techniques.values() if a) < len(techniques) and IRC_RULE in live
    # the same without the server, and after a restart
    s.stop()
    offline = coverage(s)
    assert {i for i, r in offline.items() if r["status"] == "live"} == live
    assert offline[IRC_RULE]["last_fired"] == seen[IRC_RULE]["last_fired"]
    s.start()
    assert {r["id"] for r in s.get("/api/v1/coverage")["rows"] if r["status"] == "live"} == live
    assert next(r for r in s.get("/api/v1/rules")["rows"] if r["id"] == IRC_RULE)["last_fired"] == seen[IRC_RULE]["last_fired"]


def test_coverage_names_the_field_that_nobody_fills(server, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "bytes.yml").write_text("title: T\nid: needs-a-field\nlogsource: {category: traffic}\ndetection:\n"
                                     "  s: {destination.port: 6667, tls.client.ja3: abc}\n  condition: s\n")
    s = server("--rules", rules)
    s.send_tcp(firewall("10.20.30.31"))
    wait_for(lambda: s.count("*"), 1)
    row = next(r for r in s.get("/api/v1/coverage")["rows"] if r["id"] == "needs-a-field")
    assert (row["status"], row["missing"]) == ("fields", ["tls.client.ja3"])


def test_coverage_without_a_data_folder_is_a_sentence(tmp_path):
    done = run("check", "--coverage", "--data", tmp_path / "nowhere", check=False)
    assert done.returncode == 2 and "state.db" in done.stderr
    assert not (tmp_path / "nowhere").exists()
