"""The list of all hosts: inventory, fleet and risk in one row each; filters, order, pages, CSV, and who may see which (S6, S11, S30 to S32, S130)."""
import csv
import io
import json
import time
import urllib.parse

import pytest
from conftest import run
from test_risk import Person, ask, flow, incident_of, send

AGENT = '<134>1 {t} avmgr1 GuardOne - STATUS [e host="{host}" ip="{ip}" product="GuardOne" service="{service}" realtime="on" engine="7.6.1" pattern="2025.11.09.3" policy="STD" firewall="on"]'


@pytest.fixture
def estate(server, tmp_path):
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "hosts.csv").write_text("ip,hostname,department,importance,role,type\n10.20.30.31,PC-1,Sales,2,,laptop\n10.20.30.32,PC-2,Sales,2,,laptop\n"
                                      "10.20.40.9,FS01,Finance,4,file-server,server\n10.20.40.10,=CMD(),Finance,3,,printer\n")
    (folder / "networks.csv").write_text("cidr,department,zone\n10.20.30.0/24,,clients\n10.20.40.0/24,,servers\n")
    (folder / "users.csv").write_text("user,department\nhanako,Sales\n")
    run("asset", "import", folder, "--data", tmp_path / "var")
    s = server()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    send(s, AGENT.format(t=stamp, host="PC-1", ip="10.20.30.31", service="running"), AGENT.format(t=stamp, host="FS01", ip="10.20.40.9", service="stopped"),
         flow("10.20.30.31"), flow("10.20.30.77", port=443))
    incident_of(s, "10.20.30.31")
    return s


def hosts(s, **parameters):
    return ask(s, "/api/v1/assets/hosts?" + urllib.parse.urlencode(parameters))


def names(answer):
    return [row["host"] for row in answer["rows"]]


def test_every_host_once_filtered_sorted_and_exported(estate):
    s = estate
    everything = hosts(s)
    by_name = {row["host"]: row for row in everything["rows"]}
    assert everything["all"] == everything["total"] == len(by_name) == len(everything["rows"])
    assert {"PC-1", "PC-2", "FS01", "=CMD()", "10.20.30.77"} <= set(by_name)
    one = by_name["PC-1"]
    assert one["registered"] and one["department"] == "Sales" and one["network"] == "clients" and one["type"] == "laptop" and one["risk"] > 0 and one["last_seen"]
    assert by_name["FS01"]["control"] == "off" and by_name["FS01"]["importance"] == 4 and by_name["FS01"]["roles"] == ["file-server"]
    assert by_name["PC-2"]["control"] == "never_seen" and by_name["PC-2"]["last_seen"] is None
    assert not by_name["10.20.30.77"]["registered"]

    assert names(hosts(s, department="sales")) == ["PC-1", "PC-2"]
    assert names(hosts(s, network="servers", importance=4)) == ["FS01"]
    assert names(hosts(s, role="file-server")) == names(hosts(s, type="server")) == names(hosts(s, control="off")) == ["FS01"]
    assert "10.20.30.77" in names(hosts(s, registered=0)) and "10.20.30.77" not in names(hosts(s, registered=1))
    assert names(hosts(s, risk=1)) == ["FS01", "PC-1"] and names(hosts(s, q="pc-2")) == ["PC-2"] and names(hosts(s, q="10.20.40.9")) == ["FS01"]
    assert names(hosts(s, sort="-importance"))[0] == "FS01" and names(hosts(s, sort="-control"))[0] == "FS01"
    risks = [row["risk"] for row in hosts(s, sort="-risk")["rows"]]
    assert risks == sorted(risks, reverse=True) and risks[0] > 0
    assert [names(hosts(s, limit=2, offset=at)) for at in (0, 2)] == [names(everything)[:2], names(everything)[2:4]]
    facets = {entry["value"]: entry["hosts"] for entry in everything["facets"]["department"]}
    assert facets["Sales"] == 2 and facets["Finance"] == 2
    for wrong in ("sort=owner", "control=fine", "importance=9"):
        assert s.request("GET", "/api/v1/assets/hosts?" + wrong)[0] == 400, wrong

    status, body = s.request("GET", "/api/v1/assets/hosts?format=csv&department=Finance")
    rows = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"))))
    assert status == 200 and [row["host"] for row in rows] == ["'=CMD()", "FS01"], "a name that begins like a formula is none"
    assert rows[1]["roles"] == "file-server" and rows[1]["control"] == "off" and rows[1]["registered"] == "true"

    # as for the page of a host: an officer sees the hosts of the own department, and who may see no incidents sees none
    officer = Person(s, "hanako", "department")
    status, body = s.request("GET", "/api/v1/assets/hosts", None, officer.head, token=False)
    assert status == 200 and {row["department"] for row in json.loads(body)["rows"]} == {"Sales"}
    assert s.request("GET", "/api/v1/assets/hosts", token=False)[0] == 401


def test_twenty_thousand_hosts_by_pages(server, tmp_path):
    folder = tmp_path / "assets"
    folder.mkdir()
    lines = [f"10.{30 + i // 65536}.{i // 256 % 256}.{i % 256},PC-{i:05},Dept-{i % 40},{1 + i % 4},,laptop" for i in range(20_000)]
    (folder / "hosts.csv").write_text("ip,hostname,department,importance,role,type\n" + "\n".join(lines) + "\n")
    run("asset", "import", folder, "--data", tmp_path / "var")
    s = server()
    first = hosts(s, limit=100)
    assert first["all"] == 20_000 and names(first)[0] == "PC-00000" and len(first["rows"]) == 100
    last = hosts(s, limit=100, offset=19_900)
    assert names(last)[-1] == "PC-19999"
    assert hosts(s, department="Dept-7", importance=4, limit=1)["total"] == sum(1 for i in range(20_000) if i % 40 == 7 and i % 4 == 3)
    status, body = s.request("GET", "/api/v1/assets/hosts?format=csv")
    assert status == 200 and body.count(b"\r\n") == 20_001
