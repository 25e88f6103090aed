"""Scenario 5.1 (web-borne worm-type IRC bot): lines as the systems send them, one incident on the screen."""
import json
import time

import pytest

from conftest import run

HOSTS = """ip,hostname,mac,owner,department,importance,role,type
10.20.30.31,PC-SALES-031,02:00:5e:20:30:31,t.sato,Sales,2,staff,desktop
10.20.30.44,PC-SALES-044,02:00:5e:20:30:44,m.abe,Sales,2,staff,desktop
10.10.0.53,dns01,,,IT,3,dns-server,server
10.10.0.80,proxy01,,,IT,3,proxy,server
10.10.0.25,mail01,,,IT,3,mail-server,server
"""
NETWORKS = "cidr,department,zone\n10.20.30.0/24,Sales,clients\n10.10.0.0/24,IT,servers\n"
SHA = "9f2c6d1e0b7a4c53e8d1f0a26b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e"
FW = ('date=2025-11-10 time={time} devname="FW-EDGE" type="traffic" subtype="forward" srcip=10.20.30.31 srcport={sport} '
      'dstip={dst} dstport={dport} proto=6 action="{action}" policyid=12 service="{service}" sentbyte=2311 rcvdbyte=5120 '
      'dstcountry="ZZ" tz="+0900"')
EVE = ('{{"timestamp":"2025-11-10T{time}.000000+0900","event_type":"alert","in_iface":"{iface}","src_ip":"10.20.30.31",'
       '"src_port":{sport},"dest_ip":"{dst}","dest_port":{dport},"proto":"TCP","alert":{{"action":"allowed","gid":1,'
       '"signature_id":{sid},"rev":1,"signature":"{signature}","category":"{category}","severity":1}}}}')
LAUNCH = ('<134>1 2025-11-10T{time}+09:00 policy-mgr LaunchCtl - PROC [e host="{host}" ip="{ip}" user="{user}" dept="Sales" '
          'path="{path}" sha256="' + SHA + '" signed="no" parent="{parent}" list="not-listed" action="logged"]')


def scenario():
    """The chain, system by system, as spec 5.1 tells it; neighbours .40 to .79 are scanned, .44 is infected."""
    yield ("10-Nov-2025 09:13:07.259 queries: info: client @0x7f2a 10.20.30.31#40791 (irc.update-chat.example): query: "
           "irc.update-chat.example IN A + (10.10.0.53)")
    yield ("1762733556.000   1480 10.20.30.31 TCP_MISS/200 143872 GET http://dl.codec-plugin.example/load/codecsetup.exe t.sato "
           "HIER_DIRECT/203.0.113.66 application/octet-stream")
    yield LAUNCH.format(time="09:13:02", host="PC-SALES-031", ip="10.20.30.31", user="t.sato", parent="iexplore-compat.exe",
                        path="C:\\\\Users\\\\t.sato\\\\AppData\\\\Local\\\\Temp\\\\codecsetup.exe")
    yield "2025-11-10 09:13:09 ALLOW TCP 10.20.30.31 198.51.100.23 49712 6667 52 S 1843211 0 64240 - - - SEND"
    yield FW.format(time="09:13:09", sport=49712, dst="198.51.100.23", dport=6667, action="accept", service="tcp/6667")
    yield EVE.format(time="09:13:10", iface="edge", sport=49712, dst="198.51.100.23", dport=6667, sid=1000101,
                     signature="LOCAL IRC NICK/USER on outbound session", category="A Network Trojan was detected")
    yield "1762733591.204\tCx1\t10.20.30.31\t49712\t198.51.100.23\t6667\tJPN|73920481\tjxq\tJOIN\t##upd\t-\t-\t-\t-"
    for neighbour in range(40, 80):
        if neighbour != 44:
            yield (f"2025-11-10 09:20:06 DROP TCP 10.20.30.31 10.20.30.{neighbour} {49760 + neighbour} 445 52 S 1843211 0 64240 "
                   "- - - RECEIVE")
    yield EVE.format(time="09:20:05", iface="core", sport=49801, dst="10.20.30.45", dport=445, sid=1000110,
                     signature="LOCAL SCAN SMB sweep", category="Attempted Information Leak")
    yield EVE.format(time="09:20:41", iface="core", sport=49840, dst="10.20.30.44", dport=445, sid=1000120,
                     signature="LOCAL EXPLOIT SMB RPC overflow attempt", category="Attempted Administrator Privilege Gain")
    yield LAUNCH.format(time="09:21:10", host="PC-SALES-044", ip="10.20.30.44", user="m.abe", parent="services.exe",
                        path="C:\\\\Windows\\\\Temp\\\\svcupd.exe")
    for i in range(20):
        yield FW.format(time=f"09:24:{i:02}", sport=50120 + i, dst=f"192.0.2.{17 + i}", dport=445, action="deny", service="SMB")
    yield ('{"TimeCreated":"2025-11-10T00:25:40.000Z","Channel":"Microsoft-Windows-Windows Defender/Operational","EventID":5001,'
           '"Computer":"PC-SALES-031","ThreatName":"","Path":"","DetectionSource":"Real-time protection disabled","Action":""}')
    yield ('<133>1 2025-11-10T09:26:30+09:00 nac01 NAC - POSTURE [e host="PC-SALES-031" ip="10.20.30.31" mac="02:00:5e:20:30:31" '
           'user="t.sato" result="quarantine" reason="av-realtime-off"]')


@pytest.fixture
def organisation(tmp_path):
    folder = tmp_path / "organisation"
    folder.mkdir()
    (folder / "hosts.csv").write_text(HOSTS)
    (folder / "networks.csv").write_text(NETWORKS)
    (folder / "departments.csv").write_text("department,network,sensor,importance\nSales,10.20.30.0/24,yes,2\n")
    return folder


def settled(s, state):
    """The incidents, once some are there and a second brings no change."""
    deadline = time.monotonic() + 60
    rows, before = [], None
    while not rows or rows != before:
        assert time.monotonic() < deadline, rows
        time.sleep(1)
        before, rows = rows, s.get(f"/api/v1/incidents?state={state}")["rows"]
    return rows


def test_one_incident_with_findings_of_five_systems_in_order(server, organisation):
    s = server()
    s.take_up("asset", "import", organisation)
    lines = list(scenario())
    s.send_tcp(*lines)
    s.wait_count(len(lines))
    incidents = settled(s, "open")
    ours = [i for i in incidents if any("10.20.30.31" in host for host in i["hosts"])]
    assert len(ours) == 1, incidents
    detail = s.get(f"/api/v1/incidents/{ours[0]['id']}")
    systems = {f["system"] for f in detail["findings"]}
    assert len(systems) >= 5, systems
    named = {f["system"]: f["system_name"] for f in detail["findings"]}
    assert [named[system] for system in detail["systems"]] == detail["system_names"]
    firsts = [f["first"] for f in detail["findings"]]
    assert firsts == sorted(firsts)
    assert detail["urgency"] == 4 and detail["confidence_level"] == 4
    touched = {h for i in incidents for h in i["hosts"]}
    for neighbour in range(40, 80):
        if neighbour != 44:
            assert not any(f"10.20.30.{neighbour}" in host for host in touched)
    assert any("10.20.30.44" in host for host in detail["hosts"]), "the second victim joins its attacker's incident"
    assert len(incidents) == 1


def test_replay_gives_the_same_incident_whatever_the_order_of_files(organisation, tmp_path):
    lines = list(scenario())
    outcomes = []
    for order in (lines, lines[::-1]):
        file = tmp_path / "lines.log"
        file.write_text("\n".join(order) + "\n")
        out = run("replay", "--assets", organisation, file, env={"TZ": "Asia/Tokyo"}).stdout
        last = {}
        for line in out.splitlines():
            record = json.loads(line)
            if record["kind"] == "incident":
                last[record["id"]] = record
        outcomes.append([(i["hosts"], i["urgency"], i["importance"], round(i["confidence"], 9), sorted(i["findings"]))
                         for i in last.values()])
    assert outcomes[0] == outcomes[1] and len(outcomes[0]) >= 1


def test_incidents_survive_a_kill_and_are_not_counted_twice(tmp_path, organisation):
    from conftest import Server
    s = Server(tmp_path, "--seal-after-ms", 60000).start()
    s.take_up("asset", "import", organisation)
    lines = list(scenario())
    s.send_tcp(*lines[:20])
    s.wait_count(20)
    before = settled(s, "all")
    s.kill()
    s.start()
    s.wait_count(20)
    after = settled(s, "all")
    assert before and [(i["id"], i["hosts"], i["confidence"]) for i in before] == [(i["id"], i["hosts"], i["confidence"]) for i in after]
    for i in before:
        a, b = (s.get(f"/api/v1/incidents/{i['id']}")["findings"] for _ in range(2))
        assert a == b
    s.send_tcp(*lines[20:])
    s.wait_count(len(lines))
    s.stop()
