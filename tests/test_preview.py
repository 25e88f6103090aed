"""Previews of rules and exceptions, and rules made over the API: what is shown before is what comes after."""
import collections
import json
import shutil
import time

import pytest

from conftest import ROOT, run
from test_proof import IRC_RULE, add_exception, firewall, wait_for
from test_scenario import organisation, scenario  # noqa: F401 (organisation is a fixture)

RULE = """title: Mail port of the sales network
id: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee
logsource: {category: traffic}
detection:
    selection:
        source.ip: 10.20.30.31
        destination.port: 445
    condition: selection
level: medium
hyakuyo:
    samples:
        - fires: true
          event: {event.category: network, source.ip: 10.20.30.31, destination.port: 445}
        - fires: false
          event: {event.category: network, source.ip: 10.20.30.31, destination.port: 80}
"""
# The same id as a rule of ours: it takes its place, and sees less.
NARROWER = """title: Outbound connection to an IRC port, of one host
id: 7b0ffa63-7691-55a4-9075-5c78870c404b
logsource: {category: traffic}
detection:
    selection:
        destination.port: 6667
        source.ip: 10.20.30.99
    condition: selection
level: high
"""


def findings(lines, kind="finding"):
    """Each with how often it came."""
    return collections.Counter((f["rule_id"], f["time"], json.dumps(f["entities"], sort_keys=True))
                               for f in map(json.loads, lines.splitlines()) if f["kind"] == kind)


@pytest.fixture
def logs(tmp_path):
    path = tmp_path / "lines.log"
    path.write_text("\n".join(scenario()) + "\n")
    return path


def replay_with(folder, logs, *options):
    return run("replay", *options, logs, env={"TZ": "Asia/Tokyo", **({"HYAKUYO_SHARE": str(folder)} if folder else {})}).stdout


def test_preview_equals_the_real_difference(logs, tmp_path):
    """The rule put into content/ for real, against what `replay --rules` said."""
    share = tmp_path / "share"
    shutil.copytree(ROOT / "content", share / "content")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "new.yml").write_text(RULE)
    (rules / "narrower.yml").write_text(NARROWER)
    before = findings(replay_with(None, logs))
    said = [json.loads(line) for line in replay_with(None, logs, "--rules", rules).splitlines()]
    (share / "content/rules/irc_port_outbound.yml").write_text(NARROWER)
    (share / "content/rules/new.yml").write_text(RULE)
    after = findings(replay_with(share, logs))
    assert after - before and before - after
    for change, real in (("added", after - before), ("removed", before - after)):
        lines = "\n".join(json.dumps(f) for f in said if f.get("change") == change)
        assert findings(lines, "difference") == real
    # and the rest is the replay with the change
    assert findings("\n".join(map(json.dumps, said))) == after
    summary = {r["rule_id"]: (r["added"], r["removed"]) for r in said if r["kind"] == "preview"}
    added, removed = (collections.Counter(), collections.Counter())
    for counts, difference in ((added, after - before), (removed, before - after)):
        for (rule_id, _, _), count in difference.items():
            counts[rule_id] += count
    assert summary == {rule_id: (added[rule_id], removed[rule_id]) for rule_id in added | removed}
    assert added["aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"] and removed[IRC_RULE]  # sequences that stand on them move too


def test_preview_of_exceptions_from_a_file(logs, tmp_path):
    exceptions = tmp_path / "exceptions.yml"
    exceptions.write_text(f"- rule: {IRC_RULE}\n  condition: destination.ip:198.51.100.0/24\n  owner: k.mori\n  reason: test\n  expires: 2026-12-31\n")
    lines = [json.loads(line) for line in replay_with(None, logs, "--exceptions", exceptions).splitlines()]
    assert {(r["rule_id"], r["added"]) for r in lines if r["kind"] == "preview"} == {(IRC_RULE, 0)}
    assert sum(r["removed"] for r in lines if r["kind"] == "preview") == len([f for f in lines if f.get("change") == "removed"]) > 0
    # expired before the events: nothing changes
    exceptions.write_text(f"- rule: {IRC_RULE}\n  condition: destination.ip:198.51.100.0/24\n  owner: k.mori\n  reason: test\n  expires: 2025-01-01\n")
    assert replay_with(None, logs, "--exceptions", exceptions) == replay_with(None, logs)


@pytest.mark.parametrize("text, place, word", [
    ("- rule: x\n  condition: 'a:b'\n  owner: o\n  reason: r\n", ":1:", "expires"),
    ("- rule: x\n  condition: 'a:('\n  owner: o\n  reason: r\n  expires: 2027-01-01\n", ":1:", "condition"),
    ("rule: x\n", ":1:", "list"),
])
def test_mistakes_in_a_file_of_exceptions(logs, tmp_path, text, place, word):
    exceptions = tmp_path / "exceptions.yml"
    exceptions.write_text(text)
    done = run("replay", "--exceptions", exceptions, logs, check=False)
    assert done.returncode == 2 and f"exceptions.yml{place}" in done.stderr and word in done.stderr


def test_preview_of_a_refused_rule_is_refused(logs, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "broken.yml").write_text(RULE.replace("condition: selection", "condition: selektion"))
    done = run("replay", "--rules", rules, logs, check=False)
    assert done.returncode == 2 and "broken.yml:" in done.stderr and "selektion" in done.stderr
    (rules / "good.yml").write_text(RULE)  # one that can be loaded goes on, and the other is still told
    done = run("replay", "--rules", rules, "--format", "table", logs)
    assert "selektion" in done.stderr and "Mail port of the sales network" in done.stdout
    assert '"kind"' not in done.stdout


def post(s, path, **body):
    status, answer = s.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    return status, json.loads(answer)


def preview(s, **body):
    status, answer = post(s, "/api/v1/rules/preview", **body)
    assert status == 202, answer
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = s.get(f"/api/v1/rules/preview/{answer['id']}")
        if job["state"] in ("done", "failed"):
            assert job["state"] == "done", job
            return job
        time.sleep(0.1)
    raise AssertionError(job)


def test_rule_is_checked_previewed_saved_and_fires(server):
    s = server()
    s.send_tcp(*[firewall(f"10.20.30.{host}").replace("dstport=6667", "dstport=445") for host in (31, 31, 32)])
    wait_for(lambda: s.count("destination.port:445"), 3)
    status, check = post(s, "/api/v1/rules/check", text=RULE)
    assert (status, check["loaded"], check["samples"], check["failed"], check["problems"]) == (200, 1, 2, 0, [])
    job = preview(s, text=RULE)
    assert (job["events"], job["added"], job["removed"], job["cut"]) == (3, 2, 0, False)
    rule = job["rules"][0]
    assert (rule["rule_id"], rule["hosts"], len(rule["examples"])) == ("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", ["10.20.30.31"], 2)
    assert s.count(f'hyakuyo.finding.rule_id:"{rule["rule_id"]}"') == 0  # nothing is switched on yet
    status, _ = s.request("PUT", "/api/v1/rules/own/mail", json.dumps({"text": RULE}), {"Content-Type": "application/json"})
    assert status == 200
    s.send_tcp(*[firewall(f"10.20.30.{host}").replace("dstport=6667", "dstport=445") for host in (31, 31, 32)])
    wait_for(lambda: s.count("destination.port:445"), 6)
    assert s.count(f'hyakuyo.finding.rule_id:"{rule["rule_id"]}"') == job["added"]  # as it was said
    # a new version keeps the old one, and the rule survives a restart
    s.request("PUT", "/api/v1/rules/own/mail", json.dumps({"text": RULE.replace("medium", "low")}), {"Content-Type": "application/json"})
    text = s.get(f"/api/v1/rules/text?id={rule['rule_id']}")
    assert text["own"] and "low" in text["text"] and len(text["versions"]) == 1
    s.stop()
    s.start()
    assert any(r["id"] == rule["rule_id"] for r in s.get("/api/v1/rules")["rows"])
    assert s.request("DELETE", "/api/v1/rules/own/mail")[0] == 204
    assert not any(r["id"] == rule["rule_id"] for r in s.get("/api/v1/rules")["rows"])
    actions = [json.loads(line)["action"] for line in (s.data / "audit.ndjson").read_text().splitlines()]
    assert [a for a in actions if a.startswith("rule.")] == ["rule.preview", "rule.save", "rule.save", "rule.remove"]


def test_own_rule_takes_the_place_of_ours_and_gives_it_back(server):
    s = server()
    assert s.request("PUT", "/api/v1/rules/own/narrower", json.dumps({"text": NARROWER}), {"Content-Type": "application/json"})[0] == 200
    s.send_tcp(firewall("10.20.30.31"), firewall("10.20.30.99"))
    wait_for(lambda: s.count("destination.port:6667"), 2)
    assert [e["source"]["ip"] for e in s.query(f'hyakuyo.finding.rule_id:"{IRC_RULE}"')] == ["10.20.30.99"]
    assert s.get("/api/v1/rules")["refused"] == 0
    assert s.request("DELETE", "/api/v1/rules/own/narrower")[0] == 204
    s.send_tcp(firewall("10.20.30.31"))
    wait_for(lambda: s.count(f'hyakuyo.finding.rule_id:"{IRC_RULE}"'), 2)


def test_preview_of_an_exception_is_what_it_withholds(server):
    s = server()
    s.send_tcp(firewall("10.20.30.31"), firewall("10.20.30.32"), firewall("10.20.30.31"))
    wait_for(lambda: s.count(f'hyakuyo.finding.rule_id:"{IRC_RULE}"'), 3)
    job = preview(s, exception_rule=IRC_RULE, exception_condition="source.ip:10.20.30.31")
    assert (job["added"], job["removed"], job["rules"][0]["hosts"]) == (0, 2, ["10.20.30.31"])
    assert add_exception(s)[0] == 201
    s.send_tcp(firewall("10.20.30.31"), firewall("10.20.30.32"), firewall("10.20.30.31"))
    wait_for(lambda: s.count("destination.port:6667"), 6)
    assert s.count("hyakuyo.finding.suppressed:*") == job["removed"]


def test_check_names_the_place(server):
    s = server()
    status, check = post(s, "/api/v1/rules/check", text=RULE.replace("condition: selection", "condition: selektion"))
    assert status == 200 and check["refused"] == 1
    assert [(p["kind"], p["line"], p["column"] > 0) for p in check["problems"]] == [("refused", 8, True)]
    _, check = post(s, "/api/v1/rules/check", text=RULE.replace("destination.port: 445\n    condition", "destination.port: 446\n    condition"))
    assert check["failed"] == 1 and check["problems"][0]["kind"] == "unproved" and check["problems"][0]["line"] == 12
    # neither may be saved
    for text in (RULE.replace("condition: selection", "condition: selektion"), RULE.replace("port: 445\n    condition", "port: 446\n    condition"), "title: nothing\n"):
        status, _ = s.request("PUT", "/api/v1/rules/own/x", json.dumps({"text": text}), {"Content-Type": "application/json"})
        assert status == 409
    assert not (s.data / "rules" / "x.yml").exists()


@pytest.mark.parametrize("name", ["..%2f..%2fx", "a.b", "%2e%2e", "a" * 65])
def test_names_of_rules_stay_in_their_folder(server, name):
    s = server()
    status, _ = s.request("PUT", f"/api/v1/rules/own/{name}", json.dumps({"text": RULE}), {"Content-Type": "application/json"})
    assert status in (400, 404)
    assert list((s.data / "rules").iterdir()) == []
