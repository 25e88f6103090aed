"""Times without a year (RFC 3164): in what arrives they are of the year that lies nearest to the receipt, in files at rest of the one nearest to when the file was last written."""
import datetime
import json
import os

import pytest
from conftest import Server, run

UTC = datetime.timezone.utc
LINE = "<38>{t:%b} {t.day:2d} {t:%H:%M:%S} web01 sshd[{n}]: Failed password for root from 198.51.100.7 port 40022 ssh2"


def line(at, n):
    return LINE.format(t=at, n=n)


def winter(tmp_path):
    """An archive of two winters ago: New Year lies in the middle, and it has rested since the 20th of January."""
    year = datetime.datetime.now(UTC).year - 1
    times = [datetime.datetime(year - 1, 12, 30, 23, 0, tzinfo=UTC), datetime.datetime(year - 1, 12, 31, 23, 59, 58, tzinfo=UTC), datetime.datetime(year, 1, 1, 0, 0, 3, tzinfo=UTC),
             datetime.datetime(year, 1, 19, 12, 0, tzinfo=UTC)]
    path = tmp_path / "winter.log"
    path.write_text("".join(line(at, n) + "\n" for n, at in enumerate(times)))
    rested = datetime.datetime(year, 1, 20, tzinfo=UTC).timestamp()
    os.utime(path, (rested, rested))
    return path, times


def stamp(at):
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def test_an_archive_that_is_followed_keeps_its_years_through_a_kill(tmp_path):
    path, times = winter(tmp_path)
    s = Server(tmp_path, "--tail", str(path), env={"TZ": "UTC"}).start()
    try:
        s.wait_count(len(times), "sshd")
        s.kill()  # the journal brings the records again, and what they rested is in it
        s.start()
        s.wait_count(len(times), "sshd")
        q = "/api/v1/search?from=2000-01-01T00:00:00Z&to=now&q=sshd"
        assert sorted(row["@timestamp"][:19] for row in s.get(q)["rows"]) == [stamp(at) for at in times]
        # what arrives now is of now, over New Year too: at most a week ahead of the receipt, else of the year before
        now = datetime.datetime.now(UTC)
        s.send_tcp(line(now - datetime.timedelta(days=40), 77), line(now - datetime.timedelta(days=330), 78))
        s.wait_count(len(times) + 2, "sshd")
        seen = {row["@timestamp"][:10] for row in s.get(q)["rows"]}
        assert {stamp(now - datetime.timedelta(days=days))[:10] for days in (40, 330)} <= seen
    finally:
        s.stop()


def test_a_file_that_still_grows_is_of_now(tmp_path):
    path = tmp_path / "grows.log"
    now = datetime.datetime.now(UTC)
    path.write_text(line(now, 1) + "\n")
    s = Server(tmp_path, "--tail", str(path), env={"TZ": "UTC"}).start()
    try:
        s.wait_count(1, "sshd")
        with open(path, "a") as f:
            f.write(line(datetime.datetime.now(UTC), 2) + "\n")
        s.wait_count(2, "sshd")
        assert {row["@timestamp"][:4] for row in s.get("/api/v1/search?from=now-1d&to=now%2B1d&q=sshd")["rows"]} == {str(now.year)}
    finally:
        s.stop()


PACKET = "{t:%b} {t.day:2d} {t:%H:%M:%S} fw01 kernel: IN=eth1 OUT=eth0 SRC=10.20.30.{n} DST=198.51.100.23 LEN=60 TTL=63 ID=1 PROTO=TCP SPT=40000 DPT=6667 WINDOW=64240 SYN"


@pytest.mark.parametrize("command", ["parse", "replay", "scan"])
def test_commands_read_files_at_rest_the_same(tmp_path, command):
    path, times = winter(tmp_path)
    path.write_text("".join(PACKET.format(t=at, n=30 + n) + "\n" for n, at in enumerate(times)))
    os.utime(path, (times[-1].timestamp() + 43200,) * 2)
    options = ["--format", "ndjson"] if command == "scan" else []
    done = run(command, *options, path, env={"TZ": "UTC"}, check=False)
    found = [json.loads(row) for row in done.stdout.splitlines()]
    at = [row["@timestamp"] for row in found] if command == "parse" else [row["time"] for row in found if row.get("rule") == "Outbound connection to an IRC port"]
    assert sorted(t[:19] for t in at) == [stamp(t) for t in times]
