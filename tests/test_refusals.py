"""What an operator got wrong is one sentence with its remedy, status 1, and no harm to what is there."""
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
    with sqlite3.connect(filled.data / "state.db") as db:
        number = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute("PRAGMA user_version=999")
    refused(serve(filled.data), "state.db", "999")
    with sqlite3.connect(filled.data / "state.db") as db:
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
    done = subprocess.run([str(binary), "serve", "--data", str(tmp_path / "var"), "--listen-syslog", "127.0.0.1:0", "--listen-http",
                           "127.0.0.1:0"], capture_output=True, text=True, timeout=30,
                          env={**os.environ, "LANG": "C.UTF-8", "HYAKUYO_SHARE": str(share)})
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
