"""TAXII 2.1 against a small server written after the specification: discovery, API root, collections, pages, added_after, log-in, media type."""
import base64
import http.server
import json
import threading
import urllib.parse

import pytest

from conftest import rows, run

MEDIA = "application/taxii+json;version=2.1"
READABLE, HIDDEN = "91a7b528-80eb-42ed-a74d-c6fbd5a26116", "52892447-4d7e-4f70-b94d-d7f22742ff63"


def indicator(n, value, **more):
    return {"type": "indicator", "spec_version": "2.1", "id": f"indicator--00000000-0000-4000-8000-{n:012}", "created": "2025-11-10T00:00:00Z",
            "modified": "2025-11-10T00:00:00Z", "name": f"n{n}", "pattern": f"[ipv4-addr:value = '{value}']", "pattern_type": "stix",
            "valid_from": "2025-01-01T00:00:00Z"} | more


class Taxii:
    """The collection's objects with the time at which each was added."""

    def __init__(self):
        self.objects, self.requests, self.page = [], [], 3
        self.answers = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, time, *objects):
        self.objects += [(time, o) for o in objects]

    def answer(self, request):
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        self.requests.append((url.path, query))
        if request.headers.get("Authorization") != "Basic " + base64.b64encode(b"reader:secret").decode():
            return self.send(request, 401, {"title": "log in"})
        if request.headers.get("Accept") != MEDIA:
            return self.send(request, 406, {"title": "media type"})
        collections = [{"id": READABLE, "title": "Shared indicators", "can_read": True, "can_write": False, "media_types": []},
                       {"id": HIDDEN, "title": "Write only", "can_read": False, "can_write": True}]
        documents = {"/taxii2/": {"title": "t", "api_roots": ["/api1/"]}, "/api1/": {"title": "root", "versions": [MEDIA], "max_content_length": 1 << 20},
                     "/api1/collections/": {"collections": collections}, f"/api1/collections/{READABLE}/": collections[0]}
        if url.path in self.answers:
            return self.send(request, *self.answers[url.path])
        if url.path in documents:
            return self.send(request, 200, documents[url.path])
        if url.path != f"/api1/collections/{READABLE}/objects/":
            return self.send(request, 404, {"title": "not found"})
        found = [(t, o) for t, o in self.objects if t > query.get("added_after", "")]
        start = int(query.get("next", 0))
        size = min(self.page, int(query.get("limit", 100)))
        part = found[start:start + size]
        envelope = {"objects": [o for _, o in part]} if part else {}
        if start + size < len(found):
            envelope = {"more": True, "next": str(start + size)} | envelope
        headers = {"X-TAXII-Date-Added-First": part[0][0], "X-TAXII-Date-Added-Last": part[-1][0]} if part else {}
        return self.send(request, 200, envelope, headers)

    @staticmethod
    def send(request, status, body, headers=None):
        data = json.dumps(body).encode()
        request.send_response(status)
        for name, value in ({"Content-Type": MEDIA, "Content-Length": str(len(data))} | (headers or {})).items():
            request.send_header(name, value)
        request.end_headers()
        request.wfile.write(data)


@pytest.fixture
def taxii():
    server = Taxii()
    yield server
    server.server.shutdown()


def fetch(taxii, data, path="/taxii2/", check=True, password="secret", *more):
    return run("intel", "fetch", "--data", data, taxii.url + path, "--user", "reader", *more, env={"HYAKUYO_TAXII_PASSWORD": password}, check=check)


def values(data, n):
    return [i for i in range(n) if run("intel", "show", "--data", data, f"198.51.100.{i}", check=False).returncode == 0]


@pytest.mark.parametrize("path", ["/taxii2/", "/api1/", "/api1/collections", f"/api1/collections/{READABLE}/", f"/api1/collections/{READABLE}/objects/"])
def test_every_address_leads_to_the_objects(taxii, tmp_path, path):
    taxii.add("2025-11-10T00:00:00.000000Z", *[indicator(i, f"198.51.100.{i}") for i in range(8)], {"type": "identity", "id": "identity--1"})
    fetch(taxii, tmp_path / "var", path)
    source, = rows("intel", "list", "--data", tmp_path / "var")
    assert (source["kept"], source["format"]) == (8, "stix")
    pages = [q for p, q in taxii.requests if p.endswith("/objects/")]
    assert [q.get("next") for q in pages] == [None, "3", "6"]
    assert not any(HIDDEN in p for p, _ in taxii.requests)


def test_only_what_is_new_is_asked_for(taxii, tmp_path):
    """added_after is the server's own time of the last object; new ones are added, revoked ones go, later versions win."""
    data = tmp_path / "var"
    taxii.add("2025-11-10T00:00:00.000000Z", *[indicator(i, f"198.51.100.{i}") for i in range(4)])
    fetch(taxii, data)
    assert values(data, 8) == [0, 1, 2, 3]
    taxii.requests.clear()
    taxii.add("2025-11-11T00:00:00.000000Z", indicator(4, "198.51.100.4"), indicator(1, "198.51.100.1", revoked=True),
              indicator(2, "198.51.100.2", valid_until="2025-01-02T00:00:00Z"), indicator(3, "198.51.100.3", confidence=7))
    assert "3 kept" in fetch(taxii, data).stdout
    assert all(q["added_after"] == "2025-11-10T00:00:00.000000Z" for p, q in taxii.requests if p.endswith("/objects/"))
    assert values(data, 8) == [0, 3, 4]
    assert rows("intel", "show", "--data", data, "198.51.100.3")[0]["confidence"] == 7
    taxii.requests.clear()
    fetch(taxii, data)
    assert [q["added_after"] for p, q in taxii.requests if p.endswith("/objects/")] == ["2025-11-11T00:00:00.000000Z"]
    assert values(data, 8) == [0, 3, 4]


def test_failures_are_sentences_and_change_nothing(taxii, tmp_path):
    data = tmp_path / "var"
    taxii.add("2025-11-10T00:00:00.000000Z", indicator(0, "198.51.100.0"))
    fetch(taxii, data)
    refused = fetch(taxii, data, check=False, password="wrong")
    assert refused.returncode == 1 and "log-in" in refused.stderr
    objects = f"/api1/collections/{READABLE}/objects/"
    for answer in [(500, {}), (200, {"more": True, "objects": []}), (200, {"more": True, "next": "1", "objects": []})]:
        taxii.answers[objects] = answer
        failed = fetch(taxii, data, check=False)
        assert failed.returncode == 1 and taxii.url in failed.stderr
        assert values(data, 2) == [0]
    taxii.answers = {"/taxii2/": (200, {"hello": 1})}
    assert "no TAXII" in fetch(taxii, data, check=False).stderr
    assert fetch(taxii, data, "/nowhere/", check=False).returncode == 1
    taxii.server.shutdown()
    taxii.server.server_close()
    assert "cannot be reached" in fetch(taxii, data, check=False).stderr
