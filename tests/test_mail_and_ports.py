"""Mass mail, MX, IRC, ports and conditions in the running pipeline (S56, S60–S62, S88–S92, S95, S96, S101–S105; scenario 5.2)."""
import collections
import datetime
import json
import shutil

import pytest

from conftest import ROOT, run

START = datetime.datetime(2025, 11, 10, 13, 4, 2)
CLIENT, MTA, PRINTER, RELAY = "10.20.40.12", "10.10.0.25", "10.20.40.200", "10.20.40.210"


def flow(seconds, source, destination, port, action="deny", sport=50000, proto=6, policy=98, received=0):
    t = START + datetime.timedelta(seconds=seconds)
    return t, (f'date={t:%Y-%m-%d} time={t:%H:%M:%S} devname="FW-EDGE" devid="FGT60F0000000001" type="traffic" subtype="forward" srcip={source} srcport={sport} '
               f'dstip={destination} dstport={port} proto={proto} action="{action}" policyid={policy} sentbyte=0 rcvdbyte={received} tz="+0900"')


def mx(seconds, client, name):
    t = START + datetime.timedelta(seconds=seconds)
    return t, f"{t:%d-%b-%Y %H:%M:%S}.{t.microsecond // 1000:03} queries: info: client @0x7f2a {client}#40226 ({name}): query: {name} IN MX + (10.10.0.53)"


def irc(seconds, client, port, nick, command, value, text="-"):
    epoch = (START + datetime.timedelta(seconds=seconds) - datetime.timedelta(hours=9) - datetime.datetime(1970, 1, 1)).total_seconds()
    return START + datetime.timedelta(seconds=seconds), f"{epoch:.6f}\tCx{client[-2:]}\t{client}\t49712\t198.51.100.23\t{port}\t{nick}\tjxq\t{command}\t{value}\t{text}\t-\t-\t-"


HOSTS = f"""ip,hostname,department,importance,role,type
{CLIENT},PC-ADM-012,Admin,2,staff,desktop
{MTA},mail01,IT,3,mail-server,server
10.10.0.5,PC-OPS-1,IT,2,staff;administrator,desktop
"""


def replay(tmp_path, lines, assets=None, share=None):
    log, folder = tmp_path / "lines.log", tmp_path / "assets"
    log.write_text("\n".join(line for _, line in sorted(lines)) + "\n")
    folder.mkdir(exist_ok=True)
    for name, text in {"hosts.csv": HOSTS, **(assets or {})}.items():
        (folder / name).write_text(text)
    done = run("replay", "--assets", folder, log, env={"TZ": "Asia/Tokyo", **({"HYAKUYO_SHARE": str(share)} if share else {})})
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(rows, rule_id):
    """(time of day in Japan, ip) of each finding with that id."""
    found = []
    for r in rows:
        if r["kind"] == "finding" and r["rule_id"] == rule_id:
            t = datetime.datetime.fromisoformat(r["time"].replace("Z", "+00:00")) + datetime.timedelta(hours=9)
            found.append((f"{t:%H:%M:%S}", r["entities"].get("ip")))
    return found


def by_rule(rows, name):
    return [r["entities"].get("ip") for r in rows if r["kind"] == "finding" and r["rule"] == name]


def mass_mailer(action="deny"):
    """47 names, 44 servers, 13:04:02–13:13:40; and the decoys of 5.2."""
    names = [0.074, 1.111, 2.148, 4.222, 5.259] + [5.259 + 13.5 * n for n in range(1, 43)]
    servers = [1, 2, 3, 6, 9] + [9 + 14 * n for n in range(1, 40)]
    lines = [mx(at, CLIENT, f"n{n}.example") for n, at in enumerate(names)]
    lines += [flow(at, CLIENT, f"192.0.2.{25 + n}", 25, action if n == 20 else "deny", 51003 + n) for n, at in enumerate(servers)]
    for n in range(20):
        lines += [mx(20 * n, MTA, f"m{n}.example"), flow(20 * n, MTA, f"203.0.113.{n + 1}", 25, "accept", 41003 + n, received=800),
                  flow(20 * n, PRINTER, MTA, 25, "accept", 41003 + n, received=800), flow(20 * n, RELAY, f"203.0.113.{n + 100}", 25, "accept", 41003 + n, received=800)]
    launch = START - datetime.timedelta(seconds=50)
    return lines + [(launch, f'<134>1 {launch:%Y-%m-%dT%H:%M:%S}+09:00 policy-mgr LaunchCtl - PROC [e host="PC-ADM-012" ip="{CLIENT}" user="k.mori" dept="Admin" '
                             r'path="C:\\Users\\k.mori\\AppData\\Local\\Temp\\invoice.pdf.exe" '
                             'sha256="7777777777777777777777777777777777777777777777777777777777777777" signed="no" parent="explorer.exe" list="not-listed" action="logged"]')]


def exceptions(expires):
    return {"exceptions.csv": f"kind,ip,protocol,port,reason,owner,expires\nsmtp,{RELAY},tcp,25,SaaS relay,it,{expires}\n"}


def test_mass_mailer_scenario(tmp_path):
    """First MX question and first denial at once, the third server at 13:04:05, mass mailing by 13:04:30; urgency 中 since all was denied."""
    rows = replay(tmp_path, mass_mailer(), exceptions("2026-12-31"))
    assert told(rows, "direct_smtp") == [("13:04:03", CLIENT)]
    assert told(rows, "direct_smtp_several") == [("13:04:05", CLIENT)]
    assert told(rows, "mass_mailing") == [("13:04:11", CLIENT)]
    assert told(rows, "mx_many_names") == [("13:04:07", CLIENT)]
    assert by_rule(rows, "MX query by a client") == [CLIENT] * 47
    # the correlations that count the same are silent, and so is the rule behind the first
    rules = {r["rule_id"] for r in rows if r["kind"] == "finding" and not r.get("instrument")}
    assert not rules & {"c5c6c560-aa90-5a34-835f-8fb41d57e5f4", "19b9410f-7036-545c-8420-c325f7a40c24", "f537d586-0f1d-57de-b4e5-2f912bc1e1be"}
    assert not told(rows, "scan_suspected")  # one fact
    assert {r["entities"].get("ip") for r in rows if r["kind"] == "finding"} == {CLIENT}
    incident = [r for r in rows if r["kind"] == "incident"][-1]
    assert (incident["urgency"], incident["importance"], incident["confidence_level"], incident["first_task"]) == (2, 2, 4, "pull_connector")
    assert "PC-ADM-012" in json.dumps(incident["hosts"])


def test_one_that_gets_through_is_urgent(tmp_path):
    rows = replay(tmp_path, mass_mailer("accept"), exceptions("2026-12-31"))
    assert [r for r in rows if r["kind"] == "incident"][-1]["urgency"] == 3
    [policy] = [r for r in rows if r.get("rule_id") == "egress_25_open"]
    assert policy["matched"]["rule.id"] == "98" and policy["entities"].get("host") is None  # S90: about the firewall


def test_expired_exception_alarms(tmp_path):
    rows = replay(tmp_path, mass_mailer(), exceptions("2025-11-09"))
    assert RELAY in [ip for _, ip in told(rows, "direct_smtp_several")]


def test_scan_without_instruments_still_counts(tmp_path):
    log = tmp_path / "fw.log"
    log.write_text("\n".join(line for _, line in mass_mailer()) + "\n")
    rows = [json.loads(line) for line in run("scan", log, check=False).stdout.splitlines()]
    assert "Mail sent straight to three or more servers" in {r["rule"] for r in rows}


def test_relayed_mail(tmp_path):
    """Through our own server: 5,000 recipients with 1 % bounces are silent, a third of 30 is not (S88)."""
    def line(n, text):
        t = START + datetime.timedelta(seconds=n / 20)
        return t, f"Nov 10 {t:%H:%M:%S} mail01 postfix/{text}"
    lines = [line(0, "smtpd[1]: AAA1B2C3D4: client=pc[10.20.40.12]"), line(0, "smtpd[1]: BBB1B2C3D4: client=news[10.20.40.60]")]
    for n in range(30):
        lines.append(line(n, f"smtp[2]: AAA1B2C3D4: to=<u{n}@x.example>, relay=mx.example[192.0.2.25]:25, dsn=5.1.1, status={'bounced (no)' if n % 3 == 0 else 'sent (ok)'}"))
    for n in range(5000):
        lines.append(line(n, f"smtp[2]: BBB1B2C3D4: to=<u{n}@x.example>, relay=mx.example[192.0.2.25]:25, dsn=2.0.0, status={'bounced (no)' if n % 100 == 50 else 'sent (ok)'}"))
    rows = replay(tmp_path, lines)
    assert [ip for _, ip in told(rows, "relay_bounces")] == [CLIENT]
    assert not told(rows, "relay_many_recipients")


def test_irc_by_port_and_by_protocol(tmp_path):
    """IRC on 8080 is found by its protocol, not by its port (S102, S101); a channel of two hosts and a bot's nickname tell more."""
    rows = replay(tmp_path, [irc(0, "10.20.30.31", 8080, "JPN|73920481", "JOIN", "##upd"), irc(60, "10.20.30.44", 8080, "JPN|55028111", "JOIN", "##upd"),
                             irc(70, "10.20.30.44", 8080, "JPN|55028111", "PRIVMSG", "##upd", ".advscan lsass_445 100 5 0")])
    assert by_rule(rows, "IRC protocol seen in a session") == ["10.20.30.31", "10.20.30.44", "10.20.30.44"]
    assert not by_rule(rows, "Outbound connection to an IRC port")
    assert {ip for _, ip in told(rows, "irc_shared_channel")} == {ip for _, ip in told(rows, "irc_bot_nick")} == {"10.20.30.31", "10.20.30.44"}
    assert [ip for _, ip in told(rows, "irc_bot_command")] == ["10.20.30.44"]
    port = replay(tmp_path, [flow(0, CLIENT, "198.51.100.23", 6667)])
    [finding] = [r for r in port if r["kind"] == "finding" and r["rule"] == "Outbound connection to an IRC port"]
    assert finding["likelihood_ratio"] == 500 and finding["entities"]["department"] == "Admin" and finding["matched"]["destination.port"] == "6667"
    assert not told(port, "watched_port")  # told by the rule, not twice


def test_watched_ports_and_notices(tmp_path):
    """SSH of the administrator is silent, of a clerical PC an event (S60); an imported notice shows beside it (S62)."""
    lines = [flow(0, "10.10.0.5", "198.51.100.9", 22, "accept"), flow(1, CLIENT, "198.51.100.9", 22, "accept"), flow(2, CLIENT, "198.51.100.9", 445), flow(3, CLIENT, "198.51.100.9", 8291)]
    rows = replay(tmp_path, lines)
    assert {r["matched"]["destination.port"]: r["entities"]["ip"] for r in rows if r.get("rule_id") == "watched_port"} == {"22": CLIENT, "445": CLIENT}
    share = tmp_path / "share"
    shutil.copytree(ROOT / "content", share / "content")
    book = share / "content/instruments/watch_port.yml"
    ships = book.read_text()
    book.write_text(ships.replace("notices: []", "notices:\n  - {ports: [445, 8291], date: 2025-11-09, source: TSUBAME, trend: 445 rising}"))
    rows = replay(tmp_path, lines, share=share)
    [watched] = [r for r in rows if r.get("rule_id") == "watched_port" and r["matched"]["destination.port"] == "445"]
    assert watched["matched"]["notice"] == "2025-11-09 TSUBAME: 445 rising"
    [noticed] = [r for r in rows if r.get("rule_id") == "noticed_port"]  # not on the list: a proposal
    assert noticed["matched"]["destination.port"] == "8291" and noticed["level"] == "informational"


@pytest.mark.parametrize("name, old, new, word", [
    ("watch_port", "ports: [22]", "ports: [ssh]", "ssh"),
    ("watch_port", "ports: [22]", "ports: []", "ports"),
    ("watch_port", "ports: [22], protocol: tcp, added: 2026-11-23", "ports: [22], protocol: tcp, added: soon", "added"),
    ("watch_port", "ports: [22], protocol: tcp", "ports: [22], protocol: sctp", "tcp"),
    ("watch_port", "notices: []", "notices: [{ports: [1], date: 2026-01-01}]", "source"),
    ("mass_mail", "[25, 465, 587]", "[70000]", "70000"),
    ("irc", "irc_ports: [194", "irc_ports: [x", "x"),
    ("irc", "nick_patterns:", "nick_patterns:\n    - '('", "irc.yml"),
    ("rare_port", "ordinary_ports:", "other_ports:", "ordinary_ports"),
])
def test_mistakes_in_instruments_are_named(tmp_path, name, old, new, word):
    share = tmp_path / "share"
    shutil.copytree(ROOT / "content", share / "content")
    book = share / f"content/instruments/{name}.yml"
    text = book.read_text()
    assert old in text
    book.write_text(text.replace(old, new))
    log = tmp_path / "x.log"
    log.write_text("x\n")
    done = run("replay", log, env={"HYAKUYO_SHARE": str(share)}, check=False)
    assert done.returncode == 2 and f"{name}.yml:" in done.stderr and word in done.stderr


def test_rare_ports_of_the_day(tmp_path):
    """Forty hosts browse and read mail; the one that uses 8291 leads the list when the day is over (S104)."""
    lines = []
    for n in range(40):
        for port in (443, 993):
            lines.append(flow(n, f"10.20.30.{n + 1}", "198.51.100.7", port, "accept", received=900))
    lines += [flow(100, "10.20.30.8", "192.0.2.4", 8291, "accept", received=900), flow(86400, "10.20.30.1", "198.51.100.7", 443, "accept", received=900)]
    rows = replay(tmp_path, lines)
    [listed] = [r for r in rows if r.get("rule_id") == "rare_port_host"]
    assert listed["entities"]["ip"] == "10.20.30.8" and listed["matched"]["ports"] == "8291/tcp 192.0.2.4 (1)" and listed["matched"]["rank"] == "1"


def test_conditions_without_geoip_are_unknown(tmp_path):
    """`8080/tcp and country in list`: without a country the flow is shown as unknown, not dropped (S105)."""
    conditions = {"conditions.csv": "kind,value,reason,added_by,review\nport,8080/tcp,proxies,k,2027-01-01\ncountry,ZZ,many servers,k,2027-01-01\n"}
    rows = replay(tmp_path, [flow(0, CLIENT, "198.51.100.9", 8080, "accept"), flow(1, CLIENT, "198.51.100.9", 443, "accept")], conditions)
    [found] = [r for r in rows if r.get("instrument") == "conditions"]
    assert found["rule_id"] == "condition_unknown" and found["matched"]["destination.geo.country_iso_code"] == "unknown" and found["matched"]["destination.port"] == "8080"


def test_exploit_in_an_unwatched_segment(tmp_path):
    """The register says that no IDS watches between these networks: 未監視区間 (S95, S96)."""
    networks = {"networks.csv": "cidr,department,zone,ids\n10.20.40.0/24,Admin,admin,no\n10.20.10.0/24,Finance,finance,no\n10.10.0.0/24,IT,servers,core\n"}
    def alert(second, target):
        return START + datetime.timedelta(seconds=second), json.dumps({
            "timestamp": f"2025-11-10T13:05:{second:02}.000000+0900", "event_type": "alert", "in_iface": "x", "src_ip": CLIENT, "src_port": 49840, "dest_ip": target, "dest_port": 445,
            "proto": "TCP", "alert": {"action": "allowed", "gid": 1, "signature_id": 1000120, "rev": 1, "signature": "LOCAL EXPLOIT SMB RPC overflow attempt",
                                      "category": "Attempted Administrator Privilege Gain", "severity": 1}})
    rows = replay(tmp_path, [alert(1, "10.10.0.9"), alert(2, "10.20.10.5"), flow(300, CLIENT, "10.20.10.6", 445, "accept")], networks)
    [blind] = [r for r in rows if r.get("rule_id") == "exploit_in_unwatched_segment"]
    assert blind["matched"]["segment"] == "admin → finance" and "未監視区間" in blind["rule_ja"]
    assert by_rule(rows, "Exploit between hosts of ours") == [CLIENT, CLIENT]  # the rule speaks for each exploit
    assert collections.Counter(r.get("rule_id") for r in rows)["exploit_inside_several"] == 0
