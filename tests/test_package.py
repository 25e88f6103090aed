"""The Debian package: what is in it runs from wherever it is unpacked, and nothing of the build tree is left in it."""
import os
import re
import shutil
import subprocess
import time

import pytest

from conftest import BINARY, ROOT, Server, free_port

needs = pytest.mark.skipif(not shutil.which("dpkg-deb") or not shutil.which("readelf"), reason="needs dpkg-deb and readelf")
pytestmark = [needs, pytest.mark.skipif(BINARY.parent != ROOT / "build", reason="packs build/, another binary is tested")]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("package")
    done = subprocess.run([ROOT / "scripts/make-deb", folder], capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    (package,) = folder.glob("*.deb")
    subprocess.run(["dpkg-deb", "-x", package, folder / "root"], check=True)
    subprocess.run(["dpkg-deb", "-e", package, folder / "control"], check=True)
    return folder


def test_nothing_names_the_build_tree(unpacked):
    dynamic = subprocess.run(["readelf", "-d", unpacked / "root/usr/bin/hyakuyo"], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"R(?:UN)?PATH.*\[(.*)\]", dynamic) == ["$ORIGIN/../lib/hyakuyo"]
    control = (unpacked / "control/control").read_text()
    assert re.search(r"^Depends: .*libsqlite3-0.*$", control, re.M) and "libuv1" in control
    for path in (unpacked / "root").rglob("*"):
        if path.is_file() and path.suffix in (".service", ".yml", ".html", ".js", ".css"):
            assert str(ROOT) not in path.read_text(errors="replace"), path


def test_it_starts_with_what_it_brought(unpacked, tmp_path):
    program = unpacked / "root/usr/bin/hyakuyo"
    clean = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    checked = subprocess.run([program, "check"], capture_output=True, text=True, env=clean, cwd=tmp_path, timeout=300)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    port = free_port()
    log = open(tmp_path / "log", "w+")
    process = subprocess.Popen([program, "serve", "--data", tmp_path / "var", "--listen-syslog", "127.0.0.1:0",
                                "--listen-http", f"127.0.0.1:{port}"], stdout=log, stderr=log, env=clean, cwd=tmp_path)
    server = Server(tmp_path)
    server.http_port, server.process = port, process
    try:
        deadline = time.monotonic() + 30
        while not server.is_ready():
            assert process.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
            time.sleep(0.05)
        status, page = server.request("GET", "/", token=False)
        assert status == 200 and b"<script" in page
        assert server.post_records("test", "Failed password for root from 198.51.100.7 port 40022 ssh2")[0] == 200
        server.wait_count(1)
        loaded = open(f"/proc/{process.pid}/maps").read()
        assert str(unpacked / "root/usr/lib/hyakuyo/libduckdb.so") in re.sub(r"/\w+/\.\./", "/", loaded)
        assert str(ROOT) not in loaded
    finally:
        server.stop()


def test_the_unit_listens_on_loopback_and_is_closed_in(unpacked):
    unit = (unpacked / "root/lib/systemd/system/hyakuyo.service").read_text()
    assert "--listen" not in unit.split("ExecStart=")[1].splitlines()[0]  # the defaults: 127.0.0.1
    for setting in ("DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "CapabilityBoundingSet=\n"):
        assert setting in unit
    if shutil.which("systemd-analyze"):
        (unpacked / "hyakuyo.service").write_text(unit.replace("/usr/bin/hyakuyo", str(unpacked / "root/usr/bin/hyakuyo")))
        done = subprocess.run(["systemd-analyze", "verify", unpacked / "hyakuyo.service"], capture_output=True, text=True)
        assert "hyakuyo.service" not in done.stderr, done.stderr


def test_the_port_scan_is_a_unit_of_its_own_and_off(unpacked):
    """S98, S99: nothing scans before somebody enables the timer; as gentle a user as the server's."""
    units = unpacked / "root/lib/systemd/system"
    service, timer = (units / "hyakuyo-ports.service").read_text(), (units / "hyakuyo-ports.timer").read_text()
    assert "ports scan --scheduled" in service and "DynamicUser=yes" in service and "[Install]" not in service
    assert "OnCalendar=" in timer and not (unpacked / "control/postinst").exists()
