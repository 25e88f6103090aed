"""The fleet: an estate of 5,000 hosts with three vendors' agents (fleet_world.py), replayed; every answer is held against the fates the hosts were given.
A smaller one goes through a running server: the same answers over the API, version lines that move, a restart."""
import collections
import datetime
import json
import time

import fleet_world
import pytest
from conftest import ROOT, rows, run
from fleet_world import END, HOUR, RELEASE_TIMES, VENDORS
from test_preview import post

LINES = """versions:
  - {product: Defender Antivirus, component: engine, current: 1.1.25100.5, allowed: 1.1.25090.5, by: hanako, date: 2025-11-01, reason: two versions back}
  - {product: Symantec Endpoint Protection, component: product, current: 14.3.9202.6000, allowed: 14.3.9201.6000, by: hanako, date: 2025-11-01, reason: two versions back}
  - {product: ePO, component: engine, current: 6700.10107, allowed: 6700.10106, by: hanako, date: 2025-11-01, reason: two versions back}
"""


def rules_file(path, allowed=None):
    text = (ROOT / "content" / "fleet.yml").read_text().replace("versions: []\n", LINES)
    if allowed:
        text = text.replace("allowed: 1.1.25090.5", f"allowed: {allowed}")
    path.write_text(text)
    return path


class Replayed:
    def __init__(self, folder, **options):
        self.world = fleet_world.World(folder, **options)
        files = self.world.write()
        found = rows("replay", "--fleet", "--assets", folder / "assets", "--fleet-rules", rules_file(folder / "fleet.yml"), *files, env={"TZ": "UTC"})
        self.findings = [row for row in found if row["kind"] == "finding" and row.get("instrument") == "fleet"]
        self.of_rules = collections.Counter(row["rule"] for row in found if row["kind"] == "finding" and not row.get("instrument"))
        fleet = [row for row in found if row["kind"] == "fleet"]
        self.summary = fleet[0]
        self.rows = {row["question"]: row["rows"] for row in fleet[1:]}

    def hosts(self, question, state):
        return {row["host"].upper() for row in self.rows[question] if row["state"] == state}

    def figures(self, question):
        entry = next(q for q in self.summary["questions"] if q["question"] == question)
        return {state["state"]: state["count"] for state in entry["states"]}, entry

    def fates(self, *fates):
        return {host.name for host in self.world.hosts if host.fate in fates}

    def found(self, rule):
        return {finding["entities"].get("host", "").upper().removesuffix(".OFFICE.EXAMPLE") for finding in self.findings if finding["rule_id"] == rule}


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    return Replayed(tmp_path_factory.mktemp("estate"))


def lags(world):
    """Hours by which each host's patterns are older than the newest, from when each release was first on any host."""
    first = {key: min(at for at, _ in adopted) for key, adopted in world.adoptions.items()}
    has = {}
    for (vendor, release), adopted in world.adoptions.items():
        for at, host in adopted:
            has[host.name] = max(release, has.get(host.name, -1))
    return {host.name: (first[host.vendor, 11] - first[host.vendor, has[host.name]]).total_seconds() / 3600 for host in world.hosts if host.name in has}


def test_s6_coverage_is_healthy_antivirus_among_the_hosts_seen(estate):
    counts, entry = estate.figures("coverage")
    present = len(estate.world.hosts) - len(estate.fates("absent"))
    assert counts == {"healthy": present - len(estate.fates("off", "silent")), "unhealthy": len(estate.fates("off", "silent")), "no_antivirus": 50, "exempt": 5}
    assert entry["percent"] == pytest.approx(100 * counts["healthy"] / (present + 50), abs=0.001) and entry["colour"] == "amber"
    assert {f"10.98.0.{n + 1}" for n in range(20)} <= estate.hosts("coverage", "no_antivirus")


def test_s11_hosts_in_traffic_without_an_agent_are_a_list_of_their_own(estate):
    assert estate.hosts("unmanaged", "unmanaged") == {f"NOAGENT-{n:02d}" for n in range(30)}
    assert estate.hosts("unmanaged", "unregistered") == {f"10.98.0.{n + 1}" for n in range(20)}
    assert estate.hosts("unmanaged", "exempt") == {f"PRINTER-{n:02d}" for n in range(5)}
    assert estate.hosts("unmanaged", "never_seen") == {f"NEVER-{n:02d}" for n in range(3)}
    uniformity = {row["department"]: row for row in estate.summary["uniformity"]}
    assert 0 < uniformity["Plant"]["uniformity"] < 1 and uniformity["Plant"]["minorities"]


def test_s30_up_off_silent_and_absent_are_told_apart(estate):
    for state, fates in (("up", ["up"]), ("off", ["off"]), ("silent", ["silent"]), ("absent", ["absent"]), ("unknown", [])):
        assert estate.hosts("agents", state) == estate.fates(*fates), state


def test_s10_silent_agents_are_findings_and_hosts_that_are_switched_off_are_not(estate):
    assert estate.found("fleet_agent_silent") == estate.fates("silent")
    finding = next(f for f in estate.findings if f["rule_id"] == "fleet_agent_silent")
    assert finding["likelihood_ratio"] == 5 and finding["evidence_group"] == "agent_state" and finding["rule_ja"].startswith("エージェント沈黙")
    assert estate.hosts("tampering", "sign") == {estate.world.excluded.name}
    assert estate.found("fleet_tampering") == {estate.world.excluded.name}


def test_antivirus_off_on_a_server_weighs_more(estate):
    assert estate.found("fleet_server_unprotected") == {estate.world.hosts[5].name}
    finding = next(f for f in estate.findings if f["rule_id"] == "fleet_server_unprotected")
    assert finding["likelihood_ratio"] == 15 and finding["level"] == "high"


def test_reports_that_antivirus_is_off_are_told_once(estate):
    """They come by the hour; that it is off on a server is another finding."""
    off = estate.fates("off") - {estate.world.hosts[5].name}
    told = [f["entities"]["host"].split(".")[0].upper() for f in estate.findings if f["rule_id"] == "fleet_reported_off"]
    assert off and sorted(told) == sorted(off)
    assert not estate.of_rules["Real-time protection switched off"] + estate.of_rules["Protection switched off on a server"], estate.of_rules


def test_s31_engines_by_the_version_table(estate):
    here = [host for host in estate.world.hosts if host.fate != "absent"]
    for state, engine in (("current", 2), ("allowed", 1), ("obsolete", 0)):
        assert estate.hosts("engines", state) == {host.name for host in here if host.engine == engine}, state
    row = next(row for row in estate.rows["engines"] if row["state"] == "obsolete")
    assert row["detail"]["line_by"] == "hanako" and row["detail"]["line_reason"] == "two versions back" and row["colour"] == "red"


def test_s32_patterns_by_their_lag_and_unreadable_ones_are_red(estate):
    lag = lags(estate.world)  # between first sights: an hour is uncertain
    here = {host.name for host in estate.world.hosts if host.fate != "absent"}
    unreadable = {host.name for host in estate.world.hosts if host.pattern_text}
    assert estate.hosts("patterns", "unknown") == unreadable
    assert all(row["colour"] == "red" for row in estate.rows["patterns"] if row["state"] == "unknown")
    assert estate.hosts("patterns", "green") == {name for name in here - unreadable if lag[name] <= 25}
    assert estate.hosts("patterns", "amber") == {name for name in here - unreadable if 25 < lag[name] <= 73}
    assert estate.hosts("patterns", "red") == {name for name in here - unreadable if lag[name] > 73}
    for row in estate.rows["patterns"]:
        if row["state"] in ("amber", "red"):
            assert row["detail"]["hours_behind"] == pytest.approx(lag[row["host"].upper()], abs=0.01)


def test_s33_propagation_of_each_release_and_the_one_slow_relay(estate):
    world = estate.world
    behind = {host.name for host in world.hosts if host.fate not in ("absent",) and not host.pattern_text} - estate.hosts("updates", "reached")
    assert behind == estate.hosts("updates", "on_the_way") | estate.hosts("updates", "behind")
    for entry in estate.summary["propagation"]:
        vendor = VENDORS.index(entry["product"])
        reached = [at for at, _ in world.adoptions[vendor, 11]]
        assert entry["reached"] == len(reached)
        late = sorted((at - min(reached)).total_seconds() / 3600 for at in reached)
        half = -(-(entry["reached"] + entry["behind"]) // 2)
        assert entry["hours_50"] == pytest.approx(late[half - 1], abs=0.01)
        assert entry["curve"][-1]["hosts"] == len(reached)
    told = [f for f in estate.findings if f["rule_id"] == "fleet_update_delayed"]
    assert {f["matched"].get("department") for f in told} == {"Plant"} and {f["matched"]["product"] for f in told} == set(VENDORS)
    assert all(float(f["matched"]["robust_z"]) > 3.5 for f in told)


def test_s34_only_completed_full_scans_count(estate):
    here = [host for host in estate.world.hosts if host.fate != "absent"]
    assert estate.hosts("full_scans", "compliant") == {h.name for h in here if h.full_scan == "done"}
    assert estate.hosts("full_scans", "overdue") == {h.name for h in here if h.full_scan == "old" and not h.is_server}
    assert estate.hosts("full_scans", "never") == {h.name for h in here if h.full_scan in ("started", "cancelled")}
    reasons = {row["host"].upper(): row["reason"] for row in estate.rows["full_scans"]}
    for host in here:
        if host.full_scan in ("started", "cancelled"):
            assert reasons[host.name] == {"started": "started_not_completed", "cancelled": "cancelled_or_failed"}[host.full_scan]


def test_s35_late_detections_name_both_hosts_of_a_hash(estate):
    world = estate.world
    assert estate.hosts("late", "late") == {host.name for host in world.late}
    assert estate.hosts("late", "since_unknown") == {world.ageless.name}
    late = {row["host"].upper(): row["detail"] for row in estate.rows["late"] if row["state"] == "late"}
    assert late[world.late[0].name]["other_hosts"] == [world.late[1].name] and late[world.late[1].name]["other_hosts"] == [world.late[0].name]
    assert late[world.late[0].name]["dwell_hours"] == pytest.approx(29, abs=0.1) and late[world.late[0].name]["basis"] == "first_sight"
    assert estate.found("fleet_late_detection") == {host.name for host in world.late}
    assert all(f["likelihood_ratio"] == 20 for f in estate.findings if f["rule_id"] == "fleet_late_detection")


def test_s40_firewall_policies_compliant_drifted_disabled_contradicted(estate):
    walls = estate.world.walls
    for state in ("compliant", "drifted", "contradicted", "unknown"):
        assert estate.hosts("firewall_policy", state) == {name for name, truth in walls.items() if truth == state}, state
    assert estate.hosts("firewall_policy", "disabled") == {name for name, truth in walls.items() if truth == "disabled"} | {estate.world.suite.name}
    row = next(row for row in estate.rows["firewall_policy"] if row["state"] == "contradicted")
    assert row["detail"]["contradicted_port"] == 445 and row["detail"]["contradicted_direction"] == "inbound"
    assert len(estate.found("fleet_firewall_contradicted")) == 8


def test_s41_firewall_data_by_the_same_scheme(estate):
    for state in ("green", "amber", "red"):
        assert estate.hosts("firewall_data", state) == {name for name, age in estate.world.wall_ages.items() if age == state}, state
    assert estate.hosts("firewall_data", "unknown") == {name for name, age in estate.world.wall_ages.items() if age == "unknown"} | {estate.world.suite.name}


def test_s48_a_laptop_that_tries_two_hundred_times_is_refused_once(estate):
    world = estate.world
    refused = {row["host"].upper(): row["detail"] for row in estate.rows["refusals"] if row["state"] == "refused"}
    assert set(refused) == {host.name for host in world.refused} | {world.retrying.name}
    assert refused[world.retrying.name]["refusals"] == 1 and refused[world.retrying.name]["attempts"] == 1
    assert {(r["reason"], r["count"]) for r in estate.summary["refusal_reasons"]} == {("old-definitions", 1), ("av-off", 6)}


def test_s12_a_known_exploited_hole_may_stay_three_days_others_fourteen(estate):
    assert estate.hosts("patches", "overdue") == {host.name for host in estate.world.unpatched}
    assert estate.hosts("patches", "pending") == {host.name for host in estate.world.pending}


def test_s8_a_suite_with_its_firewall_off_is_three_green_and_one_red(estate):
    states = {row["control"]: row["state"] for row in estate.rows["functions"] if row["host"].upper() == estate.world.suite.name}
    assert states == {"antivirus": "up", "firewall": "off", "ips": "up", "launch": "up"}


def test_s9_the_matrix_counts_hosts_that_meet_each_threat(estate):
    threats = [threat["name"] for threat in estate.summary["matrix"]["threats"]]
    covered = {name: sum(row["covered"][n] for row in estate.summary["matrix"]["departments"]) for n, name in enumerate(threats)}
    assert covered == {"known_malware": len(estate.fates("up")), "unknown_attack": len(estate.world.walls) - 10 + 1, "unknown_execution": 1}


def test_s16_vendors_on_each_path_and_what_one_let_pass(estate):
    paths = {row["path"]: row for row in estate.summary["paths"]}
    assert set(paths["client"]["vendors"]) == {"Microsoft", "Broadcom", "Trellix"} and not paths["client"]["one_vendor"]
    assert paths["web"]["one_vendor"]
    assert estate.summary["catches"] == [{"passed": "AVGW", "caught": "Symantec Endpoint Protection", "count": 1}]


def test_s20_a_control_that_nobody_looks_after_is_installed_only(estate):
    products = {row["product"]: row for row in estate.summary["products"]}
    assert all(products[name]["arriving"] == "yes" and products[name]["updates_current"] == "yes" for name in VENDORS)
    assert all(products[name]["acknowledged"] == "unknown" and products[name]["installed_only"] for name in VENDORS)


# ------------------------------------------------------------------- a server


@pytest.fixture
def served(server, tmp_path):
    """The same kind of world, small, through HTTP in the order of time."""
    folder = tmp_path / "small"
    folder.mkdir()
    replayed = Replayed(folder, host_count=900, seed=3)
    run("asset", "import", folder / "assets", "--data", tmp_path / "var")
    rules_file(tmp_path / "var" / "fleet.yml")
    s = server(env={"TZ": "UTC"})
    lines = sorted((item for lines in replayed.world.lines.values() for item in lines), key=lambda item: item[0])
    for start in range(0, len(lines), 4000):
        body = "\n".join(line for _, line in lines[start:start + 4000]).encode()
        assert s.post_records("estate", body)[0] < 300
    s.wait_count(len(lines))
    return s, replayed


def states(summary, question):
    return {state["state"]: state["count"] for state in next(q for q in summary["questions"] if q["question"] == question)["states"]}


def same_answers(s, replayed):
    summary = s.get("/api/v1/fleet")
    for question in replayed.rows:
        assert states(summary, question) == replayed.figures(question)[0], question
    page = s.get("/api/v1/fleet/hosts?question=agents&state=off&limit=5&offset=2")
    assert page["total"] == len(replayed.fates("off")) and len(page["rows"]) == 5 and {row["state"] for row in page["rows"]} == {"off"}
    sales = s.get("/api/v1/fleet/hosts?question=agents&department=Sales&limit=10000")
    assert {row["host"].upper() for row in sales["rows"]} == {host.name for host in replayed.world.hosts if host.department == "Sales"}
    assert s.request("GET", "/api/v1/fleet/hosts?question=nothing")[0] == 400


def what_other_parts_know(s):
    """S51, S87: what comes in can be detected today; nobody sends questions of names."""
    summary = s.get("/api/v1/fleet")
    classes = {row["name"]: row for row in summary["classes"]}
    assert classes["network_worm"]["detectable"] and not classes["mass_mailer"]["detectable"] and "name_query" in classes["mass_mailer"]["missing"]
    assert [gateway["state"] for gateway in summary["gateways"]] == ["up"]


def lines_recolour_at_once(s, replayed):
    """S31: the line moves, the same hosts are judged anew; a file that is wrong is refused with its line, and the old one stays."""
    before = states(s.get("/api/v1/fleet"), "engines")
    rules_file(s.data / "fleet.yml", allowed="1.1.25100.5")
    assert post(s, "/api/v1/rules/reload")[0] == 200
    after = states(s.get("/api/v1/fleet"), "engines")
    moved = sum(host.vendor == 0 and host.engine == 1 and host.fate != "absent" for host in replayed.world.hosts)
    assert moved > 0 and after["obsolete"] == before["obsolete"] + moved and after["allowed"] == before["allowed"] - moved
    (s.data / "fleet.yml").write_text("version: x\n")
    status, problem = post(s, "/api/v1/rules/reload")
    assert status == 500 and "fleet.yml" in json.dumps(problem) and states(s.get("/api/v1/fleet"), "engines") == after


def all_outlives_a_restart(s):
    before = s.get("/api/v1/fleet")
    (s.data / "fleet.yml").unlink()
    s.stop()
    s.start()
    after = s.get("/api/v1/fleet")
    assert after["propagation"] == before["propagation"] and after["hosts"] == before["hosts"]
    assert all(now == then for now, then in zip(after["questions"], before["questions"]) if now["question"] != "engines")


def test_a_server_gives_the_same_answers(served):
    s, replayed = served
    same_answers(s, replayed)
    what_other_parts_know(s)
    lines_recolour_at_once(s, replayed)
    all_outlives_a_restart(s)


# --------------------------------------------------------- the simulated office


def test_the_simulated_offices_truth(tmp_path):
    """S6, S11, S30, S32, S34 against a truth that others wrote: hyakuyo simulate."""
    run("simulate", "--hosts", 120, "--days", 3, "--rate", 5, "--seed", 11, "--out", tmp_path / "office")
    logs = sorted((tmp_path / "office" / "logs").glob("*.log"))
    found = rows("replay", "--fleet", "--assets", tmp_path / "office" / "assets", *logs, env={"TZ": "Asia/Tokyo"})
    answers = {row["question"]: {r["host"].lower(): r for r in row["rows"]} for row in found if row["kind"] == "fleet" and row["view"] == "hosts"}
    truth = {}
    for line in (tmp_path / "office" / "truth.ndjson").read_text().splitlines():
        row = json.loads(line)
        if row["kind"] == "control":
            truth[row["host"].lower()] = row
    heard = {host: row for host, row in truth.items() if host in answers["agents"]}
    assert len(heard) > 100
    for host, row in heard.items():
        state, detail = answers["agents"][host]["state"], answers["patterns"][host]["detail"]
        if not row["conditions"]:
            assert state in ("up", "absent"), (host, state)
        if "realtime_off" in row["conditions"]:
            assert state != "up", host
        if answers["patterns"][host]["state"] not in ("absent", "unknown"):
            assert detail["version"].rstrip(".") == row["pattern"], host
        if answers["full_scans"][host]["state"] == "compliant":
            assert row["full_scan"] is not None, host
    for host, row in truth.items():
        if "no_agent" in row["conditions"]:
            assert host not in answers["agents"] and answers["unmanaged"].get(host, {"state": "unmanaged"})["state"] in ("unmanaged", "unregistered", "never_seen"), host
        if row["registered"] is False and host in answers["unmanaged"]:
            assert answers["unmanaged"][host]["state"] == "unregistered", host
    assert not [row for row in found if row.get("rule_id") in ("fleet_agent_silent", "fleet_tampering", "fleet_firewall_contradicted")
                and "agent_silent" not in truth.get(row["entities"]["host"].lower(), {}).get("conditions", {})]


def test_all_about_one_host(server, tmp_path):
    """Inventory past and present, controls, risk and incidents of a host on one page; persons only for those who may see them (S21, S38)."""
    folder = tmp_path / "organisation"
    folder.mkdir()
    head = "ip,hostname,department,owner,importance,role,type\n"
    (folder / "hosts.csv").write_text(head + "10.20.30.7,PC-7,Sales,taro,3,staff,desktop\n")
    s = server(env={"TZ": "Asia/Tokyo"})
    s.take_up("asset", "import", folder)
    (folder / "hosts.csv").write_text(head + "10.20.30.7,PC-7,Finance,hanako,4,staff,desktop\n")
    s.take_up("asset", "import", folder)
    now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9)))
    flow = ('date={0:%Y-%m-%d} time={0:%H:%M:%S} devname="FW" type="traffic" subtype="forward" srcip={1} srcport=49712 dstip=198.51.100.23 dstport=6667 '
            'proto=6 action="accept" tz="+0900"')
    s.send_tcp(*[flow.format(now, ip) for ip in ("10.20.30.7", "10.20.30.99") for _ in range(3)])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        host = s.get("/api/v1/assets/hosts/pc-7.works.example")
        if host["incidents"]:
            break
        time.sleep(0.2)
    assert host["host"] == "pc-7" and host["registered"] and not host["watched"]
    assert sorted((row["department"], row["owner"], row["importance"], row["to"] is None) for row in host["registrations"]) == [
        ("Finance", "hanako", 4, True), ("Sales", "taro", 3, False)]
    assert [any("PC-7" in h for h in incident["hosts"]) for incident in host["incidents"]] == [True]
    assert [row["name"] for row in host["risk"]["rows"]] == ["pc-7"] and host["risk"]["rows"][0]["risk"] > 0
    assert {control["question"] for control in host["controls"]} >= {"coverage", "unmanaged", "patterns"}
    assert {row["host"] for control in host["controls"] for row in control["rows"]} == {"PC-7"}
    stranger = s.get("/api/v1/assets/hosts/10.20.30.99")
    assert not stranger["registered"] and stranger["registrations"] == []
    assert [row["state"] for control in stranger["controls"] if control["question"] == "unmanaged" for row in control["rows"]] == ["unregistered"]
    for nobody in ("nobody", ".example", "10.20.30"):  # without a name: not every host that has none
        assert s.request("GET", f"/api/v1/assets/hosts/{nobody}")[0] == 404, nobody
