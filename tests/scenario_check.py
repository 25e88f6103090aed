"""What a scenario expects (`expect:` of content/scenarios/NAME.yml) against the lines of `hyakuyo replay` and the
simulator's truth.ndjson (spec 5.8, S178).

  {at_or_before: SPAN, detector: D, entity: ROLE, level?: L}   a finding of D about the host came by then (span from the injection)
  {never: D, entity?: ROLE}                                    no such finding while the scenario runs; D may be '*', or orange
  {never_joins: ROLE, incident: [ROLE…]}                       its hosts are in no incident with those
  {at_or_before: SPAN, posture: LEVEL}                         the posture was that high by then
  {incident: [ROLE…], urgency: 4, confidence_level_least: 3, type: T, first_task: T…}   one incident holds them all and ends like that
  any of them with needs: [D…] (cannot be before these detectors are there), after_days: N (wants so many days before the injection)
  {judged: ROLE, at_or_before: SPAN, urgency_least: 3}         the incident stood like that by then

A detector is the name of a rule or sequence, or the id of an instrument's finding; a list: any of them."""
import datetime
import json
import pathlib
import re

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEVELS = ["green", "yellow", "orange", "red"]
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(span):
    return sum(float(n) * UNITS[u] for n, u in re.findall(r"([\d.]+)(ms|s|m|h|d)", str(span)))


def when(text):
    return datetime.datetime.fromisoformat(re.sub(r"\.(\d{6})\d*", r".\1", text).replace("Z", "+00:00"))


def detectors():
    """Name → rule ids as findings carry them, of all that content/ knows."""
    known = {}
    for path in (ROOT / "content" / "rules").rglob("*.yml"):
        text = path.read_text()
        found = {k: re.search(rf"^{k}: *(\S+)", text, re.M) for k in ("id", "name")}
        if found["id"]:
            for m in found.values():
                if m:
                    known.setdefault(m.group(1), set()).update({found["id"].group(1), m.group(1)})
    for folder in ("instruments", "sequences"):
        for path in (ROOT / "content" / folder).rglob("*.yml"):
            top = yaml.safe_load(path.read_text()) or {}
            for name in top.get("findings") or {}:
                known[name] = {name}
            for item in [top, *(top.get("sequences") or [])]:
                for key in ("id", "name"):
                    if isinstance(item, dict) and item.get(key):
                        known.setdefault(str(item[key]), set()).update(str(item[k]) for k in ("id", "name") if item.get(k))
    return known


class Check:
    def __init__(self, truth, replayed, known=None):
        self.known = known or detectors()
        self.truth = [json.loads(line) for line in truth]
        self.rows = [json.loads(line) for line in replayed]
        self.scenario = next(t for t in self.truth if t["kind"] == "scenario")
        self.start = when(self.scenario["time"])
        self.roles = self.scenario["roles"]
        self.servers = {}
        content = yaml.safe_load((ROOT / "content" / "simulate" / "office.yml").read_text())
        for s in content["servers"]:
            self.servers[s["key"]] = [{"host": s["name"], "ip": s["ip"]}]
        self.people = content["people"]
        self.controls = [t for t in self.truth if t["kind"] == "control"]

    def hosts(self, role):
        if role in self.roles:
            return self.roles[role]
        if role in self.servers:
            return self.servers[role]
        for p in self.people:
            if p.get("key") == role:
                same, names = set(), []
                for c in self.controls:
                    if c["department"] == p["department"] and c["host"].startswith("PC-") and c["host"] not in same:
                        same.add(c["host"])
                        names.append(c)
                return [sorted(names, key=lambda c: c["host"])[p.get("number", 1) - 1]] if names else []
        if re.fullmatch(r"[\d.]+", str(role)):
            return [{"host": role, "ip": role}]
        raise KeyError(role)

    def is_about(self, row, hosts):
        e = row.get("entities", {})
        return any(e.get("host", "").lower() == h["host"].lower() or (not e.get("host") and e.get("ip") == h["ip"]) for h in hosts)

    def offset(self, row):
        return (when(row["time"]) - self.start).total_seconds()

    def findings(self, detector, role=None):
        names = detector if isinstance(detector, list) else [detector]
        ids = None if names == ["*"] else set().union(*(self.known.get(n, ()) for n in names))
        hosts = self.hosts(role) if role else None
        return [r for r in self.rows if r["kind"] == "finding" and (ids is None or r["rule_id"] in ids)
                and (hosts is None or self.is_about(r, hosts)) and self.offset(r) >= -1]

    def incidents(self, before=None):
        last = {}
        for r in self.rows:
            if r["kind"] == "incident" and (before is None or self.offset(r) <= before):
                last[r["id"]] = r
        return list(last.values())

    def holding(self, roles, before=None):
        found = []
        for i in self.incidents(before):
            text = " ".join(i["hosts"]).lower()
            if all(any(h["host"].lower() in text or f"{h['ip']})" in text or h["ip"] in i["hosts"] for h in self.hosts(r)) for r in roles):
                found.append(i)
        return found

    def fits(self, incident, wanted):
        for key, value in wanted.items():
            if key in ("incident", "judged", "at_or_before", "needs", "after_days"):
                continue
            name, _, least = key.partition("_least")
            actual = incident.get(name)
            ok = actual is not None and (actual >= value if key.endswith("_least") else actual == value)
            if not ok:
                return f"{name} is {actual}, wanted {'at least ' if key.endswith('_least') else ''}{value}"
        return None

    def one(self, wanted):
        """None when it holds, else why not. KeyError when the detector is not known."""
        if "never_joins" in wanted:
            text = " ".join(h.lower() for i in self.holding(wanted["incident"]) for h in i["hosts"])
            joined = [h["host"] for h in self.hosts(wanted["never_joins"]) if h["host"].lower() in text]
            return f"joined by {joined}" if joined else None
        if isinstance(wanted.get("never"), str) and wanted["never"] in LEVELS:
            high = [r for r in self.rows if r["kind"] == "posture" and str(r["level"]).lower() == wanted["never"]]
            return f"posture {high[0]}" if high else None
        if "never" in wanted:
            found = self.findings(wanted["never"], wanted.get("entity"))
            return f"{found[0]['rule']} about {found[0]['entities']} at {found[0]['time']}" if found else None
        if "posture" in wanted:
            if not any(r["kind"] == "posture" for r in self.rows):
                raise KeyError("posture")
            least = LEVELS.index(wanted["posture"])
            times = [self.offset(r) for r in self.rows if r["kind"] == "posture" and LEVELS.index(str(r["level"]).lower()) >= least]
            return None if times and min(times) <= seconds(wanted["at_or_before"]) + 1 else f"posture came {times[:1]}"
        if "detector" in wanted:
            found = self.findings(wanted["detector"], wanted["entity"])
            if "level" in wanted:
                found = [f for f in found if f["level"] == wanted["level"]]
            times = sorted(self.offset(f) for f in found)
            limit = seconds(wanted["at_or_before"]) + 0.999  # most systems write whole seconds
            return None if times and times[0] <= limit else f"first at {times[:1]}, wanted by {limit:.0f} s"
        if "judged" in wanted:
            held = self.holding([wanted["judged"]], seconds(wanted["at_or_before"]) + 0.999)
            return self.fits(held[-1], wanted) if held else "no incident by then"
        held = self.holding(wanted["incident"])
        return self.fits(held[-1], wanted) if held else f"no incident holds {wanted['incident']}: {[i['hosts'][:3] for i in self.incidents()][:6]}"


def evaluate(name, truth, replayed, not_yet=()):
    """Lists of failed and of deferred assertions. Deferred is only what `not_yet` names and content/ does not have."""
    check = Check(truth, replayed)
    expect = yaml.safe_load((ROOT / "content" / "scenarios" / f"{name}.yml").read_text())["expect"]
    failed, deferred = [], []
    for wanted in expect:
        detector = wanted.get("detector", wanted.get("never"))
        wanted = dict(wanted)
        if "type" in wanted and "incident types" in not_yet:
            deferred.append(("incident types", wanted["type"]))
            del wanted["type"]
        if wanted.get("after_days", 0) > (check.start - when(check.truth[0]["from"])).days:
            deferred.append((wanted, f"wants {wanted['after_days']} days of learning"))
            continue
        absent = [d for d in wanted.get("needs", []) if d not in check.known]
        if absent and all(d in not_yet for d in absent):
            deferred.append((wanted, f"nothing in content/ is called {absent}"))
            continue
        names = detector if isinstance(detector, list) else [detector] if detector else []
        names = [n for n in names if n != "*" and n not in LEVELS]
        if names and not any(n in check.known for n in names):
            (deferred if all(n in not_yet for n in names) else failed).append((wanted, f"nothing in content/ is called {names}"))
            continue
        try:
            why = check.one(wanted)
        except KeyError as missing:
            (deferred if missing.args[0] in not_yet else failed).append((wanted, f"not there: {missing}"))
            continue
        if why:
            failed.append((wanted, why))
    return failed, deferred
