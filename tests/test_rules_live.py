"""Rules in the running program: compiled sets kept for the next start, and what a rule costs."""
import json
import re
import stat
import subprocess

import pytest

from conftest import BINARY, ROOT, Server, run
from test_refusals import WHOLE

LINE = ('<189>date=2025-11-10 time=09:13:09 devname="FW-EDGE" devid="FGT60F0000000001" type="traffic" subtype="forward" srcip=10.20.30.31 '
        'srcport=49712 dstip=198.51.100.23 dstport=6667 proto=6 action="accept" policyid=12 sentbyte=2311 rcvdbyte=5120 tz="+0900"')


@pytest.fixture
def rules(tmp_path):
    """As many rules as it takes to be kept, one of them refused, and a filter."""
    folder = tmp_path / "rules"
    folder.mkdir()
    for i in range(400):
        (folder / f"rule_{i}.yml").write_text(
            f"title: Rule {i}\nid: generated-{i}\ndescription: {'x' * 700}\nlogsource: {{category: firewall}}\n"
            f"detection:\n  s: {{dst_port: {i + 1}, src_ip|cidr: 10.0.0.0/8}}\n  condition: s\n")
    (folder / "wrong.yml").write_text(WHOLE.replace("dst_port", "dst_port|nonsense"))
    (folder / "filter.yml").write_text("title: f\nlogsource: {category: firewall}\nfilter:\n  rules: [generated-7]\n"
                                       "  s: {src_ip: 10.1.1.1}\n  condition: not s\n")
    return folder


def cache_files(folder):
    return sorted(folder.glob("rules-*.cache"))


def known(server):
    """What the console says about the rules, without what changes while they run."""
    listed = server.get("/api/v1/rules")
    return {**listed, "rows": [{k: v for k, v in row.items() if not k.startswith(("cost", "fired", "last_fired", "is_dear"))}
                               for row in listed["rows"]]}


def test_the_second_start_reads_the_compiled_rules(tmp_path, rules):
    s = Server(tmp_path, "--rules", rules).start()
    cold = known(s)
    assert s.stop() == 0
    [file] = cache_files(s.data / "cache")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    before = file.stat().st_mtime_ns
    s.start()
    assert known(s) == cold and cold["loaded"] > 400 and any("nonsense" in r["reason"] for r in cold["refusals"])
    assert s.post_records("fw", LINE.replace("dstport=6667", "dstport=77"))[0] == 200
    s.wait_count(1, "hyakuyo.finding.rule_id:generated-76")
    assert s.stop() == 0
    assert file.stat().st_mtime_ns == before, "a file that fits is not written again"


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied", "other"])
def test_a_damaged_file_is_named_and_replaced(tmp_path, rules, damage):
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    cold = run("check", "--rules", rules, env=cache, check=False)
    [file] = cache_files(tmp_path / "cache/hyakuyo")
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes({"cut": whole[:middle], "flipped": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:],
                      "emptied": b"", "other": b"PK\3\4 something else\n" * 1000}[damage])
    again = run("check", "--rules", rules, env=cache, check=False)
    assert again.stdout == cold.stdout and again.returncode == cold.returncode
    assert again.stderr.count(str(file)) == 1, again.stderr
    assert len(file.read_bytes()) == len(whole)
    assert str(file) not in run("check", "--rules", rules, env=cache, check=False).stderr


def test_the_same_findings_from_the_cache(tmp_path, rules):
    log = tmp_path / "fw.log"
    log.write_text("".join(LINE.replace("dstport=6667", f"dstport={port}") + "\n" for port in range(1, 500)))
    cache = {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    found = [run("scan", "--rules", rules, log, env=cache, check=False).stdout for _ in range(2)]
    assert found[0] == found[1] and found[0].count("generated-") >= 400
    assert len(cache_files(tmp_path / "cache/hyakuyo")) == 1


def test_an_exception_by_filter(tmp_path, rules):
    log = tmp_path / "fw.log"
    line = LINE.replace("dstport=6667", "dstport=8")
    log.write_text(f"{line}\n{line.replace('10.20.30.31', '10.1.1.1')}\n")
    done = run("scan", "--rules", rules, log, env={"XDG_CACHE_HOME": str(tmp_path / "cache")}, check=False)
    assert [json.loads(row)["rule_id"] for row in done.stdout.splitlines()] == ["generated-7"]


def test_a_dear_rule_is_named(tmp_path):
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "dear.yml").write_text("title: Backtracks\nid: dear\nlogsource: {category: firewall}\n"
                                     "detection:\n  s: {'|re': '[a-z0-9.= \"]*[~!]'}\n  condition: s\n")
    s = Server(tmp_path, "--rules", folder).start()
    body = (LINE + f' msg="{"a dear line " * 20}"\n') * 10000  # long enough that backtracking outweighs all else
    rows = {"dear": {"is_dear": False}}
    for sent in range(1, 31):  # on a busy machine many timed events are left out
        assert s.post_records("fw", body)[0] == 200
        s.wait_count(sent * 10000)
        rows = {row["id"]: row for row in s.get("/api/v1/rules")["rows"]}
        assert sent > 5 or not rows["dear"]["is_dear"], "too few events to say so"
        if rows["dear"]["is_dear"]:
            break
    assert rows["dear"]["is_dear"] and rows["dear"]["cost_share"] > 0.1 and rows["dear"]["cost_ns"] > 200, json.dumps(rows["dear"])
    assert sum(row["cost_share"] for row in rows.values()) <= 1.0
    warnings = s.get("/api/v1/status")["warnings"]
    assert any("Backtracks" in json.dumps(w, ensure_ascii=False) and "%" in json.dumps(w) for w in warnings), warnings
    metrics = s.request("GET", "/metrics")[1].decode()
    assert re.search(r'hyakuyo_rule_cost_share\{rule="dear"\} 0\.\d+', metrics)
    assert float(re.search(r"^hyakuyo_detect_event_seconds ([0-9.e+-]+)$", metrics, re.M).group(1)) > 0
    assert s.stop() == 0
