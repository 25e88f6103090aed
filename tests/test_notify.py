"""Notifications on their way out, to a real mail server, a real HTTP receiver and a real socket on loopback (S24, S132, S157; spec 1.M to 1.P)."""
import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import os
import pathlib
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from conftest import ROOT, free_port, run
from test_judgement import HOSTS, LINE, OFFICE, SKYPE
from test_workflow import Person

DEADLINE = 60
CFO, SALES = "10.20.10.5", "10.20.30.50"
CONTACTS = """role,position,person,account,phone,mail,out_of_band,hours,verified
lead,primary,森 リード,,,mori@example.jp,,24h,
lead,deputy,代理 次郎,,,deputy@example.jp,,24h,
ciso,primary,水野 CISO,,,ciso@example.jp,,24h,
"""


def wait_for(condition, what="it"):
    """The first true answer of the condition."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = condition()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{what} did not come within {DEADLINE} s")


# ---------------------------------------------------------------- the world


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True, capture_output=True)
    return folder


class Mailbox:
    """A mail server that asks for STARTTLS and a password, and keeps what it gets."""

    def __init__(self, certificate, port):
        self.port, self.mails, self.refused, self.logins = port, [], set(), []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
        box = self

        def check(server, session, envelope, mechanism, data):
            box.logins.append((data.login, data.password))
            return AuthResult(success=data.password == b"correct horse")

        class Secured(Controller):
            def factory(self):
                return SMTP(self.handler, tls_context=context, require_starttls=True, auth_required=True, authenticator=check, enable_SMTPUTF8=True)

        self.controller = Secured(self, hostname="127.0.0.1", port=port)
        self.controller.start()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refused:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append((envelope.rcpt_tos[0], mail, envelope.content))
        return "250 taken"

    def to(self, address):
        return [mail for recipient, mail, _ in self.mails if recipient == address]

    def stop(self):
        self.controller.stop()


class Receiver:
    """An HTTP server that keeps every request; `answers` says what it replies, by path."""

    def __init__(self, port=0, answers=None):
        self.requests, self.answers = [], answers or {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.requests.append((self.path, self.headers, body))
                status, answer = outer.answers.get(self.path, (200, {}))
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mailbox(certificate):
    box = Mailbox(certificate, free_port())
    yield box
    with contextlib.suppress(Exception):
        box.stop()


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.stop()


def secret(data, name, text):
    path = data / name
    path.write_text(text + "\n")
    path.chmod(0o600)
    return name


def write_channels(data, channels, **more):
    """JSON is YAML."""
    data.mkdir(parents=True, exist_ok=True)
    retry = {"first_seconds": 1, "longest_seconds": 2, "give_up_seconds": 3600}
    (data / "channels.yml").write_text(json.dumps({"console_url": "https://console.example.jp", "retry": retry, "channels": channels, **more}))


def write_rules(data, *rules, **more):
    data.mkdir(parents=True, exist_ok=True)
    (data / "notify.yml").write_text(json.dumps({"version": "test", "language": "ja", "rules": rules, **more}))


def mail_channel(data, certificate, port, **more):
    return {"name": "post", "type": "mail", "url": f"smtp://127.0.0.1:{port}", "user": "hyakuyo", "secret_file": secret(data, "smtp.secret", "correct horse"),
            "ca_file": str(certificate / "cert.pem"), "from": "百葉箱 監視 <soc@example.jp>"} | more


def webhook_channel(data, port, **more):
    return {"name": "hook", "type": "webhook", "url": f"http://127.0.0.1:{port}/hook", "plain": True, "secret_file": secret(data, "hook.secret", "k" * 70)} | more


def ready(server, folder):
    """The organisation and its contacts."""
    assets = folder / "assets"
    assets.mkdir()
    (assets / "hosts.csv").write_text(HOSTS.format(cfo=OFFICE, sales=SKYPE))
    (assets / "networks.csv").write_text("cidr,department,zone\n10.20.0.0/16,,office\n")
    (assets / "contacts.csv").write_text(CONTACTS)
    run("asset", "import", assets, "--data", server.data)


def infect(server, ip=CFO, at="09:13:01"):
    server.send_tcp(LINE.format(time=at, ip=ip, action="accept").strip())


def incident(server, ip=CFO):
    return wait_for(lambda: next((row["id"] for row in server.get("/api/v1/incidents")["rows"] if any(ip in host for host in row["hosts"])), None), "the incident")


def notices(server, kind=None):
    return [row for row in server.get("/api/v1/notifications")["rows"] if kind is None or row["kind"] == kind]


def messages(server, status):
    return [m for row in notices(server) for m in row["messages"] if m["status"] == status]


def verified(server):
    done = run("verify", "--data", server.data, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


# -------------------------------------------------------------------- tests


def test_a_mail_arrives_whole_in_japanese(server, tmp_path, certificate, mailbox):
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [mail_channel(data, certificate, mailbox.port)])
    write_rules(data, {"id": "grave", "on": "incident_opened", "urgency": 2, "to": ["lead"], "by": ["mail"], "quiet": "through", "window": 60})
    s = server()
    ready(s, tmp_path)
    infect(s)
    number = incident(s)
    mail, = wait_for(lambda: mailbox.to("mori@example.jp"), "the mail")
    row, = notices(s, "incident_opened")
    assert mail["Subject"] == "[hyakuyo] " + row["title"]["ja"] and any(ord(c) > 127 for c in mail["Subject"])
    assert mail["From"].addresses[0].display_name == "百葉箱 監視" and mail["From"].addresses[0].addr_spec == "soc@example.jp"
    assert mail["Auto-Submitted"] == "auto-generated" and mail["Date"].datetime is not None
    text = mail.get_content()
    assert f"https://console.example.jp/#/incidents/{number}" in text and "緊急度" in text
    assert CFO not in text and "PC-CFO" not in text, "hosts are named only where a rule says details: true"
    raw = mailbox.mails[0][2]
    assert max(map(len, raw.split(b"\r\n"))) <= 78 and all(byte < 128 for byte in raw)
    assert (b"hyakuyo", b"correct horse") in mailbox.logins
    sent, = wait_for(lambda: messages(s, "sent"))
    assert sent["recipient"] == "mori@example.jp" and sent["key"] in mail["Message-ID"] and sent["attempts"] == 1
    assert s.stop() == 0
    verified(s)
