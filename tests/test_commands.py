"""Commands as people use them: help in both languages, clear refusals, trace against the architecture page."""
import json
import pathlib
import re

import pytest

from conftest import ROOT, rows, run

COMMANDS = ["serve", "parse", "scan", "check", "replay", "trace", "query", "balance", "asset", "user", "canary", "verify"]
LINE = ('<189>date=2025-11-10 time=09:13:09 devname="FW-EDGE" devid="FGT60F0000000001" type="traffic" subtype="forward" srcip=10.20.30.31 '
        'srcport=49712 dstip=198.51.100.23 dstport=6667 proto=6 action="accept" policyid=12 service="tcp/6667" sentbyte=2311 rcvdbyte=5120 '
        'tz="+0900"\n')


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_examples_in_both_languages(command):
    english = run(command, "--help", env={"LANG": "C.UTF-8"}).stdout
    japanese = run(command, "--help", env={"LANG": "ja_JP.UTF-8"}).stdout
    assert f"hyakuyo {command}" in english and english != japanese
    assert re.search(r"[ぁ-んァ-ヶ一-龠]", japanese) and not re.search(r"[ぁ-んァ-ヶ一-龠]", english)


@pytest.mark.parametrize("arguments", [["nonsense"], ["query"], ["scan"], ["balance", "surplus"], ["serve", "--no-such-option"],
                                       ["query", "--limit", "0", "x"], ["query", "--format", "xml", "x"], ["asset", "export", "x"]])
def test_wrong_use_is_one_sentence_and_status_2(arguments):
    done = run(*arguments, check=False)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("hyakuyo") and done.stderr.count("\n") == 1


def test_scan_finds_and_says_so_by_its_status(tmp_path):
    log = tmp_path / "fw.log"
    log.write_text(LINE)
    done = run("scan", log, check=False)
    finding = json.loads(done.stdout.splitlines()[0])
    assert done.returncode == 1
    assert finding["record"] == 1 and finding["file"] == str(log) and finding["entities"]["ip"] == "10.20.30.31"
    assert finding["matched"]
    log.write_text("nothing to see here\n")
    assert run("scan", log).returncode == 0


def test_an_inbound_finding_is_about_the_host_of_ours(tmp_path):
    (tmp_path / "rule.yml").write_text("title: Port\nid: 33333333-3333-4333-8333-333333333333\nlogsource: {category: firewall}\n"
                                       "detection:\n  s: {dst_port: 31337}\n  condition: s\nlevel: high\n")
    log = tmp_path / "fw.log"
    log.write_text(LINE.replace("6667", "31337").replace("10.20.30.31", "203.0.113.9").replace("198.51.100.23", "10.20.30.77"))
    finding = json.loads(run("scan", "--rules", tmp_path / "rule.yml", log, check=False).stdout.splitlines()[0])
    assert finding["entities"]["ip"] == "10.20.30.77" and finding["peer"] == "203.0.113.9"


def test_trace_names_the_files_of_the_architecture_page(tmp_path):
    log = tmp_path / "fw.log"
    log.write_text(LINE)
    out = run("trace", log).stdout
    page = (ROOT / "docs" / "ARCHITECTURE.md").read_text()
    files = re.findall(r"src/[a-z_]+/[a-z_]+\.c", out)
    assert {"src/normalise/normalise.c", "src/detect/match.c", "src/judge/judge.c"} <= set(files)
    for file in files:
        assert (ROOT / file).exists(), file
        assert file in page, f"{file} is in the trace but not on the page"
    for file in re.findall(r"`(src/[a-z_/]+\.[ch])`", page):
        assert (ROOT / file).exists(), file
    assert "fortinet.fortigate" in out and "source.ip = 10.20.30.31" in out


def test_a_rule_with_a_mistake_is_refused_with_its_place(tmp_path):
    (tmp_path / "good.yml").write_text("title: Good\nid: 11111111-1111-4111-8111-111111111111\nlogsource: {category: firewall}\n"
                                       "detection:\n  s: {dst_port: 6667}\n  condition: s\nlevel: high\n")
    (tmp_path / "bad.yml").write_text("title: Bad\nlogsource: {category: firewall}\ndetection:\n  s: {dst_port|nonsense: 6667}\n  condition: s\n")
    done = run("check", "--rules", tmp_path, "--lang", "en", check=False)
    assert done.returncode == 1
    assert re.search(r"bad\.yml:4:\d+: ", done.stdout) and "1 loaded, 1 refused" in done.stdout


def test_a_parser_with_a_mistake_is_refused_with_its_place(tmp_path):
    (tmp_path / "bad.yml").write_text("name: bad.one\nshape: {kind: nonsense}\n")
    done = run("check", "--parsers", tmp_path, "--lang", "en", check=False)
    assert done.returncode == 1 and re.search(r"bad\.yml:2:\d+: ", done.stdout)
    (tmp_path / "bad.yml").write_text("name: bad.one\nshape: kv\ntitle: {en: Only English}\n")
    done = run("check", "--parsers", tmp_path, "--lang", "en", check=False)
    assert done.returncode == 1 and re.search(r'bad\.yml:3:\d+: "title" is what people read', done.stdout)


def test_rules_are_reloaded_without_a_gap(server, tmp_path):
    rules = tmp_path / "rules"
    rules.mkdir()
    s = server("--rules", rules)
    before = s.get("/api/v1/rules")["loaded"]
    (rules / "mine.yml").write_text("title: Mine\nid: 22222222-2222-4222-8222-222222222222\nlogsource: {category: firewall}\n"
                                    "detection:\n  s: {dst_port: 31337}\n  condition: s\nlevel: high\n")
    status, answer = s.request("POST", "/api/v1/rules/reload", b"")
    assert status == 200 and json.loads(answer)["loaded"] == before + 1
    s.send_tcp(LINE.replace("6667", "31337").strip())
    s.wait_count(1, 'hyakuyo.finding.rule_id:"22222222-2222-4222-8222-222222222222"')


def test_assets_reach_a_running_server(server, tmp_path):
    s = server()
    folder = tmp_path / "organisation"
    folder.mkdir()
    (folder / "hosts.csv").write_text("ip,hostname,department,importance\n10.20.30.31,PC-1,Sales,3\n", encoding="utf-8-sig")
    assert "1 new" in run("asset", "import", folder, "--data", s.data, "--lang", "en").stdout
    assert "1 unchanged" in run("asset", "import", folder, "--data", s.data, "--lang", "en").stdout
    (folder / "networks.csv").write_text("cidr,department\nnot-a-network,Sales\n")
    done = run("asset", "import", folder, "--data", s.data, check=False)
    assert done.returncode == 1 and "networks.csv:2" in done.stderr


def test_users_from_the_command_line(tmp_path):
    data = tmp_path / "var"
    run("user", "add", "hanako", "--role", "analyst;lead", "--data", data, input="correct horse battery\n")
    assert [(u["user"], u["roles"]) for u in rows("user", "list", "--data", data)] == [("hanako", "analyst;lead")]
    assert run("user", "add", "taro", "--data", data, input="short\n", check=False).returncode == 2
    assert run("user", "add", "hanako", "--data", data, input="correct horse battery\n", check=False).returncode == 2


def test_search_errors_point_at_the_character(server):
    s = server()
    done = run("query", "--data", s.data, "source.ip:(10.0.0.1 or ", check=False)
    assert done.returncode == 2 and re.search(r"character \d+", done.stderr)
    status, body = s.request("GET", "/api/v1/search?q=source.ip%3A%2810.0.0.1")
    assert status == 400 and isinstance(json.loads(body)["position"], int)


def test_verify_finds_one_changed_byte(tmp_path):
    from conftest import Server
    s = Server(tmp_path, "--seal-after-ms", 200).start()
    s.post_records("web", "one\ntwo\nthree\n")
    s.wait_count(3)
    s.stop()
    assert run("verify", "--data", s.data).returncode == 0
    part = next((s.data / "events").rglob("*.parquet"))
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.chmod(0o600)
    part.write_bytes(content)
    assert run("verify", "--data", s.data, check=False).returncode == 1
