"""What listens on our hosts: nmap's results and light scans become findings (S97–S100)."""
import contextlib
import json
import shutil
import socket
import subprocess

import pytest

from conftest import run

HEAD = '<?xml version="1.0"?>\n<!DOCTYPE nmaprun>\n<nmaprun scanner="nmap" start="{start}"><scaninfo type="connect" protocol="tcp" services="1-40000"/>\n'
PORT = '<port protocol="tcp" portid="{port}"><state state="open" reason="syn-ack"/><service name="{service}" product="{product}"/></port>'


def result(path, day, *ports):
    start = 1762743900 + 86400 * day
    body = "".join(PORT.format(port=port, service=service, product=product) for port, service, product in ports)
    path.write_text(HEAD.format(start=start) + f'<host endtime="{start + 5}"><status state="up" reason="syn-ack"/><address addr="10.10.0.21" '
                    f'addrtype="ipv4"/><hostnames/><ports>{body}</ports></host>\n</nmaprun>\n')
    return path


def findings(text, instrument="inventory"):
    return [row for row in map(json.loads, text.splitlines()) if row.get("instrument") == instrument]


def told(text):
    return [(row["rule_id"], row["peer"]) for row in findings(text)]


SSH, WEB, BACKDOOR, ODD = (22, "ssh", "OpenSSH"), (80, "http", "nginx"), (31337, "elite", ""), (18443, "https", "x")


def test_new_ports_in_replay(tmp_path):
    """31337 opened after the baseline: the next run tells it; an unusual port after two runs; a registered one never."""
    organisation = tmp_path / "organisation"
    organisation.mkdir()
    (organisation / "hosts.csv").write_text("ip,hostname,department,role,type\n10.10.0.21,web01,IT,web-server,server\n")
    (organisation / "exceptions.csv").write_text("kind,ip,protocol,port,reason,owner,expires\nlistening,10.10.0.21,tcp,9090,metrics,ops,2099-01-01\n")
    records = tmp_path / "records.ndjson"
    lines = ""
    for day, ports in enumerate([(SSH, WEB), (SSH, WEB, BACKDOOR, ODD, (9090, "http", "")), (SSH, WEB, ODD, (9090, "http", ""))]):
        lines += run("ports", "import", "--print", result(tmp_path / f"{day}.xml", day, *ports)).stdout
    records.write_text(lines)
    text = run("replay", "--assets", organisation, records).stdout
    assert told(text) == [("listening_port_new", "31337/tcp"), ("listening_port_unconfirmed", "18443/tcp"), ("listening_port_new", "18443/tcp")]
    assert findings(text)[0]["entities"]["host"] == "web01"


def test_import_into_a_server(server, tmp_path):
    s = server()
    for day, ports in enumerate([(SSH,), (SSH, BACKDOOR)]):
        done = run("ports", "import", "--data", s.data, result(tmp_path / f"{day}.xml", day, *ports))
        assert "1 hosts" in done.stderr
    s.wait_count(5)
    [row] = s.query("hyakuyo.finding.rule_id:listening_port_new")
    assert row["server"]["port"] == 31337


def test_refusals(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<html></html>")
    done = run("ports", "import", "--print", page, check=False)
    assert done.returncode == 1 and "nmap -oX" in done.stderr
    done = run("ports", "import", "--data", tmp_path / "var", page, check=False)
    assert done.returncode == 1 and "no server" in done.stderr
    done = run("ports", "scan", "--profile", "full", "--print", "--target", "127.0.0.1", "--data", tmp_path, check=False)
    assert done.returncode == 2 and "--approved-by" in done.stderr
    assert "nothing to scan" in run("ports", "scan", "--print", "--data", tmp_path, check=False).stderr
    assert run("ports", "scan", "--print", "--target", "10.0.0.0/8", "--data", tmp_path, check=False).returncode == 1


@pytest.fixture
def small_profile(tmp_path):
    """content/ with a profile of three ports, so that a scan takes seconds."""
    listener = socket.create_server(("127.0.0.1", 0))
    share = tmp_path / "share"
    shutil.copytree(run.__globals__["ROOT"] / "content", share / "content")
    plan = share / "content" / "port-scan.yml"
    port = listener.getsockname()[1]
    text = plan.read_text().split("profiles:")
    plan.write_text(text[0] + "profiles:\n  tiny: {packets_per_second: 10, timeout_ms: 900, banner_ms: 100, hosts_at_once: 4, "
                    f"ports: [1, 2, {port}]}}\n" + text[1])
    with contextlib.closing(listener):
        yield {"HYAKUYO_SHARE": str(share)}, port


def test_scan_and_kill_switch(tmp_path, small_profile):
    env, port = small_profile
    command = ["ports", "scan", "--profile", "tiny", "--print", "--target", "127.0.0.1", "--data", tmp_path / "var"]
    done = run(*command, env=env)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["what"], row.get("port"), row.get("confirmed"), row.get("state")) for row in found] == [
        ("port", port, True, None), ("host", None, None, "up")]
    run("ports", "stop", "--data", tmp_path / "var")
    done = run(*command, env=env)
    assert done.stdout == "" and "stopped" in done.stderr
    run("ports", "allow", "--data", tmp_path / "var")
    assert run(*command, env=env).stdout


@pytest.mark.skipif(not shutil.which("nmap"), reason="nmap is not installed")
def test_real_nmap(tmp_path):
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        subprocess.run(["nmap", "-sT", "-oX", tmp_path / "real.xml", "-p", str(port), "127.0.0.1"], check=True, capture_output=True)
    rows = [json.loads(line) for line in run("ports", "import", "--print", tmp_path / "real.xml").stdout.splitlines()]
    assert [(row["what"], row.get("port")) for row in rows] == [("port", port), ("host", None)]
    assert rows[0]["coverage"] == f"tcp:{port}"
