"""Where an address is (S11, S27; enrich/): databases that the test writes itself, and MaxMind's own with their answers."""
import calendar
import ipaddress
import json
import signal
import time

import pytest

import mmdb_writer
from conftest import run, rows

BUILT = calendar.timegm((2025, 11, 4, 0, 0, 0))
PLACES = {
    "89.160.20.0/25": {"country": {"iso_code": "SE", "names": {"en": "Sweden"}}, "continent": {"code": "EU", "names": {"en": "Europe"}},
                       "city": {"names": {"en": "Linköping"}}, "location": {"latitude": 58.4167, "longitude": 15.6167, "time_zone": "Europe/Stockholm"},
                       "subdivisions": [{"iso_code": "E", "names": {"en": "Östergötland County"}}]},
    "89.160.20.128/25": {"country": {"iso_code": "NO", "names": {"en": "Norway"}}},
    "2a02:cf40::/29": {"country": {"iso_code": "DE", "names": {"en": "Germany"}}},
}
NETWORKS = {"89.160.0.0/16": {"autonomous_system_number": 64500, "autonomous_system_organization": "Example Carrier"}}
SQUID = "1762733556.000   1480 {src} TCP_MISS/200 143872 GET http://dl.example/x.exe t.sato HIER_DIRECT/{dst} application/octet-stream\n"


@pytest.fixture
def databases(tmp_path):
    return [mmdb_writer.write(tmp_path / "city.mmdb", PLACES, "Test-City", BUILT), mmdb_writer.write(tmp_path / "asn.mmdb", NETWORKS, "Test-ASN", BUILT)]


def options(databases):
    return [a for d in databases for a in ("--geoip", d)]


def look_up(databases, *addresses, folder):
    log = folder / "proxy.log"
    log.write_text("".join(SQUID.format(src="10.20.30.31", dst=a) for a in addresses))
    return rows("parse", *options(databases), log)


def test_place_and_network_of_an_address(databases, tmp_path):
    near, other_half, six, elsewhere, near_again = look_up(databases, "89.160.20.112", "89.160.20.200", "2a02:cf40::1", "81.2.69.142", "89.160.20.113",
                                                           folder=tmp_path)
    assert near["destination"]["geo"] == {
        "city_name": "Linköping", "continent_code": "EU", "continent_name": "Europe", "country_iso_code": "SE", "country_name": "Sweden",
        "location": "58.4167,15.6167", "region_iso_code": "SE-E", "region_name": "Östergötland County", "timezone": "Europe/Stockholm"}
    assert near["destination"]["as"] == {"number": 64500, "organization": {"name": "Example Carrier"}}
    assert near["hyakuyo"]["geo"]["database"] == ["Test-City 2025-11-04", "Test-ASN 2025-11-04"]
    assert "geo" not in near["source"], "a private address is nowhere in the world"
    # two halves of one /24 are different places: what is remembered must not be mixed up
    assert other_half["destination"]["geo"]["country_iso_code"] == "NO"
    assert near_again["destination"]["geo"]["country_iso_code"] == "SE"
    assert six["destination"]["geo"]["country_iso_code"] == "DE"
    # a miss is told
    assert elsewhere["destination"]["geo"] == {"name": "unknown"}
    assert "as" not in elsewhere["destination"]


def test_without_databases_nothing_is_said(tmp_path):
    event, = look_up([], "89.160.20.112", folder=tmp_path)
    assert "geo" not in event["destination"] and "geo" not in event["hyakuyo"]


def test_what_a_parser_says_stays(databases, tmp_path):
    log = tmp_path / "vpn.log"
    log.write_text('<134>1 2025-11-15T22:04:11+09:00 vpn01 SSLVPN - LOGIN [e user="vendor" src="89.160.20.1" cc="ZZ" result="success" mfa="none"]\n')
    event, = rows("parse", *options(databases), log)
    assert event["source"]["geo"] == {"country_iso_code": "ZZ"}, "two countries are not mixed"
    assert event["source"]["as"]["number"] == 64500


def test_broken_databases_are_refused(databases, tmp_path):
    whole = databases[0].read_bytes()
    broken = tmp_path / "broken.mmdb"
    for text, reason in ((b"no database at all", "sound"), (whole[:200], "sound"), (whole[:-40], "sound"), (whole.replace(b"Test-City", b"Test-Citz", 1)[:-1], "sound")):
        broken.write_bytes(text)
        done = run("parse", "--geoip", broken, "/dev/null", check=False)
        assert done.returncode == 2 and reason in done.stderr and "broken.mmdb" in done.stderr, done.stderr
    other = mmdb_writer.write(tmp_path / "other.mmdb", {"89.0.0.0/8": {"is_anonymous_proxy": 1}}, "Proxies", BUILT)
    done = run("parse", "--geoip", other, "/dev/null", check=False)
    assert done.returncode == 2 and "Proxies" in done.stderr and "leave it out" in done.stderr
    done = run("parse", "--geoip", tmp_path / "absent.mmdb", "/dev/null", check=False)
    assert done.returncode == 2 and "absent.mmdb" in done.stderr


def test_trace_and_rules_see_the_place(databases, tmp_path):
    log, rule = tmp_path / "proxy.log", tmp_path / "rules" / "country.yml"
    log.write_text(SQUID.format(src="10.20.30.31", dst="89.160.20.112"))
    rule.parent.mkdir()
    rule.write_text("title: To Sweden\nid: 6f3f0f4e-0000-4000-8000-000000000001\nlogsource: {category: proxy}\n"
                    "detection:\n  to: {destination.geo.country_iso_code: SE}\n  condition: to\nlevel: medium\n")
    assert "geo_event.c" in run("trace", *options(databases), log).stdout
    assert run("scan", "--rules", rule.parent, log, check=False).returncode == 0
    found = run("scan", "--rules", rule.parent, *options(databases), log, check=False)
    assert found.returncode == 1 and "To Sweden" in found.stdout


def test_server_shows_stores_and_reloads(server, databases, tmp_path):
    s = server(*options(databases))
    shown = s.get("/api/v1/status")["geoip"]
    assert [d["type"] for d in shown] == ["Test-City", "Test-ASN"] and shown[0]["built"].startswith("2025-11-04")
    s.post_records("proxy", SQUID.format(src="10.20.30.31", dst="89.160.20.112").encode())
    s.wait_count(1, "destination.geo.country_iso_code:SE and hyakuyo.geo.database:Test-City*")
    mmdb_writer.write(databases[0], {"89.160.20.0/24": {"country": {"iso_code": "FI"}}}, "Test-City", BUILT + 86400)
    s.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        if s.get("/api/v1/status")["geoip"][0]["built"].startswith("2025-11-05"):
            break
        time.sleep(0.1)
    s.post_records("proxy", SQUID.format(src="10.20.30.31", dst="89.160.20.112").encode())
    s.wait_count(1, "destination.geo.country_iso_code:FI")
    databases[0].write_bytes(b"damaged")
    s.process.send_signal(signal.SIGHUP)
    for _ in range(100):
        if "old ones stay" in s.text():
            break
        time.sleep(0.1)
    assert "old ones stay" in s.text() and len(s.get("/api/v1/status")["geoip"]) == 2


def expected_of(folder, name):
    for entry in json.loads((folder / "source-data" / f"{name}.json").read_text()):
        for network, record in entry.items():
            yield network, record


def test_answers_of_maxminds_own_databases(corpora, tmp_path):
    folder = corpora / "mmdb" / "maxmind"
    if not (folder / "source-data" / "GeoLite2-City-Test.json").is_file():
        pytest.skip("MaxMind's test databases are not among the corpora")
    for name, path in (("GeoLite2-City-Test", ("country", "iso_code")), ("GeoLite2-Country-Test", ("country", "iso_code")),
                       ("GeoLite2-ASN-Test", ("autonomous_system_number",))):
        wanted = {}
        for network, record in expected_of(folder, name):
            address = ipaddress.ip_network(network).network_address + (1 if "/" in network and ipaddress.ip_network(network).num_addresses > 2 else 0)
            if address.is_global and not (address.version == 6 and address.sixtofour) and not str(address).startswith(("2001:", "::")):
                value = record
                for key in path:
                    value = value.get(key) if isinstance(value, dict) else None
                wanted[str(address)] = value
        events = look_up([folder / "test-data" / f"{name}.mmdb"], *wanted, folder=tmp_path)
        wrong = []
        for event in events:
            ip = event["destination"]["ip"]
            got = event["destination"].get("geo", {}).get("country_iso_code") if path[0] == "country" else event["destination"].get("as", {}).get("number")
            if got != wanted[ip]:
                wrong.append((ip, got, wanted[ip]))
        assert len(wanted) > 20 and not wrong, (name, len(wanted), wrong[:10])


def test_damaged_databases_of_others(corpora):
    folder = corpora / "mmdb" / "maxmind"
    damaged = sorted(p for p in folder.rglob("*.mmdb") if "bad-data" in p.parts or "roken" in p.name or "Invalid" in p.name)
    if not damaged:
        pytest.skip("no damaged databases are among the corpora")
    for path in damaged:
        done = run("parse", "--geoip", path, "/dev/null", check=False)
        assert done.returncode == 2 and path.name in done.stderr, (path, done.returncode, done.stderr)
