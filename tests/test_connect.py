"""Countermeasures carried out by connectors (S110, S161-S165): a web hook, a program, RADIUS dynamic authorisation; real peers on loopback."""
import hashlib
import hmac
import json
import sqlite3
import time

import pytest
from conftest import ROOT, free_port, run
from radius_peer import CALLING_STATION, COA, DISCONNECT, FRAMED_IP, SESSION, VENDOR, Peer, attributes
from test_console_http import WORK, conforms
from test_notify import Receiver, secret, verified, wait_for
from test_workflow import SALES, Office, soon, work

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


class Desk(Office):
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
    preview = conforms(office.abe.get(one + "/preview"), WORK, "/api/v1/countermeasures/{id}/preview")["rows"]
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
    conforms(office.abe.get(work(number, "countermeasures")), WORK, "/api/v1/incidents/{id}/countermeasures")
    assert office.abe.do("PATCH", one, status="verified")["verified"]  # the absence of traffic, as ever
    office.abe.do("PATCH", one, status="removed")
    undone = office.order(number, "done", act="undo")
    assert signed(receiver.requests[1]) == said | {"act": "undo", "key": undone["key"]} and undone["key"] != order["key"]
    rows = conforms(office.abe.get("/api/v1/connectors"), WORK, "/api/v1/connectors")["rows"]
    assert [(row["name"], row["kind"], row["on"], row["last"] and row["last"]["status"]) for row in rows] == [("edge", "webhook", True, "done"), ("off", "webhook", False, None)]
    everything = json.dumps(rows) + json.dumps(office.server.get("/api/v1/record?limit=200")) + office.server.log.read_text()
    assert "secretpath" not in everything and KEY not in everything
    verified(office.server)


def test_without_connectors_nothing_leaves(desk, receiver):
    office = desk()
    number, one = office.ask()
    assert office.abe.get(one + "/preview")["rows"] == [] and office.abe.get("/api/v1/connectors")["rows"] == []
    office.mori.do("PATCH", one, status="approved")
    assert office.measure(number)["orders"] == []
    assert office.abe.do("PATCH", one, status="active")["activated_by"] == "abe"  # by hand, as before
    office.people["root"] = None
    status, _ = office.server.request("POST", "/api/v1/connectors/edge/test", "{}", {"Content-Type": "application/json"})
    assert status == 404 and receiver.requests == []
