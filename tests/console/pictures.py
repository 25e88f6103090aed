"""The pictures in docs/images, taken from the real server: everyday traffic for a minute, then scenario 5.1.

    HYAKUYO_BINARY=build/hyakuyo python3 tests/console/pictures.py [FOLDER]
"""
import datetime
import os
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from conftest import Server, run  # noqa: E402
from test_console_browser import chromium, recent_scenario  # noqa: E402
from test_scenario import HOSTS, NETWORKS  # noqa: E402

WARM_UP_S = 105
JST = datetime.timezone(datetime.timedelta(hours=9))
SITES = ("www.news.example", "mail.example", "cdn.example", "intranet.test", "docs.example", "weather.example", "maps.example", "shop.example")
FIREWALL = ('date={now:%Y-%m-%d} time={now:%H:%M:%S} devname="FW-EDGE" type="traffic" subtype="forward" srcip={client} srcport={port} dstip={site} '
            'dstport={service} proto=6 action="{action}" policyid=7 service="HTTPS" sentbyte={sent} rcvdbyte={received} dstcountry="ZZ" tz="+0900"')
PROXY = "{stamp:.3f} {took:6d} {client} TCP_MISS/200 {received} GET http://{name}/{path} - HIER_DIRECT/{site} text/html"
LOGIN = "<38>{now:%b %e %H:%M:%S} jump01 sshd[{port}]: Accepted publickey for admin from 10.10.0.{last} port {port} ssh2"


def everyday_line(chance):
    now = datetime.datetime.now(JST)
    values = {
        "now": now, "stamp": now.timestamp(), "client": f"10.20.30.{chance.randint(40, 120)}", "port": chance.randint(49152, 65000),
        "site": f"203.0.113.{chance.randint(1, 40)}", "service": chance.choice((443, 443, 443, 80, 993)), "name": chance.choice(SITES),
        "path": f"page/{chance.randint(1, 400)}", "action": chance.choices(("accept", "deny"), (14, 1))[0], "last": chance.randint(10, 30),
        "sent": chance.randint(300, 9000), "received": chance.randint(900, 90000), "took": chance.randint(8, 900)}
    return chance.choices((FIREWALL, PROXY, LOGIN), (10, 7, 1))[0].format(**values)


def everyday_traffic(port, stop):
    chance, level = random.Random(3), 40.0
    with socket.create_connection(("127.0.0.1", port)) as s:
        while not stop.wait(0.25):
            level = min(90, max(15, level + chance.uniform(-9, 9)))
            lines = [everyday_line(chance) for _ in range(int(level / 4 + chance.random()))]
            s.sendall("".join(line + "\n" for line in lines).encode())


def main():
    out = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "docs" / "images")
    out.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    with tempfile.TemporaryDirectory() as folder:
        assets = pathlib.Path(folder) / "organisation"
        assets.mkdir()
        (assets / "hosts.csv").write_text(HOSTS)
        (assets / "networks.csv").write_text(NETWORKS)
        (assets / "departments.csv").write_text("department,network,sensor,importance\nSales,10.20.30.0/24,yes,2\n")
        s = Server(folder, "--web", ROOT / "web" / "dist").start()
        try:
            run("asset", "import", assets, "--data", s.data)
            token = re.search(r"setup\?token=(\S+)", s.log.read_text())[1]
            threading.Thread(target=everyday_traffic, args=(s.syslog_port, stop), daemon=True).start()
            camera = subprocess.Popen(["node", str(ROOT / "tests" / "console" / "pictures.mjs"), str(out)], env={
                **os.environ, "BASE_URL": f"http://127.0.0.1:{s.http_port}", "SETUP_TOKEN": token, "CHROMIUM": chromium()})
            time.sleep(WARM_UP_S)
            s.send_tcp(*recent_scenario())
            return camera.wait(120)
        finally:
            stop.set()
            time.sleep(0.5)
            s.stop()


if __name__ == "__main__":
    sys.exit(main())
