"""Log-ins outlive the process; logging out and a changed password end them, in the running server too."""
import http.client
import json
import time

import pytest

from conftest import Server, run

FIRST, SECOND = "correct horse battery", "another horse battery"


class Browser:
    def __init__(self, server):
        self.server, self.cookie, self.csrf = server, "", ""

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=30)
        headers = {"Content-Type": "application/json", "Cookie": self.cookie, "X-CSRF-Token": self.csrf}
        connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = connection.getresponse()
        return response, response.read()

    def log_in(self, user, password):
        response, body = self.ask("POST", "/api/v1/session", {"user": user, "password": password})
        if response.status == 200:
            self.cookie = response.getheader("Set-Cookie").split(";")[0]
            self.csrf = json.loads(body)["csrf"]
        return response.status

    def status(self):
        return self.ask("GET", "/api/v1/session")[0].status


def wait_for(browser, status, seconds=20):
    deadline = time.monotonic() + seconds
    while browser.status() != status and time.monotonic() < deadline:
        time.sleep(0.2)
    return browser.status() == status


@pytest.fixture
def server(tmp_path):
    s = Server(tmp_path)
    run("user", "add", "hanako", "--data", s.data, input=FIRST + "\n")
    s.start()
    yield s
    s.stop()


def test_a_restart_logs_nobody_out(server):
    one, two = Browser(server), Browser(server)
    assert one.log_in("hanako", FIRST) == 200 and two.log_in("hanako", FIRST) == 200
    secret = one.cookie.split("=", 1)[1].encode()
    server.stop()
    server.start()
    assert one.status() == 200 and two.status() == 200
    assert one.ask("PUT", "/api/v1/session/language", {"language": "en"})[0].status == 200  # its CSRF token still fits
    assert one.ask("DELETE", "/api/v1/session")[0].status == 204
    server.kill()
    server.start()
    assert one.status() == 401 and two.status() == 200
    for path in server.data.glob("state.db*"):
        assert secret not in path.read_bytes()  # only its hash is kept


def test_a_changed_password_ends_sessions_of_a_running_server(server):
    browser = Browser(server)
    assert browser.log_in("hanako", FIRST) == 200
    run("user", "password", "hanako", "--data", server.data, input=SECOND + "\n")
    assert wait_for(browser, 401)
    assert browser.log_in("hanako", FIRST) == 401
    assert browser.log_in("hanako", SECOND) == 200
    time.sleep(5)  # more than one look at the store
    assert browser.status() == 200
    failed = run("user", "password", "nobody", "--data", server.data, input=SECOND + "\n", check=False)
    assert failed.returncode == 2 and "nobody" in failed.stderr
