"""One scenario in an office of its own: simulated, perhaps disturbed on the way, replayed, and held against what it expects."""
import json
import os
import pathlib
import subprocess

import scenario_check

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("HYAKUYO", ROOT / "build" / "hyakuyo"))
START = {"web_worm_irc": "9h12m30s", "web_worm_irc_denied": "9h12m30s", "mass_mailer": "13h1m49s", "ransomware": "22h4m11s",
         "network_worm": "10h", "usb_trojan": "9h30m", "covert_channel": "7h15m"}
DAYS = {"covert_channel": 10, "usb_trojan": 2}
VARIANTS = ("plain", "late", "duplicated", "out-of-order", "skewed", "missing")
# Which source's clock is wrong, and which source is not heard: one that the scenario speaks through, and can do without.
SKEWED = {"ransomware": "windows", "covert_channel": "proxy"}
MISSING = {"web_worm_irc": "zeek_irc", "web_worm_irc_denied": "dns", "mass_mailer": "avgw", "network_worm": "nac", "ransomware": "file_audit",
           "usb_trojan": "reports", "covert_channel": "zeek_conn"}
# Detectors that content/ does not have yet: assertions about them wait. What is there is tested, whatever stands here.
NOT_YET = []


def command(*words):
    done = subprocess.run([BINARY, *map(str, words)], capture_output=True, text=True, env={**os.environ, "TZ": "Asia/Tokyo", "LANG": "C.UTF-8"})
    assert done.returncode == 0, done.stderr
    return done.stdout


class Played:
    def __init__(self, name, truth, rows):
        self.rows, self.roles = rows, next(t["roles"] for t in map(json.loads, truth) if t["kind"] == "scenario")
        self.failed, self.waiting = scenario_check.evaluate(name, truth, rows, NOT_YET)

    def final(self):
        """Of the incidents that hold someone infected: hosts, urgency, importance, first task."""
        last = {}
        for row in map(json.loads, self.rows):
            if row["kind"] == "incident":
                last[row["id"]] = row
        names = {h["host"] for role, hosts in self.roles.items() if role in ("victim", "first", "fileserver") for h in hosts}
        ours = [i for i in last.values() if any(n in h for n in names for h in i["hosts"])]
        return sorted((sorted(i["hosts"]), i["urgency"], i["importance"], i["first_task"]) for i in ours)


def play(folder, name, seed, *options, variant=None, hosts=150):
    of_source = {"skewed": f"skewed:{SKEWED.get(name, 'launch')}", "missing": f"missing:{MISSING[name]}"}
    options = [*options, *(["--variant", of_source.get(variant, variant), "--merge"] if variant else [])]
    day = ["--start", "2025-11-15"] if name == "ransomware" else []  # a Saturday night
    command("simulate", "--out", folder, *day, "--hosts", hosts, "--days", DAYS.get(name, 1), "--seed", seed, "--rate", 20,
            "--inject", f"{name}@{START[name]}", *options)
    rows = command("replay", "--assets", folder / "assets", *(["--as-received"] if variant else []),
                   *sorted((folder / "logs").glob("*.log"))).splitlines()
    return Played(name, (folder / "truth.ndjson").read_text().splitlines(), rows)
