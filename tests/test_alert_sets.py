"""Alerts of Wazuh, Suricata and AMiner in a network under a multi-step attack (AIT alert data set): folded into incidents (S23, S107, S114)."""
import csv
import datetime
import io
import json
import subprocess

import pytest

from conftest import needs, run

PHASES = ["service_scans", "dirb", "wpscan", "privilege_escalation"]  # those whose alerts are the attack's own on a host; the others are few or noise


def converted(corpora, name, tmp_path):
    """The set as Wazuh's alerts.json, as an operator would have it."""
    text = subprocess.run(["zstd", "-dc", corpora / "ait-ads" / f"{name}_alerts.csv.zst"], capture_output=True, check=True, text=True).stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    log = tmp_path / "alerts.json"
    with log.open("w") as out:
        for row in rows:
            time = datetime.datetime.fromtimestamp(float(row["time"]), datetime.timezone.utc)
            out.write(json.dumps({"timestamp": time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), "rule": {"description": row["name"], "level": 5, "id": row["short"]},
                                  "agent": {"name": row["host"], "ip": row["ip"]}, "location": "ait", "full_log": row["short"]}) + "\n")
    return rows, log


def seconds(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@pytest.mark.parametrize("name", ["russellmitchell", "santos"])
def test_alerts_fold_into_incidents(corpora, tmp_path, name):
    needs("zstd")
    rows, log = converted(corpora, name, tmp_path)
    phases = json.loads((corpora / "ait-ads" / "phases.json").read_text())[name]
    incidents, findings = {}, []
    for row in map(json.loads, run("replay", log, timeout=300).stdout.splitlines()):
        if row["kind"] == "incident":
            incidents[row["id"]] = row
        elif row.get("instrument") == "alerts":
            findings.append((seconds(row["time"]), row["entities"].get("host")))
    grave = [i for i in incidents.values() if i["urgency"] >= 3]
    found = {phase for phase in phases if any(seconds(phases[phase]["start"]) - 1 <= time <= seconds(phases[phase]["end"]) + 1800 for time, _ in findings)}
    print(f"{name}: {len(rows):,} alerts, {len(incidents)} incidents ({len(rows) / max(1, len(incidents)):,.0f} alerts each), {len(grave)} of high urgency; "
          f"phases with findings: {sorted(found)} of {sorted(phases)}")
    assert incidents and len(rows) / len(incidents) >= 1000
    assert set(PHASES) & set(phases) <= found
    assert len(grave) <= 3
