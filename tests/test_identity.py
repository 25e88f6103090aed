"""Who an address was at that time (spec 0.3, S21, S27, S108–S112, S119): leases and log-ons as the records tell them, by the real binary."""
import json
import random
import time

import pytest

from conftest import rows, run

DAY = "2025-11-10T"
ADDRESS = "10.20.30.31"
DHCP = "<30>1 " + DAY + "{clock}+09:00 dhcp1 dhcpd 1 - - DHCPACK on {ip} to {mac}{name} via eth3"
WINDOWS_DHCP = "11,11/10/25,{clock},Renew,{ip},{name},{mac},,0,6,,,,,,,,,0"
MAC_A, MAC_B = "02:00:5e:00:00:0a", "02:00:5e:00:00:0b"
RULE = ("title: Odd name\nid: 6f3f0f4e-0000-4000-8000-0000000000aa\nlogsource: {category: proxy}\n"
        "detection:\n  odd: {url.domain: odd.example}\n  condition: odd\nlevel: high\n")


def lease(clock, mac, name="", ip=ADDRESS):
    return DHCP.format(clock=clock, ip=ip, mac=mac, name=f" ({name})" if name else "")


def request(clock, ip=ADDRESS, user="-"):
    epoch = 1762700400 + int(clock[:2]) * 3600 + int(clock[3:5]) * 60  # 2025-11-10T00:00+09:00
    return f"{epoch}.000   1480 {ip} TCP_MISS/200 143872 GET http://odd.example/x {user} HIER_DIRECT/198.51.100.23 text/html"


def logon(code, clock, host, user, session="0x3e7a1", kind="2"):
    utc = f"2025-11-{10 if int(clock[:2]) >= 9 else 9:02}T{(int(clock[:2]) - 9) % 24:02}{clock[2:]}Z"
    return json.dumps({"winlog": {"channel": "Security", "provider_name": "Microsoft-Windows-Security-Auditing", "event_id": code, "computer_name": host + ".corp.example",
                                  "event_data": {"TargetUserName": user, "TargetDomainName": "CORP", "LogonType": kind, "TargetLogonId": session}}, "@timestamp": utc})


# One address, two computers on one day; the second is named by its hardware alone.
STORY = [lease("08:00:00", MAC_A, "PC-A"), logon("4624", "08:10:00", "PC-A", "a.ito"), request("09:00"), request("09:30"), logon("4634", "11:00:00", "PC-A", "a.ito"),
         lease("12:30:00", MAC_B), logon("4624", "12:40:00", "PC-B", "b.mori", "0x77"), request("13:00"), request("14:00")]


@pytest.fixture
def organisation(tmp_path):
    folder = tmp_path / "organisation"
    folder.mkdir()
    (folder / "hosts.csv").write_text(f"hostname,mac,department,importance,role\nPC-A,{MAC_A},Sales,2,staff\nPC-B,{MAC_B.upper()},Finance,4,executive\n")
    (folder / "departments.csv").write_text("department,network\nOffice,\n")
    (folder / "networks.csv").write_text("cidr,department\n10.20.0.0/16,Office\n")
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "odd.yml").write_text(RULE)
    return folder


def replay(tmp_path, lines, *options, organisation=None):
    log = tmp_path / "day.log"
    log.write_text("\n".join(lines) + "\n")
    assets = ("--assets", organisation) if organisation else ()
    text = run("replay", *assets, "--rules", tmp_path / "rules", "--format", "ndjson", *options, log, env={"TZ": "Asia/Tokyo"}).stdout
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"kind"')]


def timeline(printed):
    return [(f["time"][11:16], f["entities"].get("host"), f["entities"].get("user"), f["entities"].get("department"))
            for f in printed if f["kind"] == "finding" and f["rule"] == "Odd name"]


EXPECTED = [("00:00", "PC-A", "a.ito", "Sales"), ("00:30", "PC-A", "a.ito", "Sales"), ("04:00", "PC-B", "b.mori", "Finance"), ("05:00", "PC-B", "b.mori", "Finance")]


def test_one_address_two_hosts_two_timelines(organisation, tmp_path):
    """Spec 0.3: the same IP leased to two hosts on one day yields two host timelines, in findings and in incidents."""
    printed = replay(tmp_path, STORY, organisation=organisation)
    assert timeline(printed) == EXPECTED
    last = {i["id"]: i for i in printed if i["kind"] == "incident"}
    assert sorted(i["hosts"][0].split()[0] for i in last.values()) == ["PC-A", "PC-B"]
    assert {i["hosts"][0].split()[0]: i["importance"] for i in last.values()} == {"PC-A": 2, "PC-B": 4}


def test_the_same_in_any_order_of_the_files(organisation, tmp_path):
    shuffled = STORY[:]
    random.Random(3).shuffle(shuffled)
    assert timeline(replay(tmp_path, shuffled, organisation=organisation)) == EXPECTED


def test_windows_leases_and_no_inventory(organisation, tmp_path):
    lines = [WINDOWS_DHCP.format(clock="08:00:00", ip=ADDRESS, name="PC-A.corp.example", mac="02005E00000A"), request("09:00"),
             WINDOWS_DHCP.format(clock="12:30:00", ip=ADDRESS, name="PC-B.corp.example", mac="02005E00000B"), request("13:00")]
    assert [t[:2] for t in timeline(replay(tmp_path, lines))] == [("00:00", "PC-A"), ("04:00", "PC-B")]


def test_what_is_not_known_stays_unknown(organisation, tmp_path):
    lines = [request("07:00"), lease("08:00:00", MAC_A, "PC-A"), "<30>1 2025-11-10T10:00:00+09:00 dhcp1 dhcpd 1 - - DHCPRELEASE of "
             f"{ADDRESS} from {MAC_A} (PC-A) via eth3 (found)", request("11:00"), request("12:00", ip="10.20.30.77")]
    assert [t[1] for t in timeline(replay(tmp_path, lines, organisation=organisation))] == [None, None, None]


def test_people_by_vpn_and_proxy(organisation, tmp_path):
    """A remote-access log-in with an address of ours is strong; a name at the proxy is weak, and a session at the computer wins."""
    vpn = '<134>1 2025-11-10T{}+09:00 vpn01 SSLVPN - {} [e user="{}" src="198.51.100.9" assigned="10.30.0.14" result="success" mfa="push"]'
    lines = [vpn.format("08:00:00", "LOGIN", "c.ueno"), request("09:00", ip="10.30.0.14"), vpn.format("10:00:00", "LOGOUT", "c.ueno"), request("11:00", ip="10.30.0.14"),
             request("12:00", ip="10.20.30.40", user="d.oka")]
    users = [t[2] for t in timeline(replay(tmp_path, lines, organisation=organisation))]
    assert users == ["c.ueno", None, "d.oka"]


def wait(what, timeout=30):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_the_server_stores_keeps_and_shows_it(server, organisation, tmp_path):
    """Stored events, the API with its audit line, and the table after a restart."""
    (tmp_path / "var").mkdir()
    run("asset", "import", "--data", tmp_path / "var", organisation)
    s = server("--rules", tmp_path / "rules", "--workers", "3", "--seal-after-ms", "200")
    for line in STORY[:6]:
        s.post_records("mixed", line.encode())
    s.wait_count(2, "hyakuyo.source.host:PC-A and hyakuyo.source.user:a.ito and hyakuyo.department:Sales and hyakuyo.asset.registered:true")
    wait(lambda: s.get("/api/v1/assets/hosts/pc-b/identity")["addresses"])
    assert s.stop() == 0
    s.start()
    for line in STORY[6:]:
        s.post_records("mixed", line.encode())
    s.wait_count(2, "hyakuyo.source.host:PC-B and hyakuyo.source.user:b.mori and hyakuyo.department:Finance")
    assert s.count("hyakuyo.source.host:PC-A") == 2
    s.post_records("mixed", request("15:00", ip="10.20.30.99").encode())
    s.wait_count(1, "hyakuyo.asset.registered:false and source.ip:10.20.30.99 and hyakuyo.department:Office")

    seen = wait(lambda: (lambda d: d if d["users"] else None)(s.get("/api/v1/assets/hosts/PC-B.corp.example/identity")))
    assert seen["host"] == "PC-B" and seen["registered"] and seen["department"] == "Finance"
    assert [(a["ip"], a["mac"], a["from"][:16], a["by"]) for a in seen["addresses"]] == [(ADDRESS, "02-00-5e-00-00-0b", "2025-11-10T03:30", "dhcp")]
    assert [(u["user"], u["by"], u["weak"]) for u in seen["users"]] == [("b.mori", "logon", False)]
    first = s.get("/api/v1/assets/hosts/pc-a/identity")
    assert [(a["ip"], a["from"][:16], a["to"][:16]) for a in first["addresses"]] == [(ADDRESS, "2025-11-09T23:00", "2025-11-10T03:30")]
    assert [(u["user"], u["to"][:16]) for u in first["users"]] == [("a.ito", "2025-11-10T02:00")]
    assert s.get("/api/v1/assets/hosts/pc-a/identity?to=2025-11-09T23:05:00Z")["users"] == []
    audit = [json.loads(line) for line in (s.data / "audit.ndjson").read_text().splitlines()]
    assert [a for a in audit if a["action"] == "assets.identity" and "pc-a" in json.dumps(a)]
    assert "hyakuyo_identity_facts_total" in s.request("GET", "/metrics")[1].decode()


def test_values_of_that_day(organisation, tmp_path):
    """S119: re-scoring an old case uses the values of its day, for departments, importance, approved applications and exceptions."""
    (organisation / "hosts.csv").write_text(
        "ip,hostname,department,importance,approved_applications,valid_from,valid_to\n"
        f"{ADDRESS},PC-OLD,Sales,1,,,2025-11-09\n{ADDRESS},PC-NEW,Finance,4,odd,2025-11-10,\n")
    (organisation / "exceptions.csv").write_text("kind,domain,reason,owner,expires\ndestination,odd.example,test,ops,2025-11-09\n")
    old = request("09:00").replace("1762732800", str(1762732800 - 3 * 86400))
    assert old != request("09:00")
    day = [f for f in replay(tmp_path, [old, request("09:00")], organisation=organisation) if f["kind"] == "finding"]
    odd = [f for f in day if f["rule"] == "Odd name"]
    assert [(f["entities"]["host"], f["entities"]["department"]) for f in odd] == [("PC-OLD", "Sales"), ("PC-NEW", "Finance")]
    log = tmp_path / "two.log"
    log.write_text(old + "\n" + request("09:00") + "\n")
    text = run("trace", "--assets", organisation, log, env={"TZ": "Asia/Tokyo"}).stdout
    before, after = text.split("two.log:2")
    assert "hyakuyo.asset.importance = 1" in before and "hyakuyo.asset.importance = 4" in after
    assert "hyakuyo.exception = destination" in before and "hyakuyo.exception" not in after


def test_an_import_does_not_rewrite_the_past(server, organisation, tmp_path):
    """S119: rows that an import retires held until then; stored events are replayed with them."""
    hosts = organisation / "hosts.csv"
    hosts.write_text(f"ip,hostname,department,importance\n{ADDRESS},PC-A,Sales,1\n")
    run("asset", "import", "--data", tmp_path / "var", organisation)
    s = server("--rules", tmp_path / "rules", "--seal-after-ms", "200")
    s.post_records("proxy", request("09:00").encode())
    s.wait_count(1, "hyakuyo.department:Sales")
    assert s.stop() == 0
    hosts.write_text(f"ip,hostname,department,importance\n{ADDRESS},PC-A,Finance,4\n")
    run("asset", "import", "--data", tmp_path / "var", organisation)
    printed = rows("replay", "--data", s.data, "--rules", tmp_path / "rules", "--format", "ndjson")
    assert [f["entities"]["department"] for f in printed if f.get("kind") == "finding" and f["rule"] == "Odd name"] == ["Sales"]


def test_inventory_from_json(organisation, tmp_path):
    (organisation / "hosts.csv").unlink()
    (organisation / "hosts.json").write_text(json.dumps([{"ip": [ADDRESS], "hostname": "PC-J", "department": "Sales", "importance": 3, "role": ["staff", "it"], "floor": None}]))
    found, = timeline(replay(tmp_path, [request("09:00")], organisation=organisation))
    assert found[1:] == ("PC-J", None, "Sales")
    (organisation / "hosts.csv").write_text("hostname\nPC-A\n")
    done = run("asset", "import", "--data", tmp_path / "var", organisation, check=False)
    assert done.returncode == 1 and "hosts.csv" in done.stderr and "hosts.json" in done.stderr


@pytest.mark.parametrize("text, line, says", [
    ('{"hostname": "a"}', 1, "list of objects"), ('[\n{"ip": "10.0.0.300"}\n]', 2, "10.0.0.300"), ('[\n\n{"hostname": {"a": 1}}]', 3, "hostname"),
    ('[{"hostname": "a"} {"hostname": "b"}]', 1, "list of objects"), ('[{"hostname": "a"},]', 1, "list of objects"), ('[{}]', 1, "says nothing"), ("", 1, "list of objects")])
def test_json_faults_name_their_line(tmp_path, text, line, says):
    folder = tmp_path / "o"
    folder.mkdir()
    (folder / "hosts.json").write_text(text)
    done = run("asset", "import", "--data", tmp_path / "var", folder, check=False)
    assert done.returncode == 1 and says in done.stderr and f"hosts.json:{line}" in done.stderr, done.stderr


LDIF = """version: 1

# an organisation
dn: OU=営業部,DC=corp,DC=example
objectClass: organizationalUnit
ou: 営業部

dn: CN=PC-L,OU=Sales,DC=corp,DC=example
objectClass: top
objectClass: user
objectClass: computer
cn: PC-L
dNSHostName: pc-l.corp.example
ipHostNumber: 10.20.30.31
managedBy: CN=Sato\\, Taro,OU=People,
 DC=corp,DC=example

dn:: Q049WS5BYmUsT1U9U2FsZXMsREM9Y29ycA==
objectClass: user
sAMAccountName: y.abe
department:: 5Za25qWt6YOo

dn: CN=Gone,DC=corp
objectClass: user
sAMAccountName: gone
userAccountControl: 514

dn: CN=Old,DC=corp
changetype: delete
"""


def test_inventory_from_a_directory(organisation, tmp_path):
    export = tmp_path / "corp.ldif"
    export.write_text(LDIF)
    text = run("asset", "import", "--data", tmp_path / "var", export).stdout
    assert [line.split()[:2] for line in text.splitlines()] == [["hosts.csv", "1"], ["users.csv", "1"], ["departments.csv", "1"]]
    import sqlite3
    state = sqlite3.connect(tmp_path / "var" / "state.db")
    assert state.execute("SELECT ip, hostname, owner, department FROM asset_host").fetchall() == [(ADDRESS, "pc-l.corp.example", "Sato, Taro", "Sales")]
    assert state.execute("SELECT user, department FROM asset_user").fetchall() == [("y.abe", "営業部")]
    for broken, says in ((LDIF.replace("ou: 営業部", "ou 営業部"), "corp.ldif:6"), (LDIF.replace("10.20.30.31", "10.20.30.310"), "corp.ldif:8"),
                         ("dn: x\nobjectClass: thing\n", "ldap.yml")):
        export.write_text(broken)
        done = run("asset", "import", "--data", tmp_path / "var", export, check=False)
        assert done.returncode == 1 and says in done.stderr, done.stderr
