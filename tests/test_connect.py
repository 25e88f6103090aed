"""Countermeasures carried out by connectors (S110, S161-S165): a web hook, a program, RADIUS dynamic authorisation; real peers on loopback."""
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import shutil
import subprocess
import threading
import time

import pytest
from conftest import ROOT, free_port, rows, run
from radius_peer import CALLING_STATION, COA, DISCONNECT, FRAMED_IP, SESSION, VENDOR, Peer, attributes
from test_console_http import conforms as conforms_to
from test_notify import Receiver, secret, verified, wait_for
from test_console_browser import WITH_NODE, chromium
from test_judgement import HOSTS, OFFICE, SKYPE
from test_workflow import PEOPLE, SALES, SERVER, Office, Person, soon, work

KEY = "k" * 70
BAD = "203.0.113.66"
MAC = "02-00-5e-00-53-01"


def connectors(folder, *items, first=1, longest=1, give_up=3600):
    data = folder / "var"
    data.mkdir(exist_ok=True)
    retry = {"first_seconds": first, "longest_seconds": longest, "give_up_seconds": give_up}
    (data / "connectors.yml").write_text(json.dumps({"version": "test", "retry": retry, "connectors": items}))
    return data


def hook(folder, port, **more):
    (folder / "var").mkdir(exist_ok=True)
    return {"name": "edge", "kind": "webhook", "on": True, "serves": ["firewall"], "url": f"http://127.0.0.1:{port}/secretpath", "plain": True,
            "secret_file": secret(folder / "var", "hook.key", KEY), "undo": True} | more


def radius(folder, port, **more):
    (folder / "var").mkdir(exist_ok=True)
    return {"name": "nac", "kind": "radius", "on": True, "serves": ["access"], "host": "127.0.0.1", "port": port, "timeout_ms": 500,
            "secret_file": secret(folder / "var", "radius.key", "testing123"),
            "carry_out": {"request": "disconnect", "attributes": {"Calling-Station-Id": "{mac}", "Framed-IP-Address": "{ip}"}},
            "undo": {"request": "coa", "attributes": {"Calling-Station-Id": "{mac}", "Vendor/9/1": "subscriber:command=reauthenticate"}}} | more


def conforms(office, path, pattern, person=None):
    """What openapi.json says is what is answered."""
    document, answer = office.server.get("/api/v1/openapi.json"), (person or office.abe).get(path)
    conforms_to(document, document["paths"][pattern]["get"]["responses"]["200"]["content"]["application/json"]["schema"], answer, path)
    return answer


def with_mac(path, host, mac):
    header, *lines = [line.split(",") for line in path.read_text().splitlines()]
    rows = [dict(zip(header, line, strict=False)) for line in lines]
    rows = [[row.get(c, "") for c in header] + [mac if row["ip"] == host else ""] for row in rows]
    path.write_text("\n".join(",".join(row) for row in [[*header, "mac"], *rows]) + "\n")


class SlowReceiver(Receiver):
    """Takes what comes and answers once `hold` is set."""

    def __init__(self, port):
        super().__init__(port)
        self.hold = threading.Event()

        def send_response(request, *arguments):
            self.hold.wait(60)
            http.server.BaseHTTPRequestHandler.send_response(request, *arguments)

        self.server.RequestHandlerClass.send_response = send_response


class Desk(Office):
    """Three people are enough here."""

    def __init__(self, server, folder):
        self.server = server
        assets = self.folder = folder / "assets"
        assets.mkdir()
        (assets / "hosts.csv").write_text(HOSTS.format(cfo=OFFICE, sales=SKYPE) + SERVER)
        (assets / "networks.csv").write_text("cidr,department,zone\n10.20.0.0/16,,office\n")
        with_mac(assets / "hosts.csv", SALES, MAC)
        server.take_up("asset", "import", assets)
        for name in ("abe", "mori", "kato"):
            run("user", "add", name, "--role", PEOPLE[name], "--data", server.data, input="correct horse battery\n")
        self.people = {name: Person(server, name) for name in ("abe", "mori", "kato")}

    def ask(self, device="firewall", target=BAD, number=None, seconds=3600):
        number = number or self.incident(SALES)
        made = self.abe.do("POST", work(number, "countermeasures"), device=device, target=target, reason="c2", expires=soon(seconds))
        return number, f"/api/v1/countermeasures/{made['id']}"

    def measure(self, number, place=-1):
        return self.abe.get(work(number, "countermeasures"))["rows"][place]

    def order(self, number, status, place=-1, act="carry_out"):
        def found():
            orders = [o for o in self.measure(number, place)["orders"] if o["act"] == act]
            return next((o for o in orders if o["status"] == status), None)
        return wait_for(found, f"{act} {status}: " + json.dumps(self.measure(number, place)["orders"]) + self.server.text())

    def tasks(self, number):
        return [t for t in self.abe.get(work(number, "tasks"))["rows"] if t["key"] == "connector"]

    def entry(self, number, order):
        def found():
            rows = [e for e in self.server.get("/api/v1/record?limit=200")["rows"] if e["target"] == f"order/{order['id']}" and e["actor"] == "hyakuyo"]
            return rows[0] if rows else None
        return wait_for(found, "the entry")


@pytest.fixture
def desk(server, tmp_path):
    return lambda: Desk(server("--seal-after-ms", 300), tmp_path)


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.stop()


def signed(request):
    """What the receiver checks: who said it, and when. Its key and body."""
    _, headers, body = request
    stamp = headers["X-Hyakuyo-Timestamp"]
    code = hmac.new(KEY.encode() if len(KEY) <= 64 else hashlib.sha256(KEY.encode()).digest(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert headers["X-Hyakuyo-Signature"] == f"sha256={code}" and abs(int(stamp) - time.time()) < 60
    said = json.loads(body)
    assert said["key"] == headers["Idempotency-Key"]
    return said


def test_a_web_hook_from_the_preview_to_the_undo(desk, tmp_path, receiver):
    connectors(tmp_path, hook(tmp_path, receiver.port), hook(tmp_path, receiver.port, name="off", on=False))
    office = desk()
    number, one = office.ask()
    preview = conforms(office, one + "/preview", "/api/v1/countermeasures/{id}/preview")["rows"]
    assert [(row["connector"], row["act"], row["problem"]) for row in preview] == [("edge", "carry_out", ""), ("edge", "undo", "")]
    shown = json.loads(preview[0]["request"])
    office.abe.do("POST", one + "/approve", 403)  # not one's own
    assert receiver.requests == [] and office.measure(number)["orders"] == []
    office.mori.do("POST", one + "/approve", note="go")
    order = office.order(number, "done")
    said = signed(receiver.requests[0])
    assert said == shown | {"key": order["key"], "approved_by": "mori"} and said["target"] == BAD and said["act"] == "carry_out"
    assert json.loads(order["request"]) == said and order["approved_by"] == "mori" and order["attempts"] == 1
    measure = office.measure(number)
    assert (measure["status"], measure["activated_by"]) == ("active", "hyakuyo")
    assert office.abe.get("/api/v1/blocklists/firewall").splitlines()[1:] == [BAD]
    entry = office.entry(number, order)
    assert entry["approved_by"] == "mori" and entry["incident"] == number and "edge" in entry["text"] and BAD in entry["text"]
    conforms(office, work(number, "countermeasures"), "/api/v1/incidents/{id}/countermeasures")
    assert office.abe.do("PATCH", one, status="verified")["verified"]  # the absence of traffic, as ever
    office.abe.do("PATCH", one, status="removed")
    undone = office.order(number, "done", act="undo")
    assert signed(receiver.requests[1]) == said | {"act": "undo", "key": undone["key"]} and undone["key"] != order["key"]
    rows = conforms(office, "/api/v1/connectors", "/api/v1/connectors")["rows"]
    assert [(row["name"], row["kind"], row["on"], row["last"] and row["last"]["status"]) for row in rows] == [("edge", "webhook", True, "done"), ("off", "webhook", False, None)]
    everything = json.dumps(rows) + json.dumps(office.server.get("/api/v1/record?limit=200")) + office.server.log.read_text()
    assert "secretpath" not in everything and KEY not in everything
    verified(office.server)


def test_without_connectors_nothing_leaves(desk):
    office = desk()
    number, one = office.ask()
    assert office.abe.get(one + "/preview")["rows"] == [] and office.abe.get("/api/v1/connectors")["rows"] == []
    office.mori.do("PATCH", one, status="approved")
    assert office.measure(number)["orders"] == []
    assert office.abe.do("PATCH", one, status="active")["activated_by"] == "abe"  # by hand, as before


def program(folder, text):
    path = folder / "set-block"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)
    return path


def test_a_program_gets_arguments_and_no_shell(desk, tmp_path):
    kept = tmp_path / "kept"
    path = program(tmp_path, f'printf "%s\\n" "$HYAKUYO_ACT $HYAKUYO_KEY $# $1 $2" >> {kept}\n[ "$1" = fail ] && exit 4\necho "rule set"\n')
    connectors(tmp_path, {"name": "script", "kind": "command", "on": True, "serves": ["proxy"], "program": str(path), "carry_out": ["--add", "{target}"],
                          "undo": ["--remove", "{target}"]},
               {"name": "broken", "kind": "command", "on": True, "serves": ["dns"], "program": str(path), "carry_out": ["fail"]}, give_up=1)
    office = desk()
    number, one = office.ask(device="proxy", target="evil.example")
    assert json.loads(office.abe.get(one + "/preview")["rows"][0]["request"]) == [str(path), "--add", "evil.example"]
    office.mori.do("PATCH", one, status="approved")
    order = office.order(number, "done")
    assert kept.read_text() == f"carry_out {order['key']} 2 --add evil.example\n" and order["answer"] == "rule set\n"
    office.abe.do("POST", work(number, "countermeasures"), 400, device="proxy", target="-rf.example", reason="an option", expires=soon(60))
    _, two = office.ask(device="dns", target="evil.example", number=number)
    office.mori.do("PATCH", two, status="approved")
    failed = office.order(number, "failed")
    assert failed["attempts"] >= 2 and "4" in failed["failure"] and office.measure(number)["status"] == "approved"
    task, = wait_for(lambda: office.tasks(number), "the task")
    assert task["status"] == "open" and "evil.example" in task["title"]["en"] and "broken" in task["title"]["ja"] and task["due"]
    assert any("connectors: 0 orders are tried again, 1 were given up" in w["en"] for w in office.server.get("/api/v1/status")["warnings"])
    assert b'hyakuyo_orders{state="failed"} 1' in office.server.request("GET", "/metrics")[1]
    program(tmp_path, "exit 0\n")
    office.abe.do("POST", f"/api/v1/orders/{failed['id']}/retry", note="mended")
    assert office.order(number, "done")["key"] == failed["key"] and office.measure(number)["status"] == "active"
    office.abe.do("POST", f"/api/v1/orders/{failed['id']}/retry", 409)
    _, three = office.ask(device="proxy", target="brief.example", number=number, seconds=4)
    office.mori.do("PATCH", three, status="approved")
    office.order(number, "done")
    assert office.order(number, "done", act="undo")["request"].endswith('"--remove","brief.example"]')  # it has expired
    assert wait_for(lambda: office.measure(number)["status"] == "removed" and office.measure(number), "the end")["removed_by"] == "hyakuyo"
    verified(office.server)


def test_radius_cuts_a_computer_off_and_two_people_a_server(desk, tmp_path):
    peer = Peer("testing123", {MAC.upper(), "10.20.50.9"}, drops=1)
    connectors(tmp_path, radius(tmp_path, peer.port))
    office = desk()
    number, one = office.ask("access", SALES)
    asked = {a["name"]: a["value"] for a in json.loads(office.abe.get(one + "/preview")["rows"][0]["request"])["attributes"]}
    assert asked == {"Calling-Station-Id": MAC.upper(), "Framed-IP-Address": SALES} and peer.requests == []
    office.mori.do("POST", one + "/approve")
    order = office.order(number, "done")
    assert order["answer"] == "Disconnect-ACK" and MAC.upper() in order["request"]
    assert office.kato.get(work(number, "countermeasures"))["rows"][0]["orders"][0]["request"] == ""  # persons are not for the approver's eyes
    first, again, *_ = peer.requests  # the first was lost: the same packet once more (RFC 5176, 2.3)
    assert first == again and first[0] == DISCONNECT and (CALLING_STATION, MAC.upper().encode()) in attributes(first)
    assert office.measure(number)["status"] == "active"
    office.abe.do("PATCH", one, status="removed")
    undone = office.order(number, "done", act="undo")
    assert undone["answer"] == "CoA-ACK" and peer.requests[-1][0] == COA and (VENDOR, b"\0\0\0\x09\x01\x23subscriber:command=reauthenticate") in attributes(peer.requests[-1])

    _, server = office.ask("access", "10.20.50.9", number)
    measure = office.measure(number)
    assert measure["approvers"] == ["system_owner", "lead"] and measure["orders"] == []
    refused = office.abe.get(server + "/preview")["rows"][0]
    assert refused["request"] == "" and "{mac}" in refused["problem"]
    office.mori.do("POST", server + "/approve")
    office.mori.do("POST", server + "/approve", 403)  # nobody signs twice
    assert (office.measure(number)["status"], len(office.measure(number)["orders"])) == ("requested", 0)
    office.kato.do("POST", server + "/approve")
    measure = office.measure(number)
    assert measure["approved_by"] == "mori;kato" and [s["role"] for s in measure["signatures"]] == ["lead", "system_owner"]
    assert office.order(number, "refused")["failure"] == refused["problem"]
    assert wait_for(lambda: office.tasks(number), "the task")[0]["title"]["en"].startswith("Carry out by hand: 10.20.50.9")
    peer.stop()
    verified(office.server)


FREERADIUS = """libdir = {root}/usr/lib/freeradius
logdir = {folder}
run_dir = {folder}
max_request_time = 5
log {{
    destination = stdout
}}
security {{
    max_attributes = 200
    reject_delay = 0
}}
thread pool {{
    start_servers = 1
    max_servers = 2
    min_spare_servers = 1
    max_spare_servers = 2
}}
client loopback {{
    ipaddr = 127.0.0.1
    secret = testing123
    require_message_authenticator = yes
}}
modules {{
    always ok {{
        rcode = ok
    }}
    always reject {{
        rcode = reject
    }}
}}
server coa {{
    listen {{
        type = coa
        ipaddr = 127.0.0.1
        port = {port}
    }}
    recv-coa {{
        if (&Calling-Station-Id && &Calling-Station-Id == "{mac}") {{
            ok
        }}
        else {{
            update reply {{
                Error-Cause := Session-Context-Not-Found
            }}
            reject
        }}
    }}
}}
"""
UNPACKED = ROOT / "third_party" / "unpacked"


def freeradius():
    installed, unpacked = shutil.which("freeradius"), UNPACKED / "usr" / "sbin" / "freeradius"
    return (installed, "/") if installed else (unpacked, UNPACKED) if unpacked.exists() else None


@contextlib.contextmanager
def real_radius(folder, port):
    program, root = freeradius()
    folder.mkdir()
    (folder / "radiusd.conf").write_text(FREERADIUS.format(root=root, folder=folder, port=port, mac=MAC.upper()))
    libraries = f"{root}/usr/lib/freeradius:{root}/usr/lib/x86_64-linux-gnu"
    with open(folder / "log", "w") as log:
        process = subprocess.Popen([program, "-f", "-x", "-l", "stdout", "-d", folder, "-n", "radiusd", "-D", f"{root}/usr/share/freeradius"],
                                   stdout=log, stderr=log, env={**os.environ, "LD_LIBRARY_PATH": libraries})
    try:
        wait_for(lambda: "Ready to process requests" in (folder / "log").read_text() or process.poll() is not None, "FreeRADIUS")
        assert process.poll() is None, (folder / "log").read_text()
        yield folder / "log"
    finally:
        process.terminate()
        process.wait(30)


@pytest.mark.skipif(not freeradius(), reason="freeradius is neither installed nor unpacked (scripts/install-dependencies --test)")
def test_a_real_freeradius_takes_the_requests(desk, tmp_path):
    """Its answers carry no Message-Authenticator, so the connector has to allow that."""
    port = free_port()
    connectors(tmp_path, radius(tmp_path, port, message_authenticator="optional"), give_up=1)
    office = desk()
    with real_radius(tmp_path / "radius", port) as log:
        number, one = office.ask("access", SALES)
        office.mori.do("POST", one + "/approve")
        assert office.order(number, "done")["answer"] == "Disconnect-ACK"
        office.abe.do("PATCH", one, status="removed")
        assert office.order(number, "done", act="undo")["answer"] == "CoA-ACK"
        status, body = office.server.request("POST", "/api/v1/connectors/nac/test", "{}", {"Content-Type": "application/json"})
        assert status == 201, body
        probe = wait_for(lambda: (last := office.abe.get("/api/v1/connectors")["rows"][0]["last"])["act"] == "test" and last["status"] == "done" and last, "the probe")
        assert probe["answer"] == "Disconnect-NAK, Session-Context-Not-Found (503)"
        text = log.read_text()
    assert "Received CoA-Request" in text and "subscriber:command=reauthenticate" in text and "invalid" not in text.lower()


def test_radius_answers_that_do_not_help(desk, tmp_path):
    wait = {"nak": 30000, "forged": 500, "unsigned": 2000}  # the first is answered, however slow the machine is
    peers = {"nak": Peer("testing123", cause=403), "forged": Peer("testing124"), "unsigned": Peer("testing123", {MAC.upper()}, signs=False)}
    connectors(tmp_path, *(radius(tmp_path, peer.port, name=name, tries=1, timeout_ms=wait[name]) for name, peer in peers.items()), give_up=1)
    office = desk()
    number, one = office.ask("access", SALES)
    office.mori.do("POST", one + "/approve")

    def over():
        orders = {o["connector"]: o for o in office.measure(number)["orders"]}
        return all(o["status"] == "failed" for o in orders.values()) and orders

    orders = wait_for(over, "the ends")
    assert orders["nak"]["failure"] == "Disconnect-NAK, NAS-Identification-Mismatch (403)" and orders["nak"]["attempts"] == 1
    assert peers["forged"].forged >= 1 and peers["forged"].requests == [] and "no valid answer" in orders["forged"]["failure"]
    assert "message_authenticator: optional" in orders["unsigned"]["failure"]
    assert office.measure(number)["status"] == "approved" and len(office.tasks(number)) == 3
    for peer in peers.values():
        peer.stop()


def test_the_never_block_list_is_asked_again_right_before(desk, tmp_path):
    port = free_port()
    data = connectors(tmp_path, hook(tmp_path, port), hook(tmp_path, port, name="nac", serves=["access"]))
    (data / "never-block.yml").write_text((ROOT / "content/never-block.yml").read_text())
    office = desk()
    number, one = office.ask()
    _, host = office.ask("access", SALES, number)
    office.mori.do("POST", one + "/approve")
    office.mori.do("POST", host + "/approve")
    tried = wait_for(lambda: next((o for o in office.measure(number, -2)["orders"] if o["attempts"]), None), "an attempt in vain")
    assert tried["status"] == "waiting" and tried["failure"] and "secretpath" not in tried["failure"]
    text = (ROOT / "content/never-block.yml").read_text().replace("networks:\n", f"networks:\n  - {BAD}/32\n").replace("hosts: ", f"hosts:\n  - {SALES} #")
    (data / "never-block.yml").write_text(text)
    assert office.order(number, "refused", -2)["failure"] == "It is on the list of what is never blocked."
    assert office.order(number, "refused", -1)["failure"] == "It is on the list of what is never blocked."
    receiver = Receiver(port)
    assert len(wait_for(lambda: len(office.tasks(number)) == 2 and office.tasks(number), "the tasks")) == 2
    office.abe.do("PATCH", one, 409, status="active")
    office.abe.do("POST", work(number, "countermeasures"), 409, device="access", target=SALES, reason="c2", expires=soon(60))
    assert receiver.requests == []
    receiver.stop()
    (data / "never-block.yml").write_text("networks: [10.0.0]\n")  # misspelt: nothing is protected by it, so nothing is done
    made = office.abe.do("POST", work(number, "countermeasures"), 503, device="firewall", target="203.0.113.67", reason="c2", expires=soon(60))
    assert "never-block.yml:1:" in json.dumps(made)


def test_what_is_removed_on_its_way_is_undone_and_not_done_later(desk, tmp_path):
    """It was tried, so it may have been carried out: only its undo is sent."""
    port = free_port()
    connectors(tmp_path, hook(tmp_path, port))
    office = desk()
    number, one = office.ask()
    office.mori.do("POST", one + "/approve")
    wait_for(lambda: office.measure(number)["orders"][0]["failure"], "an attempt in vain")
    assert office.abe.do("PATCH", one, status="removed")["removed_by"] == "abe"
    office.order(number, "withdrawn")
    receiver = Receiver(port)
    undone = office.order(number, "done", act="undo")
    assert [(said["act"], said["key"]) for said in map(signed, receiver.requests)] == [("undo", undone["key"])]
    assert office.measure(number)["status"] == "removed" and office.tasks(number) == []
    receiver.stop()
    verified(office.server)


def test_a_connector_that_takes_its_time_holds_up_nobody_elses_orders(desk, tmp_path, receiver):
    """A program that does not end before it is let go, with two orders; another connector's order, given later, is carried out meanwhile, and
    the first one's own come one after the other in the order they were given."""
    gate, kept = tmp_path / "gate", tmp_path / "kept"
    path = program(tmp_path, f'echo "begin $1" >> {kept}\nwhile [ ! -e {gate} ]; do sleep 0.05; done\necho "end $1" >> {kept}\n')
    connectors(tmp_path, {"name": "slow", "kind": "command", "on": True, "serves": ["proxy"], "program": str(path), "carry_out": ["{target}"], "seconds": 300},
               hook(tmp_path, receiver.port))
    office = desk()
    number, first = office.ask(device="proxy", target="first.example")
    office.mori.do("PATCH", first, status="approved")
    wait_for(kept.exists, "the slow program")
    _, second = office.ask(device="proxy", target="second.example", number=number)
    office.mori.do("PATCH", second, status="approved")
    _, other = office.ask(number=number)
    office.mori.do("POST", other + "/approve")
    assert office.order(number, "done")["connector"] == "edge" and office.measure(number)["status"] == "active"
    held = [office.measure(number, place)["orders"][0] for place in (0, 1)]
    assert [(o["status"], o["attempts"]) for o in held] == [("waiting", 1), ("waiting", 0)] and kept.read_text() == "begin first.example\n"
    assert office.server.stop() == 0  # in the middle of it: broken off, and made again
    office.server.start()
    wait_for(lambda: kept.read_text() == 2 * "begin first.example\n", "the slow program again")
    gate.touch()
    for place in (0, 1):
        office.order(number, "done", place)
    assert kept.read_text().splitlines()[1:] == [f"{what} {which}.example" for which in ("first", "second") for what in ("begin", "end")]
    verified(office.server)


def test_a_probe_from_the_command_line(desk, tmp_path, receiver):
    connectors(tmp_path, hook(tmp_path, receiver.port), hook(tmp_path, receiver.port, name="off", on=False), give_up=1)
    office = desk()
    where = ("--data", office.server.data)
    assert {row["name"]: row["on"] for row in rows("connect", "list", *where)} == {"edge": True, "off": False}
    done = run("connect", "probe", "edge", "--wait", 60, *where)
    assert done.stdout.splitlines()[0] == "done" and signed(receiver.requests[0])["act"] == "test"
    receiver.answers["/secretpath"] = (500, {})
    failed = run("connect", "probe", "edge", "--wait", 60, *where, check=False)
    assert failed.returncode == 1 and failed.stdout == "failed\n" and "answered 500" in failed.stderr and "secretpath" not in failed.stderr
    for name, words in (("off", "off"), ("nowhere", "no such connector")):
        refused = run("connect", "probe", name, *where, check=False)
        assert refused.returncode == 1 and words in refused.stderr.lower(), refused.stderr
    assert run("connect", "probe", *where, check=False).returncode == 2
    assert run("connect", "list", "--data", tmp_path / "nothing", check=False).returncode == 2


def test_a_probe_for_administrators(desk, tmp_path, receiver):
    peer = Peer("testing123")
    connectors(tmp_path, hook(tmp_path, receiver.port), radius(tmp_path, peer.port), hook(tmp_path, receiver.port, name="off", on=False),
               {"name": "script", "kind": "command", "on": True, "serves": [], "program": "/bin/true", "carry_out": []})
    office = desk()

    def test(name, wanted=201):
        status, body = office.server.request("POST", f"/api/v1/connectors/{name}/test", "{}", {"Content-Type": "application/json"})
        assert status == wanted, body
        return json.loads(body)

    def last(name):
        return next(row["last"] for row in office.abe.get("/api/v1/connectors")["rows"] if row["name"] == name)

    office.abe.do("POST", "/api/v1/connectors/edge/test", 403)
    test("off", 409)
    test("nowhere", 404)
    for name in ("edge", "nac", "script"):
        assert test(name)["act"] == "test"
        wait_for(lambda name=name: last(name)["status"] == "done", name)
    assert signed(receiver.requests[0]) == {"key": last("edge")["key"], "act": "test"} and len(receiver.requests) == 1
    assert last("nac")["answer"] == "Disconnect-NAK, Session-Context-Not-Found (503)"
    assert [k for k, _ in attributes(peer.requests[0])] == [80, SESSION, 55] and last("script")["answer"]
    peer.stop()
    receiver.answers["/secretpath"] = (500, {})
    test("edge")
    assert wait_for(lambda: last("edge")["status"] == "failed" and last("edge"), "failed")["failure"] == f"http://127.0.0.1:{receiver.port} answered 500"


def test_ten_kills_between_approval_and_answer(desk, tmp_path):
    """The receiver takes the request and never answers before the kill: at least once, and always under the same key."""
    port = free_port()
    connectors(tmp_path, hook(tmp_path, port))
    office = desk()
    number, one = office.ask()
    receiver = SlowReceiver(port)
    office.mori.do("POST", one + "/approve")
    for kill in range(10):
        if kill % 2:
            wait_for(lambda kill=kill: len(receiver.requests) > kill // 2, "a request")
        office.server.kill()
        office.server.start()
    receiver.hold.set()
    order = office.order(number, "done")
    said = [signed(request) for request in receiver.requests]
    assert len(said) >= 5 and {s["key"] for s in said} == {order["key"]} and all(s == said[0] for s in said)
    assert office.measure(number)["status"] == "active" and len(office.measure(number)["orders"]) == 1
    receiver.stop()
    verified(office.server)


def test_a_computer_verified_to_be_cut_off_lowers_the_urgency(desk, tmp_path, receiver):
    """Spec 4.1: −1 when the host is verified isolated; it is back when the isolation ends, also across a restart."""
    connectors(tmp_path, hook(tmp_path, receiver.port, serves=["access"]))
    office = desk()
    number, one = office.ask("access", SALES)
    office.mori.do("POST", one + "/approve")
    office.order(number, "done")
    before = office.server.get(work(number))

    def again():
        """Something more of that computer, so that its incident is judged anew."""
        office.incident(SALES)
        return office.server.get(work(number))

    assert again()["urgency"] == before["urgency"]  # active is not verified yet
    assert office.abe.do("PATCH", one, status="verified")["verified"]
    wait_for(lambda: again()["urgency"] == before["urgency"] - 1, "a lower urgency")
    office.server.stop()
    office.server.start()
    assert again()["urgency"] == before["urgency"] - 1
    office.abe.do("PATCH", one, status="removed")
    wait_for(lambda: again()["urgency"] == before["urgency"], "the urgency from before")


@pytest.mark.skipif(chromium() is None, reason="chromium is not installed (apt-get install chromium)")
@pytest.mark.skipif(not (ROOT / "web" / "dist" / "index.html").exists(), reason="the console is not built (make)")
def test_people_see_what_is_sent_and_what_comes_back(server, tmp_path, receiver):
    connectors(tmp_path, hook(tmp_path, receiver.port), radius(tmp_path, 9, on=False))
    office = Desk(server("--seal-after-ms", 300, "--web", ROOT / "web" / "dist"), tmp_path)
    number, _ = office.ask()
    done = subprocess.run([WITH_NODE, "node", str(ROOT / "tests" / "console" / "connect.mjs")], capture_output=True, text=True, timeout=300, env={
        **os.environ, "BASE_URL": f"http://127.0.0.1:{office.server.http_port}", "INCIDENT": str(number), "PASSWORD": "correct horse battery",
        "SCREENSHOT_DIR": os.environ.get("SCREENSHOT_DIR", ""), "CHROMIUM": chromium()})
    assert done.returncode == 0, done.stdout + done.stderr
    assert [signed(request)["act"] for request in receiver.requests] == ["carry_out"]
