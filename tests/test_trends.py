"""The everyday trends (S59, of S42 to S44, S52, S56 to S58, S63): the real program counts, is killed and started again, and every figure is held
against the events themselves."""
import datetime
import sqlite3
import time
import urllib.parse

import pytest
from conftest import run
from test_console_http import conforms

UTC = datetime.timezone.utc
PROXY = ('{{"@timestamp":"{t:%Y-%m-%dT%H:%M:%SZ}","event":{{"category":["web"]}},"url":{{"domain":"{domain}"}},"source":{{"ip":"10.20.30.31"}}}}')
FIREWALL = ('date={t:%Y-%m-%d} time={t:%H:%M:%S} devname="FW-EDGE" type="traffic" subtype="forward" srcip={src} srcport=49712 '
            'dstip={dst} dstport={port} proto={proto} action="{action}" sentbyte=2311 rcvdbyte=5120 tz="+0000"')


def flow(at, port=445, action="deny", src="10.20.30.31", dst="10.20.40.9", proto=6):
    return FIREWALL.format(t=at, port=port, action=action, src=src, dst=dst, proto=proto)


def iso(at):
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def ask(s, path, **parameters):
    """An answer, held to its description."""
    if not hasattr(s, "openapi"):
        s.openapi = s.get("/api/v1/openapi.json")
    document = s.openapi
    answer = s.get(path + "?" + urllib.parse.urlencode(parameters))
    described = path if path in document["paths"] else "/api/v1/trends/{name}" + ("/series" if path.endswith("/series") else "")
    conforms(document, document["paths"][described]["get"]["responses"]["200"]["content"]["application/json"]["schema"], answer, path)
    return answer


def events(s, query, since, until):
    q = urllib.parse.urlencode({"q": f"{query} | count", "from": iso(since), "to": iso(until)})
    rows = s.get("/api/v1/search?" + q)["rows"]
    return rows[0]["count"] if rows else 0


def wait_counted(s, since, until, timeout=60):
    """Until every dimension holds what the events hold; they are kept when a part is sealed, which takes seconds."""
    deadline = time.monotonic() + timeout
    while True:
        tops = {d["name"]: ask(s, f"/api/v1/trends/{d['name']}", **{"from": iso(since), "to": iso(until), "limit": 10000}) for d in ask(s, "/api/v1/trends")["dimensions"]}
        raw = {name: events(s, top["query"], since, until) for name, top in tops.items()}
        counted = {name: top["total"] for name, top in tops.items()}
        if raw == counted:
            return tops
        assert time.monotonic() < deadline, (raw, counted)
        time.sleep(0.3)


def holds_against_events(s, tops, since, until):
    """S56–S59: the sum over any dimension is the raw count, and so is every cell."""
    for name, top in tops.items():
        assert sum(row["count"] for row in top["rows"]) + top["other"] == top["total"], name
        for row in top["rows"]:
            assert events(s, row["query"], since, until) == row["count"], (name, row)


@pytest.fixture
def assets(tmp_path):
    folder = tmp_path / "assets"
    folder.mkdir()
    (folder / "networks.csv").write_text("cidr,department,zone\n10.20.30.0/24,,clients\n10.20.40.0/24,,servers\n")
    run("asset", "import", folder, "--data", tmp_path / "var")


def test_every_cell_is_the_raw_count_through_a_crash(server, assets):
    now = datetime.datetime.now(UTC).replace(microsecond=0)
    since, until = now - datetime.timedelta(days=12), now + datetime.timedelta(minutes=10)
    at = [now - datetime.timedelta(hours=h) for h in (1, 2, 27, 50, 250)]
    first = [flow(t, port) for t in at for port in (445, 445, 139, 1433)] + [flow(t, 443, "accept", dst="198.51.100.7") for t in at] + [flow(at[0], 53, "accept", proto=17)]
    s = server()
    s.send_tcp(*first)
    s.wait_count(len(first))
    assert s.post_records("proxy", "\n".join(PROXY.format(t=t, domain=d) for t in at for d in ("www.a.co.jp", "b.a.co.jp", "198.51.100.80")))[0] in (200, 202)
    s.wait_count(len(first) + 15)
    holds_against_events(s, wait_counted(s, since, until), since, until)

    # What comes just before a kill is counted once, whether it had been kept or comes again from the journal; late events too.
    for turn in range(3):
        stored = s.count()
        s.send_tcp(*[flow(now - datetime.timedelta(hours=3 + 40 * turn, seconds=i), 3389) for i in range(40)])
        if turn: # what the program had not read yet of the first is lost with the connection
            s.wait_count(stored + 40)
        s.kill()
        s.start()
    s.wait_count(stored + 40)
    tops = wait_counted(s, since, until)
    holds_against_events(s, tops, since, until)
    denied = {row["key"]: row["count"] for row in tops["denied"]["rows"]}
    assert denied["servers|445|tcp|internal"] == 10 and denied["servers|1433|tcp|internal"] == 5
    # S63: registered domains; a bare address is kept as itself
    assert {row["key"]: row["count"] for row in tops["web"]["rows"]} == {"a.co.jp": 10, "198.51.100.80": 5}
    # S58: the pair of networks
    assert {row["key"] for row in tops["networks"]["rows"]} == {"clients|servers", "clients|"}

    # The three scales of one key agree with each other and with the events.
    for scale in ("5m", "1h", "1d"):
        series = ask(s, "/api/v1/trends/denied/series", **{"from": iso(since), "to": iso(until), "scale": scale, "key": "servers|445|tcp|internal"})
        assert sum(b["count"] for b in series["bins"]) == 10, scale
    fine = next(b for b in series["bins"] if b["count"])
    begins = datetime.datetime.fromisoformat(fine["time"].replace("Z", "+00:00"))
    assert events(s, series["query"], begins, begins + datetime.timedelta(days=1)) == fine["count"]
    assert s.stop() == 0
    with sqlite3.connect(f"file:{s.data}/state.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM rollup WHERE dimension = 'denied' AND key = 'servers|445|tcp|internal'").fetchone()[0] >= 4


def test_the_band_and_what_is_too_old(server):
    """A key that comes every hour has a band after a week, and thirty at once lie outside of it."""
    now = datetime.datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - datetime.timedelta(hours=1)
    s = server()
    hours = 24 * 16
    lines = [flow(now - datetime.timedelta(hours=h, seconds=i), 445) for h in range(hours, 0, -1) for i in range(3)]
    lines += [flow(now - datetime.timedelta(seconds=i), 445) for i in range(30)] + [flow(now - datetime.timedelta(days=500), 445)]
    s.send_tcp(*lines)
    s.wait_count(len(lines))
    since, until = now - datetime.timedelta(days=17), now + datetime.timedelta(minutes=30)
    tops = wait_counted(s, since, until)
    assert tops["ports_denied"]["total"] == len(lines) - 1 and ask(s, "/api/v1/trends")["out_of_range"] >= 1
    bins = ask(s, "/api/v1/trends/ports_denied/series", **{"from": iso(now - datetime.timedelta(days=2)), "to": iso(until), "scale": "1h", "key": "445|tcp"})["bins"]
    peak = max(bins, key=lambda b: b["count"])
    assert peak["count"] == 30 and peak["expected"] == pytest.approx(3, abs=0.5) and peak["high"] < 10
    quiet = [b for b in bins if b["count"] == 3]
    assert len(quiet) >= 40 and all(b["low"] <= 3 <= b["high"] for b in quiet)
    for start, wrong in (("now-400d", "scale=5m"), ("now+1d", "scale=1h")):
        status, _ = s.request("GET", f"/api/v1/trends/ports_denied/series?from={urllib.parse.quote(start)}&to=now&{wrong}")
        assert status == 400
    year = ask(s, "/api/v1/trends/ports_denied/series", **{"from": "now-400d", "to": "now", "scale": "1h"})
    assert sum(b["count"] for b in year["bins"]) >= len(lines) - 31
    assert s.request("GET", "/api/v1/trends/nonsense?from=now-1d&to=now")[0] == 404
