"""Correlations through the real binary (S116–S118): live, in replay and in check; a power cut in mid-window forgets and
repeats nothing (issue 3's proofs)."""
import random
import time

from conftest import Server, rows, run

RULES = """\
title: Many failures, then a success
id: 00000000-0000-4000-8000-00000000c001
level: high
tags: [attack.t1110]
correlation:
    type: temporal_ordered
    rules: [many_failures, success]
    group-by: [User]
    timespan: 10m
hyakuyo:
    title_ja: 多数の失敗の後の成功
    samples:
        - fires: true
          events:
              - {raw: 'Nov 21 09:00:00 pc-1 sshd[311]: Failed password for hanako from 198.51.100.7 port 40022 ssh2', repeat: 5, every: 2}
              - {at: 60, raw: 'Nov 21 09:01:00 pc-1 sshd[311]: Accepted password for hanako from 198.51.100.7 port 40023 ssh2'}
        - fires: false
          events:
              - {raw: 'Nov 21 09:00:00 pc-1 sshd[311]: Failed password for hanako from 198.51.100.7 port 40022 ssh2', repeat: 5, every: 2}
              - {at: 60, raw: 'Nov 21 09:01:00 pc-1 sshd[311]: Accepted password for taro from 198.51.100.7 port 40023 ssh2'}
---
title: Many failures
id: 00000000-0000-4000-8000-00000000c002
name: many_failures
correlation:
    type: event_count
    rules: failure
    group-by: [User]
    timespan: 5m
    condition: {gte: 5}
---
title: Failure
id: 00000000-0000-4000-8000-00000000c003
name: failure
logsource: {product: linux, service: sshd}
detection:
    keywords: ['Failed password']
    condition: keywords
fields: [User]
---
title: Success
id: 00000000-0000-4000-8000-00000000c004
name: success
logsource: {product: linux, service: sshd}
detection:
    keywords: ['Accepted password']
    condition: keywords
""".replace("User", "user.name")
OUTER = "00000000-0000-4000-8000-00000000c001"
SILENT = ["00000000-0000-4000-8000-00000000c002", "00000000-0000-4000-8000-00000000c003", "00000000-0000-4000-8000-00000000c004"]


def rules_folder(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir(exist_ok=True)
    (folder / "login.yml").write_text(RULES)
    return folder


def login(kind, user, at, host="pc-1"):
    """A syslog line at so many seconds from now."""
    stamp = time.strftime("%b %e %H:%M:%S", time.gmtime(time.time() + at))
    return f"<86>{stamp} {host} sshd[311]: {kind} password for {user} from 198.51.100.7 port 40022 ssh2"


def attack(user, start=-120, failures=5, host="pc-1"):
    return [login("Failed", user, start + i, host) for i in range(failures)] + [login("Accepted", user, start + failures, host)]


def wait_incidents(server, wanted, timeout=30):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = server.get("/api/v1/incidents?state=all&limit=200")["rows"]
        if len(found) >= wanted:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{len(found)} of {wanted} incidents")


def test_check_counts_and_proves(tmp_path):
    done = run("check", "--rules", rules_folder(tmp_path))
    assert "2 loaded, 0 refused, 2 correlations" in done.stdout
    (tmp_path / "rules" / "login.yml").write_text(RULES.replace("repeat: 5, every: 2}\n              - {at: 60, raw: 'Nov 21 09:01:00 pc-1 sshd[311]: Accepted password for hanako",
                                                                "repeat: 4, every: 2}\n              - {at: 60, raw: 'Nov 21 09:01:00 pc-1 sshd[311]: Accepted password for hanako"))
    done = run("check", "--rules", tmp_path / "rules", check=False)
    assert done.returncode == 1 and "login.yml:13: the correlation does not fire" in done.stdout


def test_mistakes_are_refused_and_the_others_go_on(tmp_path):
    folder = rules_folder(tmp_path)
    (folder / "bad.yml").write_text("title: t\ncorrelation:\n  type: event_count\n  rules: failure\n  timespan: 5 minutes\n  condition: {gte: 1}\n")
    (folder / "lost.yml").write_text("title: t\ncorrelation:\n  type: temporal\n  rules: [failure, nobody]\n  timespan: 5m\n")
    done = run("check", "--rules", folder, check=False)
    assert done.returncode == 1
    assert "bad.yml:5:13: timespan must be" in done.stdout and "lost.yml:1: the correlation names the rule 'nobody'" in done.stdout
    assert "2 refused, 2 correlations" in done.stdout
    japanese = run("check", "--rules", folder, "--lang", "ja", check=False).stdout
    assert "bad.yml:5:13: timespan は" in japanese


def test_replay_finds_each_attack_once(tmp_path):
    lines = attack("hanako") + attack("taro", start=-100) + attack("jiro", failures=4) + [login("Accepted", "saburo", -50)] * 10
    random.Random(1).shuffle(lines)
    log = tmp_path / "auth.log"
    log.write_text("\n".join(lines) + "\n")
    found = [r for r in rows("replay", "--rules", rules_folder(tmp_path), log) if r["kind"] == "finding"]
    outer = [r for r in found if r["rule_id"] == OUTER]
    assert sorted(r["matched"]["user.name"] for r in outer) == ["hanako", "taro"]
    assert not [r for r in found if r["rule_id"] in SILENT]
    assert run("replay", "--rules", tmp_path / "rules", log).stdout == run("replay", "--rules", tmp_path / "rules", log).stdout


def test_a_live_correlation_becomes_an_incident_at_once(server, tmp_path):
    s = server("--rules", rules_folder(tmp_path))
    s.send_tcp(*attack("hanako"))
    [incident] = wait_incidents(s, 1)
    detail = s.get(f"/api/v1/incidents/{incident['id']}")
    assert [f["rule_id"] for f in detail["findings"]] == [OUTER]
    s.wait_count(6)
    assert s.count(f"hyakuyo.finding.rule_id:{OUTER}") == 1
    assert s.count("hyakuyo.finding.rule_id:" + SILENT[1]) == 0


def test_a_reload_keeps_what_was_gathered(server, tmp_path):
    folder = rules_folder(tmp_path)
    s = server("--rules", folder)
    lines = attack("hanako")
    s.send_tcp(*lines[:3])
    s.wait_count(3)
    (folder / "other.yml").write_text("title: o\nid: other\nlogsource: {category: traffic}\ndetection:\n  s: {destination.port: 9}\n  condition: s\n")
    assert s.request("POST", "/api/v1/rules/reload")[0] == 200
    s.send_tcp(*lines[3:])
    wait_incidents(s, 1)


def test_power_cuts_in_mid_window_forget_and_repeat_nothing(tmp_path):
    """Twelve attacks from twelve hosts, interleaved, sent line by line while the power fails again and again."""
    seed = random.Random(20061207)
    users = [f"user{i}" for i in range(12)]
    queues = {u: attack(u, start=-200 + i, host=f"pc-{i}") for i, u in enumerate(users)}
    plan = []
    while any(queues.values()):
        user = seed.choice([u for u in users if queues[u]])
        plan.append(queues[user].pop(0))
    s = Server(tmp_path, "--rules", rules_folder(tmp_path), "--seal-after-ms", 300).start()
    sent = 0
    while sent < len(plan):
        some = seed.randint(4, 12)
        for i, line in enumerate(plan[sent:sent + some], sent):
            status, _ = s.post_records("sshd", line, key=f"line-{i}")
            assert status == 200
        sent += some
        if seed.random() < 0.5:
            time.sleep(seed.random() * 0.6)  # a part may be sealed in between, or not
        s.kill()
        s.start()
    try:
        s.wait_count(len(plan))
        incidents = wait_incidents(s, len(users))
        assert len(incidents) == len(users)
        for incident in incidents:
            findings = s.get(f"/api/v1/incidents/{incident['id']}")["findings"]
            assert [(f["rule_id"], f["count"]) for f in findings] == [(OUTER, 1)], findings
    finally:
        s.stop()
