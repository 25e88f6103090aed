"""Instruments in the running program: what they have gathered outlives stops and kills (S93; law 4)."""
import json

import pytest

from conftest import Server, run

LINE = ('<189>date=2025-11-10 time=09:{minute:02}:{second:02} devname="FW-EDGE" devid="FGT60F0000000001" type="traffic" subtype="forward" '
        'srcip=10.20.30.31 srcport=49712 dstip=192.0.2.{last} dstport=8291 proto=6 action="deny" policyid=12 sentbyte=0 rcvdbyte=0 tz="+0900"')


def lines(first, last):
    return [LINE.format(minute=n // 60, second=n % 60, last=n) for n in range(first, last + 1)]


def findings_of(server, rule_id):
    rows = server.query(f"hyakuyo.finding.rule_id:{rule_id}")
    return [row["destination"]["ip"] for row in rows]


@pytest.mark.parametrize("ends", ["kill", "stop"])
def test_a_sweep_over_restarts(tmp_path, ends):
    """25 destinations within five minutes, cut into five runs of the program: suspected at the 4th, a sweep at the 25th."""
    sent = 0
    for part in range(5):
        s = Server(tmp_path).start()
        body = "\n".join(lines(sent + 1, sent + 5)) + "\n"
        assert s.post_records("fw", body)[0] == 200
        sent += 5
        s.wait_count(sent)
        if part == 4:
            assert findings_of(s, "scan_suspected") == ["192.0.2.4"]
            assert findings_of(s, "scan_horizontal") == ["192.0.2.25"]
            [incident] = s.get("/api/v1/incidents")["rows"]
            assert "10.20.30.31" in json.dumps(incident)
            shown = {f["rule_id"]: f for f in s.get("/api/v1/findings")["rows"]}
            assert shown["scan_horizontal"]["rule"] == {"en": "One port tried on many hosts", "ja": "多数の宛先への同一ポート走査"}
            told = {i["name"]: i for i in s.get("/api/v1/instruments")["instruments"]}["scan"]
            assert told["seen"] >= 5 and told["entries"] > 25 and told["dropped"] == 0 and len(told["findings"]) == 5
        s.kill() if ends == "kill" else s.stop()


def test_replay_finds_the_same(tmp_path):
    log = tmp_path / "fw.log"
    log.write_text("\n".join(lines(1, 30)) + "\n")
    rows = [json.loads(row) for row in run("replay", log).stdout.splitlines()]
    told = [(row["rule_id"], row["peer"]) for row in rows if row.get("instrument") == "scan"]
    assert told == [("scan_suspected", "192.0.2.4"), ("scan_horizontal", "192.0.2.25")]


def test_state_that_is_damaged_is_learned_anew(tmp_path):
    s = Server(tmp_path).start()
    assert s.post_records("fw", "\n".join(lines(1, 24)) + "\n")[0] == 200
    s.wait_count(24)
    s.stop()
    state = tmp_path / "var" / "instruments.state"
    whole = state.read_bytes()
    state.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    s = Server(tmp_path).start()
    assert s.post_records("fw", "\n".join(lines(25, 25)) + "\n")[0] == 200
    s.wait_count(25)
    assert findings_of(s, "scan_horizontal") == ["192.0.2.25"]
    s.stop()
