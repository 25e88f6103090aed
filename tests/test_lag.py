"""How late sources are (S4): a delayed feed shows its lag within a minute, and is an alarm when it lasts."""
import datetime
import time

from test_trends import flow

UTC = datetime.timezone.utc


def send(s, seconds, count=40):
    """Like a syslog sender whose events arrive that much late."""
    now = datetime.datetime.now(UTC)
    s.send_tcp(*[flow(now - datetime.timedelta(seconds=seconds + i * 0.01), 443, "accept", dst="198.51.100.7") for i in range(count)])


def lag(s, wanted, timeout=60):
    """The figure of the only sender from outside, once it fulfils what is wanted."""
    deadline = time.monotonic() + timeout
    while True:
        status = s.get("/api/v1/status")
        found = [row for row in status["lags"] if row["name"] != "hyakuyo"]
        if found and wanted(found[0]):
            return found[0], status
        assert time.monotonic() < deadline, status
        time.sleep(0.2)


def test_a_delayed_feed_is_seen_within_a_minute_and_becomes_an_alarm(server):
    s = server("--lag-minutes", 0)
    send(s, 0)
    row, status = lag(s, lambda row: row["events"] >= 40)
    assert row["p95_seconds"] < 5 and row["late_since"] is None and not any("late" in w["en"] for w in status["warnings"])
    began = time.monotonic()
    send(s, 3 * 86400)  # history that somebody brings in is no lag
    send(s, 300, 2000)
    row, status = lag(s, lambda row: row["late_since"] is not None)
    assert time.monotonic() - began < 60
    assert 300 <= row["p95_seconds"] <= 300 * 1.2 + 10
    assert any("late" in w["en"] and "遅れて" in w["ja"] for w in status["warnings"])
    s.wait_count(1, "hyakuyo.finding.rule:\"A source is late\"")
    found = s.get("/api/v1/search?q=event.action:feed-late&from=now-1h&to=now%2B1h")["rows"]
    assert len(found) == 1, "told once while it lasts"
    assert "is late" in s.log.read_text()


def test_patience_comes_before_the_alarm(server):
    s = server("--lag-minutes", 60, "--lag-seconds", 100)
    send(s, 300, 200)
    row, _ = lag(s, lambda row: row["late_since"] is not None)
    assert row["p95_seconds"] >= 300
    assert s.count("event.action:feed-late") == 0
