"""The talk's two cases out of the engine (S139–S149; spec 4.5): numbers, and the four properties that must hold."""
import datetime
import json

import pytest

from conftest import run

LINE = ('<189>date=2025-11-10 time={time} devname="FW-EDGE" devid="FGT60F0000000001" type="traffic" subtype="forward" srcip={ip} srcport=49712 '
        'dstip=198.51.100.23 dstport=6667 proto=6 action="{action}" policyid=12 service="tcp/6667" sentbyte=2311 rcvdbyte=5120 tz="+0900"\n')
CFO, SALES = "10.20.10.5", "10.20.30.50"
HOSTS = ("ip,hostname,owner,department,importance,role,type,approved_applications\n"
         "10.20.10.5,PC-FIN-005,m.ito,Finance,4,executive,laptop,{cfo}\n"
         "10.20.30.50,PC-SALES-050,k.abe,Sales,2,staff,laptop,{sales}\n")
OFFICE, SKYPE = "Excel;Accounting Suite", "Excel;Skype for Business"


def cases(tmp_path, cfo=OFFICE, sales=SKYPE, action="accept", repeat=1, hosts=HOSTS):
    """Both PCs talk to 6667/tcp; the last word about each: {ip: incident}, and the order of the queue."""
    assets = tmp_path / "assets"
    assets.mkdir(exist_ok=True)
    (assets / "networks.csv").write_text("cidr,department,zone\n10.20.0.0/16,,office\n")
    (assets / "hosts.csv").write_text(hosts.format(cfo=cfo, sales=sales))
    log = tmp_path / "fw.log"
    log.write_text("".join(LINE.format(time=f"09:{13 + n // 60:02}:{n % 60:02}", ip=ip, action=action) for n in range(repeat) for ip in (SALES, CFO)))
    last = {}
    for row in map(json.loads, run("replay", "--assets", assets, log).stdout.splitlines()):
        if row["kind"] == "incident":
            [host] = row["hosts"]
            last[CFO if CFO in host else SALES] = row
    return last


def queue(last):
    """Spec 4.3: urgency, then importance, then confidence."""
    return sorted(last, key=lambda ip: (-last[ip]["urgency"], -last[ip]["importance"], -last[ip]["confidence"]))


def test_the_two_cases(tmp_path):
    last = cases(tmp_path)
    assert last[CFO]["confidence"] == pytest.approx(0.909, abs=0.0006) and last[CFO]["confidence_level"] == 3
    assert last[SALES]["confidence"] == pytest.approx(0.375, abs=0.0006) and last[SALES]["confidence_level"] == 2
    assert (last[CFO]["urgency"], last[CFO]["importance"]) == (3, 4)
    assert (last[SALES]["urgency"], last[SALES]["importance"]) == (3, 2)
    assert last[CFO]["first_task"] == "pull_connector" and last[SALES]["first_task"] == "hearing_or_direct_check"
    assert queue(last) == [CFO, SALES]


def test_denied_is_less_urgent(tmp_path):
    """Variant 5.1b: the firewall denies."""
    last = cases(tmp_path, action="deny")
    assert (last[CFO]["urgency"], last[CFO]["importance"], last[CFO]["confidence_level"]) == (2, 4, 3)
    assert last[CFO]["confidence"] == pytest.approx(0.909, abs=0.0006)


def test_swapped_inventories_swap_the_levels(tmp_path):
    last = cases(tmp_path, cfo=SKYPE, sales=OFFICE)
    assert (last[CFO]["confidence_level"], last[SALES]["confidence_level"]) == (2, 3)
    assert last[SALES]["confidence"] == pytest.approx(0.909, abs=0.0006)


def test_more_of_the_same_changes_nothing(tmp_path):
    once, often = cases(tmp_path), cases(tmp_path, repeat=101)
    for ip in (CFO, SALES):
        for name in ("urgency", "importance", "confidence", "confidence_level", "first_task", "type"):
            assert once[ip][name] == often[ip][name], name


def test_without_inventory_nobody_knows(tmp_path):
    last = cases(tmp_path, hosts=HOSTS.splitlines()[0] + "\n")
    assert last[CFO]["confidence"] == pytest.approx(0.5, abs=0.0006) and last[CFO]["confidence_level"] == 2
    assert "business_context_unknown" in last[CFO]["findings"]


def test_departments_approve_too(tmp_path):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "departments.csv").write_text("department,network,sensor,importance,approved_applications\nSales,10.20.30.0/24,no,2,LINE WORKS\n")
    last = cases(tmp_path, sales="Excel")
    assert last[SALES]["confidence"] == pytest.approx(0.375, abs=0.0006)
    assert last[CFO]["confidence"] == pytest.approx(0.909, abs=0.0006)


LAUNCH = ('<134>1 {day}T09:{minute}:02+09:00 policy-mgr LaunchCtl - PROC [e host="{name}" ip="{ip}" user="t.sato" dept="{department}" '
          'path="C:\\\\Users\\\\t.sato\\\\AppData\\\\Local\\\\Temp\\\\x.exe" sha256="9f2c6d1e0b7a4c53e8d1f0a26b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e" '
          'signed="no" parent="explorer.exe" list="not-listed" action="logged"]\n')


@pytest.mark.parametrize("sensor, same_network, day, expected", [
    ("yes", True, "2025-11-10", 0.6676),   # the neighbour's prior doubles: .004 × 500 as odds
    ("no", True, "2025-11-10", 0.5005),    # no sensor department
    ("yes", False, "2025-11-10", 0.5005),  # another network
    ("yes", True, "2025-11-08", 0.5005),   # two days ago: it has expired
])
def test_a_sensor_that_is_hit_raises_its_network(tmp_path, sensor, same_network, day, expected):
    """S113: one hit in a sensor department doubles the prior of its network for 24 hours, not that of the host itself."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "networks.csv").write_text("cidr,department,zone\n10.20.30.0/24,Sales,office\n10.20.31.0/24,Other,office\n")
    (assets / "departments.csv").write_text(f"department,network,sensor,importance\nSales,10.20.30.0/24,{sensor},2\n")
    neighbour = "10.20.30.77" if same_network else "10.20.31.77"
    log = tmp_path / "all.log"
    log.write_text(LAUNCH.format(day=day, minute="05", name="PC-1", ip="10.20.30.31", department="Sales") +
                   LINE.format(time="09:13:01", ip=neighbour, action="accept"))
    rows = [json.loads(row) for row in run("replay", "--assets", assets, log).stdout.splitlines()]
    [last] = [row for row in rows if row["kind"] == "incident" and neighbour in row["hosts"][0]][-1:]
    assert last["confidence"] == pytest.approx(expected, abs=0.001)


def test_ports_of_every_computer_need_no_program(tmp_path):
    """Spec 5.6: a beacon to 443/tcp and a rare new destination are 0.24, no incident, although no approved program is a browser."""
    assets = tmp_path / "assets"
    assets.mkdir()
    (assets / "networks.csv").write_text("cidr,department,zone\n10.20.0.0/16,,office\n")
    (assets / "hosts.csv").write_text(HOSTS.format(cfo=OFFICE, sales=SKYPE))
    line = LINE.replace("time={time}", "time={time:%H:%M:%S}").replace("date=2025-11-10", "date={time:%Y-%m-%d}").replace("198.51.100.23", "{to}").replace("6667", "443")
    begin = datetime.datetime(2025, 11, 10)
    visits = [(begin + datetime.timedelta(minutes=10 * n), CFO, "198.51.100.140") for n in range(200)]
    visits += [(begin + datetime.timedelta(hours=9, minutes=7 * n), f"10.20.40.{n % 40 + 10}", "203.0.113.5") for n in range(80)]
    log = tmp_path / "fw.log"
    log.write_text("".join(line.format(time=t, ip=ip, to=to, action="accept") for t, ip, to in sorted(visits)))
    rows = [json.loads(text) for text in run("replay", "--assets", assets, log, env={"TZ": "Asia/Tokyo"}).stdout.splitlines()]
    assert {"beacon_strong", "rare_destination_kept"} <= {r.get("rule_id") for r in rows}
    assert not [r for r in rows if r["kind"] == "incident"]
