"""Parts of scripts/bench about the detection engine: indicators alone (intel), rules and indicators alone (detect),
other engines beside it (peers)."""
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def goal(value, limit, words, at_most=True):
    reached = value <= limit if at_most else value >= limit
    return f"goal {words}: {'reached' if reached else 'MISSED'}"


def output(*command, timeout=300, env=None, check=True):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=timeout, cwd=ROOT,
                          env={**os.environ, "LANG": "C.UTF-8", **(env or {})})
    if check and done.returncode != 0:
        raise RuntimeError(f"{pathlib.Path(command[0]).name} ended with {done.returncode}: {done.stderr[-500:]}{done.stdout[-500:]}")
    return done.stdout


class DetectionParts:
    """Of class Bench, which has tool(), table, folder, quick, sigma and lines_file."""

    def intel(self):
        t = self.table
        count = 100000 if self.quick else 2000000
        t.part(f"Indicators alone: {count:,} of six types", "values of the same types asked in groups of 128, as a batch asks, in an order that defeats caches; one thread, "
               "processor time")
        text = output(self.tool("intel_bench"), "--count", count, "--seconds", 0.1 if self.quick else 2)
        whole, slower, floors = re.search(r"goals: ([\d.]+) MiB .*?; ([\d.]+) ns .*, ([\d.]+) x the floor", text).groups()
        dependent = re.search(r"floor: dependent read +([\d.]+) ns", text)[1]
        t.row("memory: tables and every page of the file", float(whole), "MiB", goal(float(whole), 200, "≤ 200 MiB for 2 million"))
        t.row("a look-up, mixed, the slower of hits and misses", float(slower), "ns",
              f"{goal(float(slower), 150, '≤ 150 ns')}; {floors} × the floor")
        t.row("floor: one read that waits, in a table of that size", float(dependent), "ns")
        for name, ns in re.findall(r"^((?:hits|misses), \w+) +([\d.]+) ns", text, re.M):
            t.row("  " + name, float(ns), "ns")

    def detect(self):
        """The same engine with the rules and with ten times as many, on lines of a collector and on Windows event logs."""
        t = self.table
        t.part("Detection alone", f"events as parsers have just made them → {100000 if self.quick else 1000000:,} indicators → rules; no parsing, no storing; one thread, "
               "processor time")
        windows = self.folder / "windows.log"
        with open(windows, "wb") as file:
            subprocess.run([self.tool("generate_logs"), "2000" if self.quick else "20000", "--windows"], stdout=file, check=True, timeout=120)
        rules = [ROOT / "content/rules"] + ([self.sigma] if self.sigma else [])
        first = self.detect_run(rules, windows)
        goals = {"mixed.log": ("mixed lines", 400000), "windows.log": ("Windows event log, mostly Sysmon", 150000)}
        for name, (words, limit) in goals.items():
            run = first[name]
            t.row(f"{words}, {first['rules']:,} rules", run["rate"], "events/s",
                  f"{goal(run['rate'], limit, f'≥ {limit:,}', False)}; {run['ns'] / 1000:.2f} µs: indicators {run['indicators'] / 1000:.2f}, "
                  f"rules {run['rules'] / 1000:.2f}")
        calls = sum(first[name]["calls"] for name in goals)
        t.row("malloc by events on which nothing fires", calls, "calls", f"of {sum(first[name]['quiet'] for name in goals):,}; {goal(calls, 0, '0')}")
        if not self.quick:
            self.detect_more(rules, windows, goals)

    def detect_more(self, rules, windows, goals):
        """Ten times the rules, and the rules alone again beside them: the machine may have become another meanwhile."""
        copies = self.folder / "copies"
        output(sys.executable, ROOT / "bench/detect_copies.py", rules[-1], copies, 9)
        many, again = self.detect_run([*rules, copies], windows), self.detect_run(rules, windows)
        for name, (words, _) in goals.items():
            times = many[name]["ns"] / again[name]["ns"]
            self.table.row(f"{words}, {many['rules']:,} rules", many[name]["rate"], "events/s", f"{times:.2f} × the time; {goal(times, 1.3, '≤ 1.3 ×')}")

    def detect_run(self, rules, windows):
        """By the name of each file: rate, ns, indicators, rules, calls, quiet; and the number of rules."""
        options = [word for folder in rules for word in ("--rules", folder)]
        text = output(self.tool("detect_bench"), *options, "--indicators", 100000 if self.quick else 1000000,
                      "--seconds", 0.3 if self.quick else 4, self.lines_file, windows, timeout=600)
        found = {"rules": int(re.search(r"^rules (\d+)", text, re.M)[1])}
        for name, *figures in re.findall(r"^(\S+\.log) +(\d+) events/s +(\d+) ns/event +indicators +(\d+) +rules +(\d+).*malloc (\d+) calls for (\d+)",
                                         text, re.M):
            found[name] = dict(zip(("rate", "ns", "indicators", "rules", "calls", "quiet"), map(int, figures)))
        return found

    def peers(self):
        t = self.table
        lines = 20000 if self.quick else 200000
        t.part("Beside other engines", f"each reads the same file of {lines:,} lines with the same fifty conditions, start and loading included; processor time of all "
               "threads; scan_bench does the same with Windows events and zargunlite")
        done = json.loads(output(sys.executable, ROOT / "bench/peer_bench", "--lines", lines, "--build", self.build, "--json", timeout=600))
        first = done["runs"][0]["events_per_core_s"]
        for run in done["runs"]:
            agrees = "" if run["agrees"] else f"; found {run['found']} of {done['expected']}"
            t.row(f"{run['engine']}: {run['asked']}", run["events_per_core_s"], "events/s", f"a core; {first / run['events_per_core_s']:.1f} × slower than the first{agrees}")
        for name in done["absent"]:
            t.note(f"{name} is not installed")
