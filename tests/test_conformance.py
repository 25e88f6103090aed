"""What the console's own test server cannot answer (threat intelligence, proof, exceptions, previews) answers in the real binary as
openapi.json describes it. Together with test_console_http.py every GET of the API is held to its description."""
import json
import time
import urllib.parse

from conftest import run
from test_console_http import OPTIONAL, conforms
from test_preview import post


def test_the_real_servers_answers_conform_to_openapi(server, tmp_path):
    feed = tmp_path / "feed.txt"
    feed.write_text("198.51.100.23\nevil.example\n")
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "hosts.csv").write_text("ip,hostname,department\n10.20.30.31,PC-1,Sales\n")
    run("asset", "import", tmp_path / "assets", "--data", tmp_path / "var")
    s = server()
    # a host with an agent, so that the fleet has rows
    s.post_records("av", '{"TimeCreated":"2025-11-10T00:25:40.000Z","Channel":"Microsoft-Windows-Windows Defender/Operational","EventID":1151,"Computer":"PC-1","RTP state":"Enabled","Engine version":"1.1.2"}\n')
    run("intel", "import", feed, "--data", s.data)
    run("canary", "run", "--data", s.data, "--format", "ndjson", check=False)
    rule = s.get("/api/v1/rules")["rows"][0]["id"]
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 86400))
    status, answer = post(s, "/api/v1/exceptions", rule_id=rule, condition="source.ip:10.20.30.31", owner="hanako", reason="test", expires=later)
    assert status == 201, answer
    status, job = post(s, "/api/v1/rules/preview", text=s.get("/api/v1/rules/text?id=" + urllib.parse.quote(rule))["text"])
    assert status == 202, job
    asked = {"/api/v1/fleet/hosts": "?question=agents", "/api/v1/risk/entities": "?kind=host", "/api/v1/risk/exposure": "?by=department",
             "/api/v1/indicators/lookup": "?value=evil.example", "/api/v1/rules/text": "?id=" + urllib.parse.quote(rule),
             "/api/v1/trends/{name}": "?from=now-1d&to=now", "/api/v1/trends/{name}/series": "?from=now-1d&to=now&scale=1h"}
    status, made = post(s, "/api/v1/reports/daily", language="ja")
    assert status == 201, made
    names = {"/api/v1/instruments/{name}/list": "destination", "/api/v1/trends/{name}": "denied", "/api/v1/trends/{name}/series": "denied"}
    document = s.get("/api/v1/openapi.json")
    for path in sorted(OPTIONAL):
        status, body = s.request("GET", path.replace("{id}", str(job["id"])).replace("{report}", str(made["id"])).replace("{name}", names.get(path, "pc-1")) + asked.get(path, ""))
        assert status == 200, (path, body)
        content = document["paths"][path]["get"]["responses"]["200"]["content"]
        if "application/json" in content:
            conforms(document, content["application/json"]["schema"], json.loads(body), path)
        else:
            assert path == "/api/v1/reports/{report}" and body.startswith(b"%PDF") and "application/pdf" in content
