"""The same facts in the words of many products (S93, S101, S92, S45): whoever tells them, the same is found. A product that is understood only in
part shows here: the sample of its parser may be right, and the fact still not be seen as one."""
import datetime
import json
import os

import pytest

from conftest import run

START = datetime.datetime(2025, 11, 10, 10, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=9)))
PC, C2, RESOLVER = "10.20.30.31", "198.51.100.23", "10.10.0.53"


def asa(t, dst, port, ok):
    head = f"<166>{t:%b %d %Y %H:%M:%S} edge : %ASA-"
    return head + (f"6-302013: Built outbound TCP connection {port}{dst[-1]} for outside:{dst}/{port} ({dst}/{port}) to inside:{PC}/49712 ({PC}/49712)" if ok
                   else f'4-106023: Deny tcp src inside:{PC}/49712 dst outside:{dst}/{port} by access-group "OUT" [0x1, 0x0]')


def panos(t, dst, port, ok):
    kind, action, sizes = ("end", "allow", "7431,2311,5120,40") if ok else ("drop", "deny", "66,66,0,1")
    return (f"<14>{t:%b %d %H:%M:%S} PA-1 1,{t:%Y/%m/%d %H:%M:%S},0123456789,TRAFFIC,{kind},2305,{t:%Y/%m/%d %H:%M:%S},{PC},{dst},,,out,,,any,vsys1,trust,untrust,e1,e2,fwd,{t:%Y/%m/%d %H:%M:%S},"
            f"25149,1,49712,{port},0,0,0x53,tcp,{action},{sizes},{t:%Y/%m/%d %H:%M:%S},1,any,0,991,0x0,JP,JP,0,20,20,aged-out,0,0,0,0,,PA-1,from-policy")


def netfilter(t, dst, port, ok):
    return f"<4>{t:%b %d %H:%M:%S} gw kernel: [1.5] FORWARD-{'ACCEPT' if ok else 'DROP'} IN=lan0 OUT=wan0 SRC={PC} DST={dst} LEN=60 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=TCP SPT=49712 DPT={port} WINDOW=64240 RES=0x00 SYN URGP=0"


def fortigate(t, dst, port, ok):
    return (f'<189>date={t:%Y-%m-%d} time={t:%H:%M:%S} devname="FG" devid="FG1" logid="0000000013" type="traffic" subtype="forward" tz="+0900" srcip={PC} srcport=49712 dstip={dst} dstport={port} proto=6 '
            f'action="{"close" if ok else "deny"}" policyid=1 service="x" sentbyte={2311 if ok else 0} rcvdbyte={5120 if ok else 0}')


def yamaha(t, dst, port, ok):
    return (f"<190>{t:%b %d %H:%M:%S} rtx1220 [INSPECT] PP[01][out][201099] TCP {PC}:49712 > {dst}:{port} ({t:%Y/%m/%d %H:%M:%S})" if ok
            else f"<190>{t:%b %d %H:%M:%S} rtx1220 PP[01] Rejected at OUT(2000) filter: TCP {PC}:49712 > {dst}:{port}")


def srx(t, dst, port, ok):
    ends = f'source-address="{PC}" source-port="49712" destination-address="{dst}" destination-port="{port}" protocol-id="6" policy-name="p"'
    return (f'<14>1 {t:%Y-%m-%dT%H:%M:%S}.000+09:00 srx1 RT_FLOW - ' + (f'RT_FLOW_SESSION_CLOSE [junos@2636.1.1.1.2.129 reason="TCP FIN" {ends} bytes-from-client="2311" bytes-from-server="5120" elapsed-time="1"]' if ok
            else f'RT_FLOW_SESSION_DENY [junos@2636.1.1.1.2.129 {ends} reason="Denied by policy"]'))


def sonicwall(t, dst, port, ok):
    what = 'm=537 msg="Connection Closed"' if ok else 'm=36 msg="TCP connection dropped"'
    return f'<134>id=firewall sn=1 time="{t:%Y-%m-%d %H:%M:%S}" fw=192.0.2.1 pri=6 c=1024 {what} n=1 src={PC}:49712:X0 dst={dst}:{port}:X1 proto=tcp/{port}' + (" sent=2311 rcvd=5120" if ok else "")


def sophos(t, dst, port, ok):
    return (f'<30>device="SFW" date={t:%Y-%m-%d} time={t:%H:%M:%S} timezone="JST" device_name="XG" log_id=1 log_type="Firewall" log_component="Firewall Rule" log_subtype="{"Allowed" if ok else "Denied"}" '
            f'status="{"Allow" if ok else "Deny"}" src_ip={PC} src_port=49712 dst_ip={dst} dst_port={port} protocol="TCP" sent_bytes={2311 if ok else 0} recv_bytes={5120 if ok else 0}')


def checkpoint(t, dst, port, ok):
    return (f'<134>1 {t.astimezone(datetime.timezone.utc):%Y-%m-%dT%H:%M:%S}Z cp1 CheckPoint 1234 - [action:"{"Accept" if ok else "Drop"}"; ifdir:"inbound"; loguid:"{{0x1}}"; origin:"192.0.2.1"; time:"{int(t.timestamp())}"; '
            f'dst:"{dst}"; product:"VPN-1 & FireWall-1"; proto:"6"; s_port:"49712"; service:"{port}"; src:"{PC}"]')


def pfsense(t, dst, port, ok):
    return f"<134>{t:%b %d %H:%M:%S} edge filterlog[5]: 5,,,1000000103,igb1,match,{'pass' if ok else 'block'},in,4,0x0,,127,1,0,DF,6,tcp,52,{PC},{dst},49712,{port},0,S,1,,64240,,mss"


def pfirewall(t, dst, port, ok):
    return f"{t:%Y-%m-%d %H:%M:%S} {'ALLOW' if ok else 'DROP'} TCP {PC} {dst} 49712 {port} 52 S 1843211 0 64240 - - - SEND"


FIREWALLS = [asa, panos, netfilter, fortigate, yamaha, srx, sonicwall, sophos, checkpoint, pfsense, pfirewall]

QUESTIONS = {
    "bind": lambda t, name: f"<30>{t:%b %d %H:%M:%S} ns1 named[812]: client @0x7f2a {PC}#40226 ({name}): query: {name} IN MX +E(0)K ({RESOLVER})",
    "windows": lambda t, name: f"{t:%Y/%m/%d %H:%M:%S} 0D38 PACKET  000001D21C5E8AB0 UDP Rcv {PC}     3e1f   Q [0001   D   NOERROR] MX     " + "".join(f"({len(x)}){x}" for x in name.split(".")) + "(0)",
    "dnsmasq": lambda t, name: f"<30>{t:%b %d %H:%M:%S} gw1 dnsmasq[512]: query[MX] {name} from {PC}",
    "unbound": lambda t, name: f"<30>{t:%b %d %H:%M:%S} ns1 unbound[812:0]: info: {PC} {name}. MX IN",
    "zeek": lambda t, name: json.dumps({"_path": "dns", "ts": t.timestamp(), "uid": "C1", "id.orig_h": PC, "id.orig_p": 40226, "id.resp_h": RESOLVER, "id.resp_p": 53, "proto": "udp", "query": name,
                                        "qtype": 15, "qtype_name": "MX", "rcode": 0, "rcode_name": "NOERROR", "AA": False, "TC": False, "RD": True, "RA": True}),
}

DOWNLOADS = {
    "squid": lambda t: f"{t.timestamp():.3f} 148 {PC} TCP_MISS/200 143872 GET http://dl.codec.example/load/codecsetup.exe t.sato HIER_DIRECT/203.0.113.66 application/octet-stream",
    "combined": lambda t: f'{PC} - t.sato [{t:%d/%b/%Y:%H:%M:%S} +0900] "GET http://dl.codec.example/load/codecsetup.exe HTTP/1.1" 200 143872 "-" "Mozilla/5.0"',
    "w3c": lambda t: f'{t.astimezone(datetime.timezone.utc):%Y-%m-%d %H:%M:%S} 148 {PC} t.sato - - OBSERVED "Unknown" - 200 TCP_MISS GET application/octet-stream http dl.codec.example 80 /load/codecsetup.exe - exe "Mozilla/5.0" 10.10.0.80 143872 400 -',
    "zeek": lambda t: json.dumps({"_path": "http", "ts": t.timestamp(), "uid": "C1", "id.orig_h": PC, "id.orig_p": 49700, "id.resp_h": "203.0.113.66", "id.resp_p": 80, "method": "GET", "host": "dl.codec.example",
                                  "uri": "/load/codecsetup.exe", "version": "1.1", "user_agent": "x", "request_body_len": 0, "response_body_len": 143872, "status_code": 200, "status_msg": "OK", "tags": []}),
    "sophos": lambda t: (f'<30>device_name="SFW" timestamp="{t:%Y-%m-%dT%H:%M:%S}+0900" log_id="050901616001" log_type="Content Filtering" log_component="HTTP" log_subtype="Allowed" user="t.sato" src_ip="{PC}" '
                         f'dst_ip="203.0.113.66" protocol="TCP" src_port=49713 dst_port=80 url="http://dl.codec.example/load/codecsetup.exe" domain="dl.codec.example" content_type="application/octet-stream" http_status="200"'),
}


def found(tmp_path, lines):
    """{name or id of a finding: times}, of the computer alone."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "hosts.csv").write_text(f"ip,hostname,department,importance,role\n{PC},PC-31,Sales,2,staff\n{RESOLVER},ns1,IT,3,dns-server\n")
    (assets / "networks.csv").write_text("cidr,department,zone\n10.0.0.0/8,Office,clients\n")
    log = tmp_path / "x.log"
    log.write_text("".join(line + "\n" for line in lines))
    os.utime(log, (START.timestamp() + 3600,) * 2)  # times without a year belong to that of the file
    times = {}
    for row in map(json.loads, run("replay", "--assets", assets, log, env={"TZ": "Asia/Tokyo"}).stdout.splitlines()):
        if row["kind"] == "finding" and row["entities"].get("host") == "PC-31":
            times.setdefault(row["rule"], []).append(row["time"])
    return times


def at(seconds):
    return START + datetime.timedelta(seconds=seconds)


@pytest.mark.parametrize("product", FIREWALLS, ids=lambda f: f.__name__)
def test_firewalls_tell_a_bot_and_its_scan(tmp_path, product):
    rows = found(tmp_path, [product(at(0), C2, 6667, True)] + [product(at(60 + i), f"192.0.2.{i + 1}", 445, False) for i in range(40)])
    assert rows["Outbound connection to an IRC port"][0].startswith("2025-11-10T01:00:00"), rows
    assert rows["First contacts of this host fail like those of a scanner"] and rows["One port tried on many hosts"], rows


@pytest.mark.parametrize("product", QUESTIONS)
def test_name_servers_tell_who_asks_for_mail_exchangers(tmp_path, product):
    rows = found(tmp_path, [QUESTIONS[product](at(i), f"mail{i}.example") for i in range(6)])
    assert rows["MX query by a client"][0].startswith("2025-11-10T01:00:00"), rows
    assert len(rows) >= 2, rows  # and the names are told apart: so many are a finding of their own


@pytest.mark.parametrize("product", DOWNLOADS)
def test_proxies_tell_a_program_that_was_fetched(tmp_path, product):
    rows = found(tmp_path, [DOWNLOADS[product](at(0))])
    assert rows["Program downloaded from the web"][0].startswith("2025-11-10T01:00:00"), rows
