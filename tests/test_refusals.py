"""What an operator got wrong is one sentence with its remedy, status 1, and no harm to what is there."""
import contextlib
import ctypes
import os
import pathlib
import shutil
import socket
import sqlite3
import struct
import subprocess

import pytest

from conftest import BINARY, ROOT, Server, free_port, run
from test_spine import numbered


def serve(data, *options, timeout=30, env=None, **more):
    return run("serve", "--data", data, "--listen-syslog", "127.0.0.1:0", "--listen-http", "127.0.0.1:0", *options, check=False,
               timeout=timeout, env=env, **more)


def refused(done, *words):
    last = done.stderr.strip().splitlines()
    sentences = [line for line in last if line.startswith("hyakuyo ")]
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert len(sentences) == 1 and last[-1] == sentences[0], done.stderr
    for word in words:
        assert str(word) in sentences[0], (word, sentences[0])
    assert done.stdout == ""
    return sentences[0]


@pytest.fixture
def filled(tmp_path):
    """A data folder that a server has used."""
    s = Server(tmp_path, "--seal-after-ms", 200).start()
    assert s.post_records("web", "\n".join(numbered(20)))[0] == 200
    s.wait_count(20)
    assert s.stop() == 0
    return s


def still_whole(s):
    s.start()
    assert s.count() == 20
    assert s.stop() == 0


@pytest.mark.parametrize("damage", ["text", "header", "truncated", "folder"])
def test_a_corrupt_state_database(filled, damage):
    state = filled.data / "state.db"
    whole = state.read_bytes()
    for name in ("state.db-wal", "state.db-shm"):
        (filled.data / name).unlink(missing_ok=True)
    if damage == "folder":
        state.unlink()
        state.mkdir()
    else:
        state.write_bytes({"text": b"this is no database\n" * 500, "header": b"\0" * 100 + whole[100:],
                           "truncated": whole[:len(whole) // 2 - 1000]}[damage])
    refused(serve(filled.data), "state.db")
    if damage == "folder":
        state.rmdir()
    state.write_bytes(whole)
    still_whole(filled)


def test_a_state_database_from_a_newer_version(filled):
    with contextlib.closing(sqlite3.connect(filled.data / "state.db")) as db, db:
        number = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("PRAGMA user_version=999")
    refused(serve(filled.data), "state.db", "999")
    with contextlib.closing(sqlite3.connect(filled.data / "state.db")) as db, db:
        db.execute(f"PRAGMA user_version={number}")
    still_whole(filled)


def test_a_journal_from_a_newer_version(tmp_path):
    s = Server(tmp_path, "--seal-after-ms", 60000).start()
    assert s.post_records("web", "\n".join(numbered(20)))[0] == 200
    s.kill()
    segment = sorted((s.data / "journal").glob("*.journal"))[-1]
    whole = segment.read_bytes()
    hash_of = ctypes.CDLL("libxxhash.so.0").XXH3_64bits
    hash_of.restype = ctypes.c_uint64
    header = whole[:8] + struct.pack("<H", 99) + whole[10:56]  # struct journal_segment_header, src/journal/format.h
    assert struct.pack("<Q", hash_of(whole[:56], ctypes.c_size_t(56))) == whole[56:64]
    newer = header + struct.pack("<Q", hash_of(header, ctypes.c_size_t(56))) + whole[64:]
    segment.write_bytes(newer)
    refused(serve(s.data), segment.name, "newer")
    assert segment.read_bytes() == newer
    segment.write_bytes(whole)
    still_whole(s)


def test_a_data_folder_that_cannot_be_written(tmp_path):
    closed = pathlib.Path("/proc/sys/kernel")  # where root may make nothing either
    refused(serve(closed / "var"), closed)
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("x")
    refused(serve(not_a_folder), not_a_folder)
    refused(serve(not_a_folder / "var"), not_a_folder)


@pytest.mark.parametrize("option", ["--listen-http", "--listen-syslog"])
@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_in_use(filled, option, kind):
    if option == "--listen-http" and kind == socket.SOCK_DGRAM:
        pytest.skip("the console takes no datagrams")
    with socket.socket(socket.AF_INET, kind) as taken:
        taken.bind(("127.0.0.1", 0))
        if kind == socket.SOCK_STREAM:
            taken.listen()
        port = taken.getsockname()[1]
        refused(serve(filled.data, option, f"127.0.0.1:{port}"), port)
    still_whole(filled)


@pytest.mark.parametrize("option", ["--listen-http", "--listen-syslog"])
@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:99999", "192.0.2.1:0", "no-such-host.test:5514", "127.0.0.1:"])
def test_an_address_that_is_none(tmp_path, option, address):
    refused(serve(tmp_path / "var", option, address), address.rsplit(":", 1)[0])


@pytest.mark.parametrize("missing", ["content/parsers", "content/rules", "content/taxonomy", "content/judgement.yml", "content"])
def test_content_that_is_missing(tmp_path, missing):
    """A copy of the binary's own files, without one of them."""
    share = tmp_path / "share"
    shutil.copytree(ROOT / "content", share / "content")
    gone = share / missing
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    binary = tmp_path / "bin" / "hyakuyo"
    binary.parent.mkdir()
    shutil.copy(BINARY, binary)
    [duckdb] = (ROOT / "third_party/node_modules/@duckdb").glob("node-bindings-linux-*")  # the build finds it from its own place only
    done = subprocess.run([str(binary), "serve", "--data", str(tmp_path / "var"), "--listen-syslog", "127.0.0.1:0", "--listen-http",
                           "127.0.0.1:0"], capture_output=True, text=True, timeout=30,
                          env={**os.environ, "LANG": "C.UTF-8", "HYAKUYO_SHARE": str(share), "LD_LIBRARY_PATH": str(duckdb)})
    refused(done, "content")


def test_a_web_folder_that_is_missing_leaves_the_api(server, tmp_path):
    """The console's files are for people; collecting goes on without them, and the page says what is missing."""
    s = server("--web", tmp_path / "nowhere")
    assert s.post_records("web", numbered(1)[0])[0] == 200
    status, page = s.request("GET", "/", token=False)
    assert status == 200 and b"hyakuyo" in page, page
    assert s.stop() == 0


def test_a_second_server_leaves_the_first_alone(server):
    s = server()
    told = (s.data / "server.json").read_text()
    refused(serve(s.data), s.data)
    assert (s.data / "server.json").read_text() == told
    assert s.post_records("web", numbered(1)[0])[0] == 200
    s.wait_count(1)


def test_commands_on_a_folder_that_is_none(tmp_path):
    nowhere = tmp_path / "nowhere"
    for command in (["query", "--data", nowhere, "*"], ["verify", "--data", nowhere], ["replay", "--data", nowhere],
                    ["balance", "--data", nowhere]):
        done = run(*command, check=False)
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and str(nowhere) in done.stderr, (command, done)
        assert done.stdout == ""
    assert not nowhere.exists(), "a command that only reads makes no folder"


def test_a_server_that_is_not_there(tmp_path):
    port = free_port()
    for command in (["query", "*"], ["balance"]):
        done = run(*command, "--server", f"http://127.0.0.1:{port}", check=False)
        assert done.returncode == 2 and str(port) in done.stderr and done.stderr.count("\n") == 1


def test_output_that_cannot_be_written(tmp_path):
    log = tmp_path / "x.log"
    log.write_text("\n".join(numbered(50)) + "\n")
    with open("/dev/full", "w") as full:
        done = subprocess.run([str(BINARY), "parse", str(log)], stdout=full, stderr=subprocess.PIPE, text=True, timeout=30,
                              env={**os.environ, "LANG": "C.UTF-8"})
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "written" in done.stderr


# ------------------------------------------------------------------ rules
# One file each; the place is of what is wrong, the words are from both languages' sentences.

TOP = "title: t\nlogsource: {category: firewall}\n"
DETECTION = "detection:\n  s: {dst_port: 6667}\n  condition: s\n"
WHOLE = TOP + DETECTION


def detection(search, condition="s"):
    return f"{TOP}detection:\n  s: {search}\n  condition: {condition}\n"


RULE_MISTAKES = {
    "not_yaml": ("title: [\n", "2:1", "not valid YAML", "YAML として"),
    "a_tab_as_indentation": ("title: t\nlogsource:\n\tcategory: firewall\n", "3:", "not valid YAML", "YAML として"),
    "an_unclosed_quotation_mark": ("title: 't\n" + DETECTION, "", "not valid YAML", "YAML として"),
    "a_key_twice": (WHOLE + "title: u\n", "6:1", "already there in line 1", "1 行目にすでに"),
    "nothing_at_all": ("", "1:1", "empty", "空です"),
    "not_utf8": (WHOLE.encode() + b"author: caf\xe9\n", "6:12", "UTF-8", "UTF-8"),
    "a_nul_byte": (WHOLE.encode() + b"author: a\0b\n", "6:10", "UTF-8", "UTF-8"),
    "a_bomb_of_anchors": ("a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{c}: &{c} [{','.join(['*' + chr(ord(c) - 1)] * 9)}]\n" for c in "bcdefgh"), "6:", "200,000 nodes", "200,000 個"),
    "an_alias_without_anchor": (TOP + "detection: *nowhere\n", "3:", "no anchor", "アンカー"),
    "yaml_too_deep": (TOP + "detection: " + "[" * 70 + "]" * 70 + "\n", "3:", "deeper than 64", "64 段"),
    "a_key_that_is_a_list": (WHOLE + "? [a, b]\n: c\n", "6:3", "single word", "1 つの語"),
    "a_list_of_words": ("- a\n- b\n", "1:1", "must be a map", "キーと値の表"),
    "no_title": (WHOLE.replace("title: t\n", "level: high\n"), "1:1", "no title", "title がありません"),
    "a_title_that_is_a_list": (WHOLE.replace("title: t", "title: [t]"), "1:8", "must be a text", "文字列が必要"),
    "no_logsource": ("title: t\n" + DETECTION, "1:1", "no logsource", "logsource がありません"),
    "an_empty_logsource": ("title: t\nlogsource: {definition: x}\n" + DETECTION, "2:12", "neither category", "いずれもありません"),
    "a_logsource_of_lists": ("title: t\nlogsource: {category: [firewall]}\n" + DETECTION, "2:23", "must be a text", "文字列が必要"),
    "an_unknown_category": (WHOLE.replace("firewall", "unheard_of"), "2:12", "'unheard_of'", "'unheard_of'"),
    "no_detection": (TOP, "1:1", "no detection", "detection がありません"),
    "a_detection_that_is_a_word": (TOP + "detection: yes\n", "3:12", "no detection", "detection がありません"),
    "no_condition": (TOP + "detection:\n  s: {dst_port: 1}\n", "4:3", "no condition", "condition がありません"),
    "an_empty_condition": (detection("{dst_port: 1}", "''"), "5:14", "empty", "空です"),
    "a_condition_that_is_a_map": (detection("{dst_port: 1}", "{s: 1}"), "5:14", "a text or a list", "文字列かその一覧"),
    "an_unknown_identifier": (detection("{dst_port: 1}", "s and nothing"), "5:20", "'nothing' is not defined", "'nothing'"),
    "an_open_parenthesis": (detection("{dst_port: 1}", "(s"), "5:", "')' is missing", "')' がありません"),
    "a_closing_parenthesis_too_many": (detection("{dst_port: 1}", "s)"), "5:15", "missing before ')'", "')' の前に"),
    "an_operand_missing": (detection("{dst_port: 1}", "s and"), "5:", "search identifier is missing", "検索条件名がありません"),
    "an_operator_missing": (detection("{dst_port: 1}", "s s"), "5:16", "'and' or 'or' is missing", "and か or"),
    "one_of_nothing": (detection("{dst_port: 1}", "1 of x*"), "5:19", "no search identifier matches", "一致する検索条件名がありません"),
    "more_of_than_there_are": (detection("{dst_port: 1}", "3 of s*"), "5:", "more are asked for", "より多くを"),
    "zero_of": (detection("{dst_port: 1}", "0 of s*"), "5:14", "above zero", "1 以上"),
    "an_aggregation": (detection("{dst_port: 1}", "s | count() > 5"), "5:", "correlation rule", "相関ルール"),
    "a_timeframe": (TOP + "detection:\n  s: {dst_port: 1}\n  timeframe: 5m\n  condition: s\n", "5:3", "correlation rule", "相関ルール"),
    "a_condition_too_deep": (detection("{dst_port: 1}", "(" * 70 + "s" + ")" * 70), "5:", "nested too deeply", "入れ子が深すぎ"),
    "too_many_operands": (detection("{dst_port: 1}", " or ".join(["s"] * 300)), "5:", "too many operands", "項が多すぎ"),
    "too_many_comparisons": (detection("{dst_port: [" + ",".join(map(str, range(20001))) + "]}"), "5:14", "20000 comparisons", "20000 個"),
    "lists_too_deep": (detection("[" * 12 + "x" + "]" * 12), "4:", "nested too deeply", "入れ子が深すぎ"),
    "an_empty_selection": (detection("{}"), "4:6", "is empty", "空です"),
    "an_empty_list_of_values": (detection("{dst_port: []}"), "4:7", "needs a value", "値の一覧が必要"),
    "a_map_as_value": (detection("{dst_port: {a: b}}"), "4:7", "needs a value", "値の一覧が必要"),
    "a_list_in_a_list": (detection("{dst_port: [[1]]}"), "4:18", "cannot stand inside", "書けません"),
    "an_empty_keyword": (detection("['']"), "4:7", "empty keyword", "空のキーワード"),
    "an_unknown_modifier": (detection("{dst_port|nonsense: 1}"), "4:7", "'nonsense' does not exist", "'nonsense' は存在しません"),
    "modifiers_of_two_kinds": (detection("{dst_port|re|cidr: x}"), "4:7", "exclude each other", "同時に使えません"),
    "two_places": (detection("{url|contains|startswith: x}"), "4:7", "exclude each other", "同時に使えません"),
    "a_modifier_without_meaning": (detection("{src_ip|cidr|contains: 10.0.0.0/8}"), "4:7", "means nothing", "組み合わせられません"),
    "a_flag_without_expression": (detection("{url|i: x}"), "4:7", "behind re", "re の後ろ"),
    "a_bad_expression": (detection("{url|re: '(x'}"), "4:15", "url|re", "url|re"),
    "a_bad_network": (detection("{src_ip|cidr: 300.0.0.0/8}"), "4:20", "CIDR", "CIDR"),
    "no_number": (detection("{dst_port|gt: many}"), "4:20", "needs a number", "数値が必要"),
    "no_truth": (detection("{dst_port|exists: maybe}"), "4:24", "true or false", "true か false"),
    "an_encoded_wildcard": (detection("{url|base64: 'a*'}"), "4:19", "wildcards", "ワイルドカード"),
    "too_many_dashes": (detection("{url|windash: '-a -b -c -d -e -f -g'}"), "4:20", "too many dashes", "多すぎます"),
    "a_placeholder_without_list": (detection("{url|expand: '%nobody%'}"), "4:19", "%nobody%", "%nobody%"),
    "an_unknown_level": (WHOLE + "level: grave\n", "6:8", "'grave'", "'grave'"),
    "an_unknown_status": (WHOLE + "status: finished\n", "6:9", "'finished'", "'finished'"),
    "a_day_that_never_was": (WHOLE + "date: 2026-02-30\n", "6:7", "day of the calendar", "実在する日付"),
    "a_tag_without_namespace": (WHOLE + "tags:\n  - attack.t1059\n  - plain\n", "8:5", "'plain'", "'plain'"),
    "tags_that_are_a_word": (WHOLE + "tags: attack.t1059\n", "6:7", "must be a list", "一覧が必要"),
    "an_unknown_relation": (WHOLE + "related:\n  - {id: x, type: cousin}\n", "7:5", "derived", "derived"),
    "an_unknown_action": (WHOLE + "action: globe\n", "6:9", "'globe'", "'globe'"),
    "an_unknown_key_of_ours": (WHOLE + "hyakuyo: {colour: red}\n", "6:11", "hyakuyo.colour", "hyakuyo.colour"),
    "an_unknown_stage": (WHOLE + "hyakuyo: {stage: third}\n", "6:", "'third'", "'third'"),
    "a_ratio_below_zero": (WHOLE + "hyakuyo: {likelihood_ratio: -1}\n", "6:29", "above zero", "正の数"),
    "a_sample_without_event": (WHOLE + "hyakuyo: {samples: [{fires: true}]}\n", "6:21", "a sample needs", "samples の各項目"),
    "an_id_that_is_taken": (WHOLE + "id: good\n", "1:1", "already taken", "使われています"),
    "a_filter_without_rules": (TOP + "filter: {s: {dst_port: 1}, condition: s}\n", "3:9", "needs rules", "rules: として"),
}


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mistakes")
    (folder / "a_good.yml").write_text(WHOLE + "id: good\n")
    for name, (text, *_) in RULE_MISTAKES.items():
        (folder / f"{name}.yml").write_bytes(text if isinstance(text, bytes) else text.encode())
    (folder / "z_good.yml").write_text(WHOLE + "id: good too\n")
    return {lang: run("check", "--rules", folder, "--lang", lang, check=False) for lang in ("en", "ja")}


def test_there_are_forty_kinds_of_mistakes_and_the_good_rules_load(mistaken):
    assert len(RULE_MISTAKES) >= 40
    for lang, word in (("en", f"2 loaded, {len(RULE_MISTAKES)} refused"), ("ja", f"読み込み 2、拒否 {len(RULE_MISTAKES)}")):
        assert mistaken[lang].returncode == 1 and word in mistaken[lang].stdout, mistaken[lang].stdout[-600:]


@pytest.mark.parametrize("name", RULE_MISTAKES)
def test_a_mistake_in_a_rule(mistaken, name):
    _, place, *words = RULE_MISTAKES[name]
    for lang, word in zip(("en", "ja"), words):
        lines = [line for line in mistaken[lang].stdout.splitlines() if f"/{name}.yml:" in line.split(" ")[0]]
        assert len(lines) == 1, (lines, mistaken[lang].stdout)
        line, column, sentence = lines[0].split(f"/{name}.yml:")[1].split(":", 2)
        assert int(line) > 0 and int(column) > 0 and f"{line}:{column}".startswith(place.rstrip(":")), (place, lines[0])
        assert word in sentence, (word, lines[0])
