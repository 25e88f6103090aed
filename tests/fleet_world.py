"""An estate whose truth is known: hosts with agents of three vendors, in the vendors' own line formats, for four days. Nothing here knows how the fleet
judges; each host gets a fate, and the lines follow from it."""
import collections
import datetime
import json
import random

UTC = datetime.timezone.utc
START = datetime.datetime(2025, 11, 10, 0, 0, tzinfo=UTC)  # a Monday
END = START + datetime.timedelta(days=4, minutes=10)
HOUR = datetime.timedelta(hours=1)
MINUTE = datetime.timedelta(minutes=1)
DEPARTMENTS = ["Sales", "Finance", "Admin", "Research", "Plant", "Legal", "Support", "Design"]
VENDORS = ["Defender Antivirus", "Symantec Endpoint Protection", "ePO"]
RELEASE_TIMES = [START + 5 * HOUR + 8 * HOUR * n for n in range(12)]  # the last one 2025-11-13T21:00, three hours before the end
RELEASE_TIMES = [t + 2 * HOUR for t in RELEASE_TIMES]
AV_MONIKER = "{535CB6A4-441F-4E8A-A897-804CD859100E}"


def iso(t):
    return t.strftime("%Y-%m-%dT%H:%M:%SZ")


def plain(t):
    return t.strftime("%Y-%m-%d %H:%M:%S")


class Host:
    def __init__(self, number, vendor, department, is_server=False):
        self.name = f"{'SV' if is_server else 'PC'}-{department.upper()}-{number:04d}"
        self.ip = f"10.{20 + number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
        self.vendor, self.department, self.is_server = vendor, department, is_server
        self.fate = "up"
        self.stuck_at = None  # the release it stays at
        self.pattern_text = None  # what it says in place of a version
        self.engine = 2  # 2 current, 1 allowed, 0 obsolete
        self.full_scan = "done"


def version_text(vendor, release, form="report"):
    if vendor == 0:
        return f"1.441.{100 + release}.0"
    if vendor == 1:
        day, revision = RELEASE_TIMES[max(release, 0)].date(), 1 + release % 3
        if release < 0:
            day = START.date() - datetime.timedelta(days=1)
        return f"{day} rev. {revision:03d}" if form == "report" else f"{day:%y%m%d}{revision:03d}"
    return f"{5600 + release}.0"


def engine_text(vendor, engine):
    return [f"1.1.25{8 + engine:02d}0.5", f"14.3.{9200 + engine}.6000", f"6700.{10105 + engine}"][vendor]


class World:
    def __init__(self, folder, host_count=5000, seed=7):
        self.random = random.Random(seed)
        self.lines = collections.defaultdict(list)  # file → lines
        self.hosts = [Host(n, n % 3, DEPARTMENTS[n // 3 % 8], n < 24) for n in range(host_count)]
        self.adoptions = collections.defaultdict(list)  # (vendor, release) → (time, host)
        self.choose_fates()
        for host in self.hosts:
            self.live(host)
        self.others()
        self.late_files()
        self.firewalls()
        self.admissions()
        self.write_inventory(folder / "assets")
        self.folder = folder

    # ------------------------------------------------------------------ fates

    def take(self, n, key, value, where=lambda host: True):
        fits = [h for h in self.hosts[24:] if h.fate == "up" and h.stuck_at is None and h.pattern_text is None and where(h)]
        for host in self.random.sample(fits, n):
            setattr(host, key, value)

    def choose_fates(self):
        self.take(200, "fate", "absent")
        self.take(60, "fate", "off")
        self.take(12, "fate", "silent")
        self.take(70, "stuck_at", 3)   # a day or more behind
        self.take(45, "stuck_at", 0)   # three days behind
        self.take(15, "pattern_text", "unknown build")
        self.hosts[5].fate = "off"     # a server
        for scan, n in (("cancelled", 30), ("started", 20), ("old", 25)):
            for host in self.random.sample([h for h in self.hosts[24:] if h.full_scan == "done" and h.fate == "up"], n):
                host.full_scan = scan
        for engine, n in ((1, 90), (0, 40)):
            for host in self.random.sample([h for h in self.hosts if h.engine == 2], n):
                host.engine = engine

    # ------------------------------------------------------------------- life

    def delay(self, host, release):
        """Most have a release within two hours; Plant's relay fails for the last one."""
        if host.stuck_at is not None and release > host.stuck_at:
            return None
        if host.department == "Plant" and release == 10:
            return 7.5 * HOUR + self.random.uniform(0, 10) * MINUTE
        return self.random.uniform(1, 110) * MINUTE

    def live(self, host):
        gone = {"absent": END - 40 * HOUR}.get(host.fate, END)
        quiet = {"silent": END - 20 * HOUR}.get(host.fate, gone)
        step = HOUR if host.is_server else 8 * HOUR
        has = -1
        updates = []
        for release, at in enumerate(RELEASE_TIMES):
            delay = self.delay(host, release)
            if delay is not None and at + delay < quiet and host.pattern_text is None:
                updates.append((at + delay, release))
        t = START + self.random.uniform(0, 30) * MINUTE if not host.is_server else START + 5 * MINUTE
        moments = []
        while t < quiet:
            moments.append(t)
            t += step
        for at, release in updates:
            self.adoptions[host.vendor, release].append((at, host))
            self.update(host, at, release)
        for at in moments:
            has = max([r for when, r in updates if when <= at], default=-1)
            self.report(host, at, has)
        self.scans(host)
        t = START + self.random.uniform(0, 50) * MINUTE
        pause = 50 * MINUTE if host.fate == "silent" else 12 * HOUR
        while t < gone:
            self.flow(host.ip, t)
            t += pause

    def put(self, file, at, line):
        self.lines[file].append((at, line))

    def defender(self, host, at, code, **data):
        self.put("defender.json", at, json.dumps({"TimeCreated": iso(at), "Channel": "Microsoft-Windows-Windows Defender/Operational", "EventID": code,
                                                  "Computer": host.name.lower() + ".office.example", **data}))

    def symantec(self, host, at, text):
        self.put("sepm.log", at, f"{at:%b %d %H:%M:%S} sepm01 SymantecServer: {host.name},Category: 0,Smc,Event Description: {text},Event time: {plain(at)},Group Name: My Company")

    def trellix(self, host, at, code, **more):
        self.put("epo.json", at, json.dumps({"timestamp": iso(at), "analyzername": "Trellix Endpoint Security", "analyzerhostname": host.name, "analyzeripv4": host.ip,
                                             "threateventid": code, **more}))

    def update(self, host, at, release):
        if host.vendor == 0:
            self.defender(host, at, 2000, **{"Current security intelligence Version": version_text(0, release)})
        elif host.vendor == 1:
            self.symantec(host, at, "Downloaded new content update from the management server successfully. Remote file path: "
                                    f"https://sepm01:443/content/{AV_MONIKER}/{version_text(1, release, 'content')}/Full.zip")
        else:
            self.trellix(host, at, 1118, analyzerdatversion=version_text(2, release))

    def report(self, host, at, release):
        pattern, engine = host.pattern_text or version_text(host.vendor, release), engine_text(host.vendor, host.engine)
        is_on = not (host.fate == "off" and at > END - 30 * HOUR)
        if host.vendor == 0:
            scan = {"done": END - 60 * HOUR, "old": END - 240 * HOUR}.get(host.full_scan)
            self.defender(host, at, 1151, **{"Platform version": "4.18.25100.3", "Engine version": engine, "AV security intelligence version": pattern,
                                             "RTP state": "Enabled" if is_on else "Disabled", **({"Last full scan end time": iso(scan)} if scan and scan < at else {})})
        elif host.vendor == 1:
            self.put("sepm.json", at, json.dumps({"computerName": host.name, "ipAddresses": [host.ip], "agentVersion": engine, "avEngineOnOff": 1, "apOnOff": int(is_on),
                                                  "avDefsetVersion": pattern, "onlineStatus": 1, "lastUpdateTime": int(at.timestamp() * 1000)}))
        else:
            self.put("epo.json", at, json.dumps({"EPOLeafNode.NodeName": host.name, "EPOLeafNode.LastUpdate": iso(at), "EPOComputerProperties.IPAddress": host.ip,
                                                 "AM_CustomProps.ManifestVersion": pattern, "AM_CustomProps.V2EngineVersion": engine, "AM_CustomProps.bOASEnabled": is_on}))

    def scans(self, host):
        if host.full_scan == "done":
            end = END - 60 * HOUR
        elif host.full_scan == "old":
            end = END - 240 * HOUR
        else:
            end = END - 190 * HOUR  # begun or broken off before the week
        if host.vendor == 0:
            if host.full_scan in ("started", "cancelled"):
                self.defender(host, end - HOUR, 1000, **{"Scan Parameters": "Full Scan", "Scan Parameters Index": "2"})
            if host.full_scan == "cancelled":
                self.defender(host, end, 1002, **{"Scan Parameters": "Full Scan", "Scan Parameters Index": "2"})
        elif host.vendor == 1:
            word = {"done": "Completed", "old": "Completed", "started": "Started", "cancelled": "Cancelled"}[host.full_scan]
            self.put("sepm.log", end, f"{end:%b %d %H:%M:%S} sepm01 SymantecServer: Scan ID: 1448882755,Begin: {plain(end)},End: {plain(end)},{word},Duration (seconds): 695,User1: SYSTEM,"
                     f"User2: SYSTEM,Scan started on all drives and all extensions.,,Command: Not a command scan (),Threats: 0,Infected: 0,Total files: 1472,Omitted: 0,Computer: {host.name},IP Address: {host.ip}")
        else:
            code = {"done": 1203, "old": 1203, "started": 1202, "cancelled": 1035}[host.full_scan]
            self.trellix(host, end, code, taskname="Weekly Full Scan")

    def flow(self, ip, at, port=443):
        self.put("fw.log", at, f'date={at:%Y-%m-%d} time={at:%H:%M:%S} tz="+0000" devname="fw1" devid="FG1" logid="0000000013" type="traffic" subtype="forward" srcip={ip} srcport=50123 '
                 f'dstip=198.51.100.9 dstport={port} proto=6 action="accept" policyid=7 sentbyte=120 rcvdbyte=300')

    # ---------------------------------------------------------------- specials

    def pick(self, n, where=lambda host: True):
        """Hosts with no other fate, each given away once."""
        fits = [h for h in self.hosts[24:] if h.fate == "up" and h.stuck_at is None and where(h) and h not in self.given]
        chosen = self.random.sample(fits, n)
        self.given.update(chosen)
        return chosen

    def others(self):
        """Who speaks on the network and has no agent; a suite with its firewall off; an exclusion."""
        self.given = set()
        for n in range(30):
            self.flow(f"10.99.0.{n + 1}", END - 5 * HOUR)
        for n in range(20):
            self.flow(f"10.98.0.{n + 1}", END - 6 * HOUR)
        for n in range(5):
            self.flow(f"10.99.1.{n + 1}", END - 7 * HOUR)
        self.excluded = self.pick(1, lambda h: h.vendor == 0)[0]
        self.defender(self.excluded, END - 9 * HOUR, 5007, **{"New Value": "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\C:\\x = 0x0"})
        self.suite = self.pick(1, lambda h: h.vendor == 1)[0]
        self.put("sepm.json", END - HOUR, json.dumps({
            "computerName": self.suite.name, "ipAddresses": [self.suite.ip], "agentVersion": engine_text(1, self.suite.engine), "avEngineOnOff": 1, "apOnOff": 1,
            "firewallOnOff": 0, "cidsDrvOnOff": 1, "avDefsetVersion": version_text(1, 11), "onlineStatus": 1, "lastUpdateTime": int((END - HOUR).timestamp() * 1000)}))
        self.put("launch.log", END - HOUR, f'<134>1 {iso(END - HOUR)} policy1 LaunchOne - STATUS [e host="{self.suite.name}" control="launch-control" state="running" product="LaunchOne"]')

    def late_files(self):
        """One file on two hosts a day and more before a scan finds it, let pass by the gateway; one found at once; one nobody knows the age of."""
        self.late, self.early, self.ageless = self.pick(2, lambda h: h.vendor == 1), self.pick(1, lambda h: h.vendor == 1)[0], self.pick(1, lambda h: h.vendor == 1)[0]
        self.late_hash, early_hash = "9f" * 32, "ab" * 32
        self.put("gateway.log", END - 31 * HOUR, f'<134>1 {iso(END - 31 * HOUR)} gw1 AVGW - SCAN [e client="{self.late[0].ip}" url="http://dl.example/a.exe" sha256="{self.late_hash}" verdict="clean" engine="7.6" pattern="2025.11.12.1"]')
        for host, at, sha256 in [(self.late[0], END - 30 * HOUR, self.late_hash), (self.late[1], END - 28 * HOUR, self.late_hash), (self.early, END - 3 * HOUR, early_hash)]:
            self.put("launch.log", at, f'<134>1 {iso(at)} policy1 LaunchCtl - PROC [e host="{host.name}" ip="{host.ip}" user="u" path="C:\\\\a.exe" sha256="{sha256}" signed="no" parent="x.exe" list="listed" action="logged"]')
        for n, (host, sha256) in enumerate([(self.late[0], self.late_hash), (self.late[1], self.late_hash), (self.early, early_hash), (self.ageless, "")]):
            at = END - HOUR + n * MINUTE
            self.put("sepm.log", at, f"{at:%b %d %H:%M:%S} sepm01 SymantecServer: Virus found,IP Address: {host.ip},Computer name: {host.name},Source: Scheduled Scan,Risk name: Trojan.Sample,Occurrences: 1,"
                     f"File path: C:\\a.exe,Description: ,Actual action: Cleaned by deletion,Requested action: Cleaned,Event time: {plain(at)},Application hash: {sha256}")

    def firewalls(self):
        self.walls = {}
        states = ["compliant"] * 120 + ["disabled"] * 10 + ["drifted"] * 12 + ["contradicted"] * 8 + ["unknown"] * 5
        ages = {"green": "2025.11.13.1", "amber": "2025.11.11.1", "red": "2025.11.08.1", "unknown": "broken"}
        self.wall_ages = {}
        for n, host in enumerate(self.pick(len(states))):
            state, age = states[n], ["green"] * 20 + ["amber", "amber", "red", "unknown"]
            age = age[n % len(age)]
            self.walls[host.name], self.wall_ages[host.name] = state, age
            at = END - 2 * HOUR + n * datetime.timedelta(seconds=3)
            policy = "FW-OLD" if state == "drifted" else "FW-1"
            assigned = "" if state == "unknown" else ' assigned_policy="FW-1"'
            self.put("wall.log", at, f'<134>1 {iso(at)} fwmgr1 WallOne - STATUS [e host="{host.name}" ip="{host.ip}" control="firewall" state="{"off" if state == "disabled" else "on"}" policy="{policy}"{assigned} pattern="{ages[age]}" product="WallOne"]')
            if state == "contradicted":
                self.put("pfirewall.log", at + HOUR, f"{plain(at + HOUR)} ALLOW TCP 10.77.0.9 {host.ip} 49801 445 52 S 1 0 64240 - - - RECEIVE")
            elif n % 9 == 0:
                self.put("pfirewall.log", at + HOUR, f"{plain(at + HOUR)} DROP TCP 10.77.0.9 {host.ip} 49801 445 52 S 1 0 64240 - - - RECEIVE")

    def admissions(self):
        def posture(host, at, result, more):
            self.put("nac.log", at, f'<133>1 {iso(at)} nac01 NAC - POSTURE [e host="{host.name}" ip="{host.ip}" mac="02:00:5e:00:00:01" user="u" result="{result}" {more}]')
        self.retrying, self.refused = self.pick(1)[0], self.pick(6)
        for n in range(200):
            posture(self.retrying, END - 3 * HOUR + n * datetime.timedelta(seconds=17), "quarantine", 'reason="old-definitions"')
        for host in self.refused:
            posture(host, END - 4 * HOUR, "reject", 'reason="av-off"')
        self.admitted = self.pick(9)
        for host in self.admitted:
            posture(host, END - 5 * HOUR, "compliant", 'vlan="20"')
        self.unpatched, self.pending = self.pick(4), self.pick(3)
        for host, age, exploited in [(h, 4, "true") for h in self.unpatched] + [(h, 4, "false") for h in self.pending]:
            released = END - age * 24 * HOUR
            posture(host, END - 5 * HOUR, "compliant", f'missing_patch="KB5000001" patch_released="{iso(released)}" patch_exploited="{exploited}" vlan="20"')

    # ---------------------------------------------------------------- writing

    def write_inventory(self, folder):
        folder.mkdir()
        with open(folder / "hosts.csv", "w") as out:
            out.write("ip,hostname,department,type,role\n")
            for host in self.hosts:
                out.write(f"{host.ip},{host.name},{host.department},{'server' if host.is_server else 'desktop'},{'file-server' if host.is_server else 'staff'}\n")
            for row in self.further_assets():
                out.write(row + "\n")

    def further_assets(self):
        for n in range(30):
            yield f"10.99.0.{n + 1},NOAGENT-{n:02d},Sales,desktop,staff"
        for n in range(5):
            yield f"10.99.1.{n + 1},PRINTER-{n:02d},Sales,printer,printer"
        for n in range(3):
            yield f"10.99.2.{n + 1},NEVER-{n:02d},Sales,laptop,staff"

    def write(self):
        files = []
        for name, lines in sorted(self.lines.items()):
            path = self.folder / name
            lines.sort(key=lambda item: item[0])
            path.write_text("".join(line + "\n" for _, line in lines))
            files.append(path)
        return files
