"""The web console over the real server, in Debian's Chromium: tests/console/e2e.mjs with the lines of scenario 5.1."""
import datetime
import os
import re
import shutil
import subprocess

import pytest

from conftest import BINARY, ROOT, run
from test_scenario import organisation, scenario  # noqa: F401 (organisation is a fixture)

SCENARIO_ENDS = datetime.datetime(2025, 11, 10, 9, 26, 30)
BROKEN_RULE = "title: Broken\nlogsource: {product: squid}\ndetection:\n  selection: {url.path: a}\n  condition: selection and missing\n"
# Each way the scenario's systems write a time, and how to write it again.
TIMES = (
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d", None),
    (r"date=\d{4}-\d\d-\d\d time=\d\d:\d\d:\d\d", "date=%Y-%m-%d time=%H:%M:%S"),
    (r"\b\d\d-[A-Z][a-z]{2}-\d{4} \d\d:\d\d:\d\d", "%d-%b-%Y %H:%M:%S"),
)


def chromium():
    return os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


WITH_NODE = str(ROOT / "scripts" / "with-node")


def node_version():
    found = subprocess.run([WITH_NODE, "sh", "-c", "node --version || true"], capture_output=True, text=True).stdout
    version = re.match(r"v(\d+)", found)
    return int(version[1]) if version else 0


def moved(line, by):
    """The same line, later: the console opens with the last hours."""
    for pattern, form in TIMES:
        def later(found, form=form):
            shape = form or f"%Y-%m-%d{found[0][10]}%H:%M:%S"
            return (datetime.datetime.strptime(found[0], shape) + by).strftime(shape)
        line = re.sub(pattern, later, line)
    return re.sub(r"^(\d{10})\b", lambda found: str(int(found[1]) + int(by.total_seconds())), line)


def recent_scenario():
    now = datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=9))).replace(tzinfo=None, microsecond=0)
    return [moved(line, now - SCENARIO_ENDS) for line in scenario()]


@pytest.mark.skipif(chromium() is None, reason="chromium is not installed (apt-get install chromium)")
@pytest.mark.skipif(node_version() < 20, reason="Node.js 20 or newer is not installed")
@pytest.mark.skipif(not (ROOT / "web" / "node_modules" / "playwright-core").is_dir(), reason="web/node_modules is missing (cd web && npm ci)")
@pytest.mark.skipif(not (ROOT / "web" / "dist" / "index.html").exists(), reason="the console is not built (make)")
def test_the_console_in_a_browser(server, organisation, tmp_path):  # noqa: F811
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "broken.yml").write_text(BROKEN_RULE)
    (tmp_path / "lines.log").write_text("\n".join(recent_scenario()) + "\n")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "channels.yml").write_text("channels:\n  - {name: siem, type: syslog, url: 'udp://127.0.0.1:9'}\n")
    (tmp_path / "var" / "notify.yml").write_text("rules:\n  - {id: tell, on: incident_opened, by: [siem], quiet: through, window: 60, escalate: [{minutes: 600, to: [lead]}]}\n")
    s = server("--web", ROOT / "web" / "dist", "--rules", rules)
    s.take_up("asset", "import", organisation)
    token = re.search(r"setup\?token=(\S+)", s.log.read_text())[1]
    done = subprocess.run([WITH_NODE, "node", str(ROOT / "tests" / "console" / "e2e.mjs")], capture_output=True, text=True, timeout=400, env={
        **os.environ, "BASE_URL": f"http://127.0.0.1:{s.http_port}", "SETUP_TOKEN": token, "SYSLOG": f"127.0.0.1:{s.syslog_port}",
        "RECORDS": str(tmp_path / "lines.log"), "BROKEN_RULE": str(rules / "broken.yml"), "CHROMIUM": chromium(), "HYAKUYO": str(BINARY), "DATA": str(s.data)})
    print(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr + s.text()
