"""Sequences through the real binary (S116–S118, spec 2.11, 5.1, 5.5): the scenarios, live and in replay; a power cut in the middle
forgets and repeats nothing; a reload keeps what was gathered; mistakes are refused in both languages."""
import json
import random
import time

import pytest

from conftest import ROOT, Server, rows, run
from test_correlation import wait_incidents
from test_scenario import HOSTS, NETWORKS, scenario

RANSOM = """\
<134>1 2025-11-15T22:04:11+09:00 vpn01 SSLVPN - LOGIN [e user="vendor-maint" src="198.51.100.201" cc="ZZ" result="success" mfa="none" device="unknown"]
{"TimeCreated":"2025-11-15T13:16:02.000Z","Channel":"Security","EventID":4624,"Computer":"DC01","LogonType":10,"TargetUserName":"adm-backup","IpAddress":"10.30.0.14"}
{"TimeCreated":"2025-11-15T13:31:09.000Z","Channel":"Microsoft-Windows-Windows Defender/Operational","EventID":5001,"Computer":"FS01","DetectionSource":"Real-time protection disabled"}
{"TimeCreated":"2025-11-15T13:33:40.000Z","Channel":"System","EventID":7045,"Computer":"FS01","ServiceName":"svcxq","ImagePath":"%SystemRoot%\\\\svcxq.exe"}
{"TimeCreated":"2025-11-15T14:52:10.000Z","Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"Computer":"FS01","Image":"C:\\\\Windows\\\\System32\\\\vssadmin.exe","CommandLine":"vssadmin delete shadows /all /quiet"}
<134>1 2025-11-15T23:53:02+09:00 FS01 FILEAUDIT - RENAME [e user="adm-backup" share="\\\\FS01\\keiri" count="1840" window="60s" ext=".lckd"]
""".splitlines()

RULES = """\
title: Failures, then a success
id: 00000000-0000-4000-8000-00000000d001
level: high
sequence:
    by: [host, user.name]
    timespan: 10m
    steps:
        - {name: failed, rules: [failure], times: 3, within: 2m}
        - {name: came in, rules: [success], within: 2m}
---
title: Failure
id: 00000000-0000-4000-8000-00000000d002
name: failure
logsource: {product: linux, service: sshd}
detection:
    keywords: ['Failed password']
    condition: keywords
level: low
---
title: Success
id: 00000000-0000-4000-8000-00000000d003
name: success
logsource: {product: linux, service: sshd}
detection:
    keywords: ['Accepted password']
    condition: keywords
level: low
"""
OUTER = "00000000-0000-4000-8000-00000000d001"


def replay(lines, tmp_path, *options):
    log = tmp_path / "all.log"
    log.write_text("\n".join(lines) + "\n")
    return rows("replay", *options, log, env={"TZ": "Asia/Tokyo"})


def sequences(found):
    return [r for r in found if r["kind"] == "finding" and "weight" in r["matched"]]


def test_ransomware_is_told_when_protection_goes_off(tmp_path):
    """Spec 5.5: 22:31:09, 82 minutes before encryption; one incident with all its hosts."""
    found = replay(RANSOM, tmp_path)
    [f] = sequences(found)
    assert (f["rule"], f["time"]) == ("Ransomware intrusion", "2025-11-15T13:31:09.000Z")
    assert [k for k in f["matched"] if k.startswith("step.")] == ["step.remote access", "step.privileged logon", "step.protection off"]
    assert f["matched"]["missing"] == ["service installed", "data going out", "recovery destroyed", "files encrypted"]
    incidents = {r["id"]: r for r in found if r["kind"] == "incident"}
    assert len(incidents) == 1
    assert {"FS01", "DC01"} <= set(incidents.popitem()[1]["hosts"])


@pytest.mark.parametrize("missing", range(3))
def test_two_of_its_first_steps_are_not_enough(tmp_path, missing):
    assert sequences(replay([line for i, line in enumerate(RANSOM[:3]) if i != missing], tmp_path)) == []


@pytest.mark.parametrize("inventory", [False, True])
def test_the_worm_is_followed_to_the_next_host(tmp_path, inventory):
    """Spec 5.1: the host is told at 09:13:09, its victim at its first sign; scanned neighbours are nobody."""
    options = []
    if inventory:
        (tmp_path / "org").mkdir()
        (tmp_path / "org" / "hosts.csv").write_text(HOSTS)
        (tmp_path / "org" / "networks.csv").write_text(NETWORKS)
        options = ["--assets", tmp_path / "org"]
    found = replay(list(scenario()), tmp_path, *options)
    worm = [f for f in sequences(found) if f["rule"] == "Web-borne bot or worm"]
    assert [f["time"] for f in worm] == ["2025-11-10T00:13:09.000Z", "2025-11-10T00:21:10.000Z"]
    assert [f["entities"]["ip"] for f in worm] == ["10.20.30.31", "10.20.30.44"]
    assert worm[1]["matched"]["hosts"] == ["PC-SALES-031", "PC-SALES-044"]
    assert worm[1]["matched"]["missing"] == "control from the target"
    assert {f["entities"]["ip"] for f in sequences(found)} == {"10.20.30.31", "10.20.30.44"}


def test_arrival_within_the_lateness_does_not_matter(tmp_path):
    seed = random.Random(116)
    lines = list(scenario())
    expected = sorted((f["rule"], f["time"], json.dumps(f["matched"], sort_keys=True)) for f in sequences(replay(lines, tmp_path)))
    assert len(expected) >= 3
    for _ in range(3):
        order = sorted(range(len(lines)), key=lambda i: i + seed.random() * 2)  # neighbours of the file change places
        found = sequences(replay([lines[i] for i in order], tmp_path))
        assert sorted((f["rule"], f["time"], json.dumps(f["matched"], sort_keys=True)) for f in found) == expected


def rules_folder(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir(exist_ok=True)
    (folder / "login.yml").write_text(RULES)
    return folder


def login(kind, user, at, host):
    stamp = time.strftime("%b %e %H:%M:%S", time.gmtime(time.time() + at))
    return f"<86>{stamp} {host} sshd[311]: {kind} password for {user} from 198.51.100.7 port 40022 ssh2"


def attack(user, start, host, failures=3):
    return [login("Failed", user, start + i, host) for i in range(failures)] + [login("Accepted", user, start + failures, host)]


def findings_of(server, rule_id):
    return [f for i in server.get("/api/v1/incidents?state=all&limit=200")["rows"]
            for f in server.get(f"/api/v1/incidents/{i['id']}")["findings"] if f["rule_id"] == rule_id]


def test_power_cuts_in_mid_sequence_forget_and_repeat_nothing(tmp_path):
    seed = random.Random(118)
    hosts = [f"pc-{i}" for i in range(10)]
    queues = {h: attack("hanako", -200 + i, h) for i, h in enumerate(hosts)}
    queues["quiet"] = attack("taro", -150, "quiet", failures=2)
    plan = []
    while any(queues.values()):
        plan.append(queues[seed.choice([h for h in queues if queues[h]])].pop(0))
    s = Server(tmp_path, "--rules", rules_folder(tmp_path), "--seal-after-ms", 300).start()
    try:
        for start in range(0, len(plan), 9):
            for i, line in enumerate(plan[start:start + 9], start):
                assert s.post_records("sshd", line, key=f"line-{i}")[0] == 200
            if seed.random() < 0.5:
                time.sleep(seed.random() * 0.5)  # a part may be sealed in between, or not
            s.kill()
            s.start()
        s.wait_count(len(plan))
        wait_incidents(s, len(hosts))
        found = findings_of(s, OUTER)
        assert len(found) == len(hosts) and all(f["count"] == 1 for f in found)
    finally:
        s.stop()


def test_a_reload_keeps_what_was_gathered(server, tmp_path):
    folder = rules_folder(tmp_path)
    s = server("--rules", folder)
    lines = attack("hanako", -100, "pc-1")
    s.send_tcp(*lines[:3])
    s.wait_count(3)
    (folder / "login.yml").write_text(RULES.replace("title: Failures, then", "title: Some failures, then"))
    assert s.request("POST", "/api/v1/rules/reload")[0] == 200
    s.send_tcp(*lines[3:])
    wait_incidents(s, 1)
    assert [f["rule"]["en"] for f in findings_of(s, OUTER)] == ["Some failures, then a success"]


def test_mistakes_are_refused_with_their_place_in_both_languages(tmp_path):
    folder = rules_folder(tmp_path)
    (folder / "bad.yml").write_text("title: t\nsequence:\n  timespan: 1h\n  steps:\n    - {rules: [failure], hop: destination}\n    - {rules: [success]}\n")
    (folder / "lost.yml").write_text("title: t\nsequence:\n  timespan: 1h\n  steps:\n    - {rules: [failure, nobody]}\n")
    done = run("check", "--rules", folder, check=False)
    assert done.returncode == 1
    assert "bad.yml:5:31: hop goes from host to host: the sequence needs by: host." in done.stdout
    assert "lost.yml:5:25: the correlation names the rule 'nobody'" in done.stdout
    japanese = run("check", "--rules", folder, "--lang", "ja", check=False).stdout
    assert "bad.yml:5:31: hop は端末から端末へ移るため" in japanese and "lost.yml:5:25: 相関ルールが参照するルール「nobody」" in japanese


def test_every_kind_of_the_matrix_has_its_sequence():
    names = {f.stem for f in (ROOT / "content" / "rules" / "sequences").glob("*.yml")}
    assert names >= {"web_borne_bot", "mass_mailer", "network_worm", "usb_trojan", "ransomware", "covert_channel", "infection_dialogue"}
