"""Instruments for covert channels on real captures (S104–S106, issue 4): who is labelled malicious is found, others are left in peace,
published scores are met. Precision and recall are printed per capture. Skipped when the corpora are absent."""
import collections
import datetime
import json

import pytest

from conftest import rows

COVERT = {"beacon", "dns_tunnel", "dga", "upload", "destination"}
# What says that a host itself is taken for infected; the others are candidates and notes.
GRAVE = {"beacon_strong", "beacon_likely", "dns_tunnel", "dns_tunnel_suspected", "dns_information", "generated_names", "nxdomain_flood", "nxdomain_burst",
         "upload_rare", "upload_volume", "icmp_volume", "rare_destination_kept", "long_connection_half_day"}

# capture, files, hosts that must be found with what, and by which instrument
CAPTURES = {
    "stratosphere/001-zeek-scenario-malicious": (["conn.log"], {"192.168.1.115": ("beacon_strong", "41.108.179.197")}),
    "stratosphere/002-zeek-scenario-port-scanning": (["conn.log"], {}),
    "stratosphere/005-zeek-scenario-malicious": (["conn.log", "dns.log", "http.log"], {
        "192.168.1.116": ("generated_names", None), "fd77:48a1:c0bb:0:b96c:506d:6c7f:e8be": ("generated_names", None)}),
    "stratosphere/008-zeek-mixed": (["data/*.labeled"], {}),
    "stratosphere/010-zeek-mixed": (["data/*.labeled"], {}),
    "slips/test10-mixed-zeek-dir": (["*.log"], {}),
    "rita/proxy": (["conn.log", "http.log", "ssl.log"], {"10.136.0.18": ("beacon_strong", "www.honestimnotevil.com")}),
}


# Networks that the owners of the capture would have registered as theirs, beside the private ones.
OURS = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8", "147.32.81.0/24"]


def findings(corpora, capture, patterns, folder):
    files = [f for p in patterns for f in sorted((corpora / "net" / capture).glob(p))]
    assert files, capture
    (folder / "networks.csv").write_text("cidr,department,zone\n" + "".join(f"{n},,office\n" for n in OURS))
    found = [r for r in rows("replay", "--format", "ndjson", "--assets", folder, *files, env={"TZ": "Asia/Tokyo"})
             if r["kind"] == "finding" and r.get("instrument") in COVERT]
    return found


def days(found):
    times = [datetime.datetime.fromisoformat(f["time"].replace("Z", "+00:00")) for f in found]
    return max(1, (max(times) - min(times)).days + 1) if times else 1


@pytest.mark.parametrize("capture", CAPTURES)
def test_capture(corpora, capture, tmp_path):
    patterns, expected = CAPTURES[capture]
    found = findings(corpora, capture, patterns, tmp_path)
    by_host = collections.defaultdict(list)
    for f in found:
        if f["rule_id"] in GRAVE:
            by_host[f["entities"].get("ip")].append(f)
    for host, (rule, peer) in expected.items():
        assert any(f["rule_id"] == rule and peer in (None, f.get("peer")) for f in by_host[host]), (host, rule, found)
    hits = sum(bool(by_host.get(h)) for h in expected)
    named = sum(bool(v) for v in by_host.values())
    print(f"{capture}: precision {hits / named if named else 1:.2f} recall {hits / len(expected) if expected else 1:.2f}; "
          f"{len(found)} findings, {sum(map(len, by_host.values()))} of them grave, about {named} hosts")
    for host, list_ in by_host.items():
        if host not in expected:
            assert len(list_) / days(list_) <= 1, (host, [(f["rule_id"], f.get("peer")) for f in list_])


def test_a_benign_host_under_attack_is_not_infected(corpora, tmp_path):
    """008 and 010: the whole Internet knocks at 147.32.81.167; it neither beacons nor tunnels."""
    for capture in ("stratosphere/008-zeek-mixed", "stratosphere/010-zeek-mixed"):
        about = [f for f in findings(corpora, capture, CAPTURES[capture][0], tmp_path) if f["entities"].get("ip") == "147.32.81.167"]
        assert not [f["rule_id"] for f in about if f["rule_id"] in GRAVE]


# What else the captures are labelled with: capture, files, findings (by id or title) about an address that must be there; addresses of
# ours that nothing of level medium or above may be told about.
LABELLED = {
    "stratosphere/002-zeek-scenario-port-scanning": (["conn.log"], [("scan_horizontal", "172.16.1.11"), ("scan_vertical", "172.16.1.11")], []),
    "stratosphere/004-zeek-scenario-ssh": (["ssh.log"], [], ["*"]),
    "stratosphere/008-zeek-mixed": (["data/*.labeled"], [("host_approached", "147.32.81.167"), ("port_scan_from_outside", "104.156.155.13")], ["147.32.81.167"]),
    "stratosphere/010-zeek-mixed": (["data/*.labeled"], [("port_scan_from_outside", None)], ["147.32.81.167"]),
    "slips/port-scans/horizontal": (["*.log"], [("scan_suspected", "10.0.2.112")], []),
    "slips/port-scans/vertical": (["*.log"], [("scan_vertical", "192.168.1.9")], []),
    "slips/test2-malicious.binetflow": (["."], [("long_connection", "10.8.0.69")], []),
    "slips/test3-mixed.binetflow": (["."], [("scan_from_outside", "46.166.151.160")], []),
    "slips/test14-malicious-zeek-dir": (["*.log"], [("Mail log-ins are guessed", "10.1.11.101"), ("Tunnel from a client to the outside", "10.0.2.15"),
                                                   ("Program downloaded from the web", "10.0.2.15")], []),
}
SCANS = {"scan_suspected", "scan_horizontal", "scan_vertical", "scan_slow", "scan_worm"}


@pytest.mark.parametrize("capture", LABELLED)
def test_labels_are_met(corpora, capture, tmp_path):
    patterns, wanted, quiet = LABELLED[capture]
    place = corpora / "net" / capture
    files = [place] if patterns == ["."] else [f for p in patterns for f in sorted(place.glob(p))]
    (tmp_path / "networks.csv").write_text("cidr,department,zone\n" + "".join(f"{n},,office\n" for n in OURS))
    found = [r for r in rows("replay", "--format", "ndjson", "--assets", tmp_path, *files, env={"TZ": "Asia/Tokyo"}) if r["kind"] == "finding"]
    met = [any(what in (f["rule_id"], f["rule"]) and who in (None, f["entities"].get("ip")) for f in found) for what, who in wanted]
    print(f"{capture}: {sum(met)} of {len(wanted)} labels met")
    assert all(met), (wanted, met)
    loud = [f for f in found if f["level"] in ("medium", "high", "critical") and ("*" in quiet or f["entities"].get("ip") in quiet)]
    assert not loud, [(f["rule"], f["entities"]) for f in loud]
    scanners = {who for what, who in wanted if what in SCANS}
    assert not {f["entities"].get("ip") for f in found if f["rule_id"] in SCANS} - scanners


def write_scenario(path, beacon, tunnel_day):
    """Scenario 5.6 as the logs tell it: Squid's CONNECT lines and BIND's questions, a few colleagues beside."""
    import random
    rng = random.Random(56)
    start = 1762700400  # 2025-11-10 00:00 in Tokyo
    lines = []

    def squid(at, ip, host, size):
        lines.append((at, f"{at:.3f} {rng.randint(200, 400):6d} {ip} TCP_TUNNEL/200 {size} CONNECT {host}:443 user HIER_DIRECT/203.0.113.140 -"))

    def question(at, ip, name, kind):
        text = datetime.datetime.fromtimestamp(at, datetime.timezone(datetime.timedelta(hours=9)))
        lines.append((at, f"{text:%d-%b-%Y %H:%M:%S}.{int(at % 1 * 1000):03d} queries: info: client @0x7f2a {ip}#40000 ({name}): "
                          f"query: {name} IN {kind} + (10.10.0.53)"))

    for day in range(tunnel_day):
        for n in range(12):
            for k in range(6):
                squid(start + day * 86400 + 32400 + rng.random() * 28000, f"10.20.10.{40 + n}", f"www.site{rng.randint(1, 5)}.example", 9000)
    at = start + 300
    while beacon and at < start + tunnel_day * 86400:
        if rng.random() >= 0.05:
            squid(at, "10.20.10.21", "cdn-assets.quietpath.example", 4300 + rng.randint(-20, 20))
        at += 3600 * (1 + rng.uniform(-0.2, 0.2))
    for n in range(180):
        name = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(48)) + ".t.quietpath.example"
        question(start + (tunnel_day - 1) * 86400 + 20.25 * 3600 + 20 * n, "10.20.10.21", name, "TXT")
    path.write_text("".join(line + "\n" for _, line in sorted(lines)))


def test_scenario_5_6(tmp_path):
    log = tmp_path / "covert.log"
    write_scenario(log, True, 4)
    out = rows("replay", "--format", "ndjson", log, env={"TZ": "Asia/Tokyo"})
    mine = [r for r in out if r["kind"] == "finding" and r.get("instrument") in COVERT and r["entities"].get("ip") == "10.20.10.21"]
    per_day = collections.Counter(r["time"][:10] for r in mine if r["instrument"] == "beacon")
    assert per_day and max(per_day.values()) == 1
    first = min(r["time"] for r in mine if r["instrument"] == "beacon")
    assert first < "2025-11-10T15:00:00", json.dumps(mine)
    tunnel = [r for r in mine if r["rule_id"] == "dns_tunnel"]
    assert len(tunnel) == 1 and tunnel[0]["likelihood_ratio"] == 40 and tunnel[0]["peer"] == "quietpath.example"
    others = [r for r in out if r["kind"] == "finding" and r["rule_id"] in GRAVE and r["entities"].get("ip") != "10.20.10.21"]
    assert not others
    incidents = [r for r in out if r["kind"] == "incident" and "10.20.10.21" in r["hosts"]]
    assert incidents and incidents[-1]["urgency"] >= 3 and incidents[-1]["confidence_level"] >= 3
