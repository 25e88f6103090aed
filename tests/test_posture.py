"""The posture (S53 to S55, S62): what replay says when it changes, and what people do with it over HTTP."""
import datetime
import json
import time

from conftest import run
from test_preview import post

HOSTS = "ip,hostname,owner,department,importance,role,type\n10.10.0.25,mail01,,IT,3,mail-server,server\n10.10.0.99,scan01,,IT,3,scanner,server\n"
EXCEPTIONS = "kind,ip,protocol,port,domain,window,reason,owner,expires\nscanner,10.10.0.99,,,,,inventory,it,2030-01-01\n"
DENIED = ('date={t:%Y-%m-%d} time={t:%H:%M:%S} devname="FW-EDGE" type="traffic" subtype="forward" srcip={src} srcport=51003 dstip={dst} '
          'dstport={port} proto=6 action="deny" policyid=98 service="x" sentbyte=0 rcvdbyte=0 dstcountry="ZZ" tz="+0900"')
START = datetime.datetime(2025, 11, 10, 13, 4, 3)


def denied(seconds, src, dst, port):
    return DENIED.format(t=START + datetime.timedelta(seconds=seconds), src=src, dst=dst, port=port)


def postures(tmp_path, lines):
    folder = tmp_path / "organisation"
    folder.mkdir(exist_ok=True)
    (folder / "hosts.csv").write_text(HOSTS)
    (folder / "networks.csv").write_text("cidr,department,zone\n10.20.0.0/16,Office,clients\n10.10.0.0/16,IT,servers\n")
    (folder / "exceptions.csv").write_text(EXCEPTIONS)
    log = tmp_path / "firewall.log"
    log.write_text("\n".join(lines) + "\n")
    answer = run("replay", "--assets", folder, log).stdout
    assert answer == run("replay", "--assets", folder, log).stdout  # the same records, the same postures
    return [row for row in map(json.loads, answer.splitlines()) if row["kind"] == "posture"]


def sweep(source, start, port=445, count=12):
    return [denied(start + i, source, f"192.0.2.{i + 1}", port) for i in range(count)]


def test_orange_for_the_sweep_with_the_third_source_and_not_before(tmp_path):
    """Spec 5.1: {445 sweep} once three internal sources; the registered scanner is none of them."""
    two = sweep("10.20.30.31", 0) + sweep("10.20.30.44", 60) + sweep("10.10.0.99", 120) + sweep("10.20.30.77", 130, port=139)
    assert postures(tmp_path, two) == []
    rows = postures(tmp_path, two + sweep("10.20.30.58", 300))
    assert [(row["level"], row["keys"]) for row in rows] == [("orange", ["445/tcp sweep"])]
    assert "2025-11-10T04:09:03" <= rows[0]["time"] <= "2025-11-10T04:09:15"  # the fourth failed contact of the third source


def test_orange_for_direct_mail_of_three_hosts_and_not_of_one(tmp_path):
    """Spec 5.2: 44 destinations on 25/tcp from each; the mail server may."""
    def mails(*hosts):
        return [denied(i * 13 + n, host, f"192.0.2.{i + 1}", 25) for i in range(44) for n, host in enumerate(hosts)]
    assert postures(tmp_path, mails("10.20.40.12", "10.10.0.25", "10.10.0.25")) == []
    rows = postures(tmp_path, mails("10.20.40.12", "10.20.40.13", "10.20.40.14"))
    assert {row["level"] for row in rows} == {"orange"}
    assert "25/tcp direct" in rows[-1]["keys"]


def test_posture_over_http_is_overridden_confirmed_and_outlives_a_kill(server):
    s = server()
    assert s.get("/api/v1/posture")["level"] == "green"
    assert s.get("/api/v1/status")["posture"] == "unknown"  # nothing has been judged
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    status, answer = post(s, "/api/v1/posture/override", level="red", reason="ransomware on FS01", approver="nobody", expires=later)
    assert status == 400 and "nobody" in json.dumps(answer)
    run("user", "add", "ciso", "--role", "approver", "--data", s.data, input="correct horse battery\n")
    status, answer = post(s, "/api/v1/posture/override", level="red", reason="ransomware on FS01", approver="ciso", expires=later)
    assert status == 200, answer
    assert answer["level"] == "red" and answer["computed"] == "green" and answer["override"]["approver"] == "ciso" and answer["duties"]
    status, answer = post(s, "/api/v1/posture/notices", issuer="police", trend="445 rising", port=445, time="now")
    assert status == 200 and answer["computed"] == "green"  # S62: nothing moves before somebody has confirmed it
    status, answer = post(s, f"/api/v1/posture/notices/{answer['notices'][0]['id']}/confirm")
    assert status == 200 and answer["computed"] == "yellow"
    status, answer = post(s, "/api/v1/posture/confirm")
    assert status == 409  # not Orange
    s.kill()
    s.start()
    now = s.get("/api/v1/posture")
    assert now["level"] == "red" and now["computed"] == "yellow" and now["notices"][0]["port"] == 445
    assert s.get("/api/v1/status")["posture"] == "red"
    assert s.request("DELETE", "/api/v1/posture/override")[0] == 200
    assert s.get("/api/v1/posture")["level"] == "yellow" == s.get("/api/v1/status")["posture"]
