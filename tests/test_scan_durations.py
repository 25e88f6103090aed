"""How long full scans take (S4): lines of four vendors in their own words, one that does not end, and the alarm when a product's scans are too long."""
import datetime
import json

from conftest import rows
from test_console_http import conforms
from test_intel import wait

NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


def at(hours):
    return NOW - datetime.timedelta(hours=hours)


def defender(hours, code, host):
    return json.dumps({"TimeCreated": at(hours).strftime("%Y-%m-%dT%H:%M:%S.000Z"), "Channel": "Microsoft-Windows-Windows Defender/Operational", "EventID": code, "Computer": host,
                       "Scan ID": "{1}", "Scan Type Index": "1", "Scan Parameters Index": "2", "Scan Parameters": "Full Scan"})


def trellix(hours, code, host):
    return json.dumps({"timestamp": at(hours).strftime("%Y-%m-%dT%H:%M:%S.000Z"), "analyzername": "Trellix Endpoint Security", "analyzerhostname": host, "threateventid": code,
                       "taskname": "Weekly Full Scan"})


def symantec(hours, seconds, host):
    end = at(hours)
    return (f"{end:%b %d %H:%M:%S} sepm01 SymantecServer: Scan ID: 1,Begin: {end - datetime.timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S},End: {end:%Y-%m-%d %H:%M:%S},Completed,"
            f"Duration (seconds): {seconds},User1: SYSTEM,User2: SYSTEM,Scan started on all drives and all extensions.,Command: Not a command scan (),Threats: 0,Infected: 0,"
            f"Total files: 10,Omitted: 0,Computer: {host},IP Address: 10.20.30.99")


def trend(hours, word, host):
    return f"<134>{at(hours):%b %d %H:%M:%S} dsm01 CEF:0|Trend Micro|Deep Security Manager|20.0.1|795|Scheduled Malware Scan {word}|3|rt={at(hours):%b %d %Y %H:%M:%S} GMT+00:00 dvchost={host}"


def durations(s):
    return {row["host"]: row for row in s.get("/api/v1/fleet/hosts?question=scan_durations&limit=100")["rows"]}


def lines():
    return [
        *(defender(20, 1000, f"DEF-{n}") for n in range(6)), *(defender(15, 1001, f"DEF-{n}") for n in range(6)),  # five hours each
        trellix(10, 1202, "TRX-1"), trellix(8.5, 1203, "TRX-1"),
        trellix(9, 1202, "TRX-2"),  # does not end
        symantec(7, 4295, "SYM-1"),
        trend(6, "Started", "FS01"), trend(4, "Completed", "FS01"),
        defender(2, 1000, "DEF-9"),
        defender(0, 1002, "DEF-8")]  # time goes on


def test_s4_how_long_scans_take_by_host_and_product(server):
    s = server(env={"TZ": "UTC"})
    s.post_records("av", "\n".join(lines()))
    found = wait(lambda: len(r := durations(s)) == 12 and r, 60)
    assert {host: row["state"] for host, row in found.items()} == {
        **{f"DEF-{n}": "long" for n in range(6)}, "TRX-1": "within", "TRX-2": "unended", "SYM-1": "within", "FS01": "within", "DEF-9": "running", "DEF-8": "unknown"}
    assert {host: found[host]["detail"]["took_hours"] for host in ("DEF-0", "TRX-1", "SYM-1", "FS01", "TRX-2")} == {
        "DEF-0": 5, "TRX-1": 1.5, "SYM-1": round(4295 / 3600, 3), "FS01": 2, "TRX-2": None}
    assert found["TRX-2"]["detail"]["unended_since"][:19] == at(9).strftime("%Y-%m-%dT%H:%M:%S")
    fleet = s.get("/api/v1/fleet")
    document = s.get("/api/v1/openapi.json")
    conforms(document, document["paths"]["/api/v1/fleet"]["get"]["responses"]["200"]["content"]["application/json"]["schema"], fleet, "fleet")
    question, = (q for q in fleet["questions"] if q["question"] == "scan_durations")
    assert (question["reference"], question["total"], question["good"]) == ("S4", 10, 3)
    by_product = {p["product"]: p for p in fleet["scans"]["products"]}
    assert fleet["scans"]["limit_hours"] == 4
    assert (by_product["Defender Antivirus"]["scans"], by_product["Defender Antivirus"]["median_hours"], by_product["Defender Antivirus"]["long"]) == (6, 5, 6)
    assert sum(week["scans"] for week in fleet["scans"]["weeks"]) == 9
    # it is there after a restart too
    s.stop()
    s.start()
    assert durations(s).keys() == found.keys() and s.get("/api/v1/fleet")["scans"] == fleet["scans"]


def test_s4_a_product_whose_scans_are_too_long_is_told_once(tmp_path):
    (tmp_path / "av.log").write_text("\n".join(lines()) + "\n")
    told = [f for f in rows("replay", tmp_path / "av.log") if f.get("rule_id") == "fleet_scans_long"]
    assert [f["matched"]["product"] for f in told] == ["Defender Antivirus"] and float(told[0]["matched"]["p95_hours"]) == 5
    assert told[0]["matched"]["limit_hours"] == "4" and told[0]["matched"]["scans"] == "6"
