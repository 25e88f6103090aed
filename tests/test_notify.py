"""Notifications on their way out, to a real mail server, a real HTTP receiver and a real socket on loopback (S24, S132, S157; spec 1.M to 1.P)."""
import base64
import contextlib
import email
import email.policy
import hashlib
import hmac
import http.server
import json
import socket
import sqlite3
import ssl
import subprocess
import threading
import time

import pytest
import yaml
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult
from conftest import ROOT, free_port, run
from test_console_http import conforms
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

    def __init__(self, port=0, answers=None, certificate=None):
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
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
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


def infect(server, ip=CFO, at="09:13:01", action="accept"):
    server.send_tcp(LINE.format(time=at, ip=ip, action=action).strip())


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
    assert f"https://console.example.jp/#/incidents/{number}" in text and "緊急度" in text and "種別: " in text and "_" not in text
    assert CFO not in text and "PC-CFO" not in text, "hosts are named only where a rule says details: true"
    raw = mailbox.mails[0][2]
    assert max(map(len, raw.split(b"\r\n"))) <= 78 and all(byte < 128 for byte in raw)
    assert (b"hyakuyo", b"correct horse") in mailbox.logins
    sent, = wait_for(lambda: messages(s, "sent"))
    assert sent["recipient"] == "mori@example.jp" and sent["key"] in mail["Message-ID"] and sent["attempts"] == 1
    assert s.stop() == 0
    verified(s)


def test_nothing_leaves_by_itself(server, tmp_path, mailbox, receiver):
    """The program's own rules are in force, there is no channel: no connection, no notice, no row."""
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    s.post_records("note", b"one more\n")
    s.wait_count(2)
    assert s.get("/api/v1/notifications") == {"on": False, "channels": [], "rows": [], "digests": []}
    assert s.stop() == 0
    with contextlib.closing(sqlite3.connect(f"file:{s.data}/state.db?mode=ro", uri=True)) as db, db:
        for table in ("work_notice", "work_message", "work_feed"):
            assert db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert mailbox.mails == [] and receiver.requests == []


def test_the_past_is_not_told(server, tmp_path, receiver):
    """Channels come when there is an incident already; only what happens afterwards is told."""
    s = server()
    ready(s, tmp_path)
    infect(s)
    old = incident(s)
    write_rules(s.data, {"id": "hook", "on": "incident_opened", "by": ["webhook"], "quiet": "through"})
    write_channels(s.data, [webhook_channel(s.data, receiver.port)])
    s.process.send_signal(1)
    wait_for(lambda: s.get("/api/v1/notifications")["on"], "the channel")
    wait_for(lambda: feed(s), "the feed")
    infect(s, SALES)
    new = incident(s, SALES)
    wait_for(lambda: receiver.requests, "the hook")
    told = [row["incident"] for _, _, body in receiver.requests for row in json.loads(body)["notifications"]]
    assert told == [new] and old != new


def feed(s):
    with contextlib.closing(sqlite3.connect(f"file:{s.data}/state.db?mode=ro", uri=True)) as db, db:
        return db.execute("SELECT entry FROM work_feed").fetchone()


def test_a_webhook_is_signed(server, tmp_path, receiver):
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [webhook_channel(data, receiver.port)])
    write_rules(data, {"id": "hook", "on": "incident_opened", "by": ["hook"], "quiet": "through", "details": True})
    s = server()
    ready(s, tmp_path)
    infect(s)
    number = incident(s)
    (path, headers, body), = wait_for(lambda: receiver.requests, "the hook")
    stamp = headers["X-Hyakuyo-Timestamp"]
    key = hashlib.sha256(b"k" * 70).digest()  # RFC 2104: longer than a block
    wanted = hmac.new(key + b"\0" * 32, stamp.encode() + b"." + body, "sha256").hexdigest()
    assert headers["X-Hyakuyo-Signature"] == "sha256=" + wanted
    assert hmac.new(b"k" * 70, stamp.encode() + b"." + body, "sha256").hexdigest() == wanted
    assert abs(int(stamp) - time.time()) < 600
    document = json.loads(body)
    row, = document["notifications"]
    assert headers["Idempotency-Key"] == document["key"] and path == "/hook"
    assert row["incident"] == number and row["kind"] == "incident_opened" and set(row["title"]) == {"en", "ja"} and CFO in row["hosts"]
    assert row["url"] == f"https://console.example.jp/#/incidents/{number}"


def test_a_server_that_is_down_gets_it_after_kill_9_and_once(server, tmp_path, certificate):
    data = tmp_path / "var"
    data.mkdir()
    port = free_port()
    write_channels(data, [mail_channel(data, certificate, port)])
    write_rules(data, {"id": "a", "on": "incident_opened", "to": ["lead", "ciso"], "by": ["mail"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    wait_for(lambda: any(m["attempts"] > 0 for m in messages(s, "waiting")), "a vain attempt")
    channel, = s.get("/api/v1/notifications")["channels"]
    assert channel["waiting"] == 2 and channel["retrying"] >= 1 and "127.0.0.1" in channel["failure"]
    before = {m["key"] for m in messages(s, "waiting")}
    s.kill()
    s.start()
    assert {m["key"] for m in messages(s, "waiting")} == before
    box = Mailbox(certificate, port)
    try:
        wait_for(lambda: len(messages(s, "sent")) == 2, "both mails")
        s.kill()
        s.start()
        infect(s, SALES)
        incident(s, SALES)
        wait_for(lambda: len(messages(s, "sent")) == 4, "the next mails")
    finally:
        box.stop()
    keys = [mail["Message-ID"].split("@")[0].rsplit(".", 1)[1] for _, mail, _ in box.mails]
    assert before <= set(keys) and len(set(keys)) == 4
    assert sorted(recipient for recipient, _, _ in box.mails[:2]) == ["ciso@example.jp", "mori@example.jp"]
    assert s.stop() == 0
    verified(s)


def test_a_refused_recipient_is_given_up_and_can_be_tried_again(server, tmp_path, certificate, mailbox):
    data = tmp_path / "var"
    data.mkdir()
    mailbox.refused.add("mori@example.jp")
    write_channels(data, [mail_channel(data, certificate, mailbox.port)])
    write_rules(data, {"id": "a", "on": "incident_opened", "to": ["lead", "ciso"], "by": ["mail"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    failed, = wait_for(lambda: messages(s, "failed"), "the failure")
    assert failed["recipient"] == "mori@example.jp" and "550" in failed["failure"]
    wait_for(lambda: mailbox.to("ciso@example.jp"), "the other mail")
    mailbox.refused.clear()
    status, body = s.request("POST", f"/api/v1/messages/{failed['id']}/retry", "{}", {"Content-Type": "application/json"})
    assert status == 200, body
    mail, = wait_for(lambda: mailbox.to("mori@example.jp"), "the mail")
    assert failed["key"] in mail["Message-ID"]
    wait_for(lambda: not messages(s, "failed"))
    status, _ = s.request("POST", f"/api/v1/messages/{failed['id']}/retry", "{}", {"Content-Type": "application/json"})
    assert status == 409
    assert b'hyakuyo_notifications{state="failed"} 0' in s.request("GET", "/metrics")[1]
    assert s.stop() == 0
    verified(s)


def test_a_wrong_certificate_gets_nothing(server, tmp_path, mailbox, certificate):
    """The certificate is nobody's that this machine trusts: the mail stays, and the reason shows."""
    data = tmp_path / "var"
    data.mkdir()
    channel = mail_channel(data, certificate, mailbox.port)
    del channel["ca_file"]
    write_channels(data, [channel])
    write_rules(data, {"id": "a", "on": "incident_opened", "to": ["lead"], "by": ["mail"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    waiting = wait_for(lambda: [m for m in messages(s, "waiting") if m["attempts"]], "the vain attempt")
    assert "certificate" in waiting[0]["failure"].lower()
    assert mailbox.mails == [] and mailbox.logins == []


def test_https_is_checked_and_mended_while_the_server_runs(server, tmp_path, certificate):
    """A webhook over TLS: refused as long as nobody vouches for the certificate, delivered under its key once the channel is put right."""
    data = tmp_path / "var"
    data.mkdir()
    there = Receiver(certificate=certificate)
    channel = {"name": "hook", "type": "webhook", "url": f"https://127.0.0.1:{there.port}/hook", "secret_file": secret(data, "hook.secret", "key")}
    write_channels(data, [channel])
    write_rules(data, {"id": "a", "on": "incident_opened", "by": ["hook"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    waiting = wait_for(lambda: [m for m in messages(s, "waiting") if m["attempts"]], "the vain attempt")
    assert "certificate" in waiting[0]["failure"].lower() and there.requests == []
    warnings = s.get("/api/v1/status")["warnings"]
    assert any("notifications: 1 messages are tried again" in w["en"] and "再送中" in w["ja"] for w in warnings), warnings
    write_channels(data, [channel | {"type": "nonsense"}])
    s.process.send_signal(1)
    wait_for(lambda: "the old ones stay" in s.text(), "the refusal of the new channels")
    write_channels(data, [channel | {"ca_file": str(certificate / "cert.pem")}])
    s.process.send_signal(1)
    (_, headers, _), = wait_for(lambda: there.requests, "the hook")
    assert headers["Idempotency-Key"] == waiting[0]["key"]
    there.stop()


def test_a_report_goes_to_its_readers(server, tmp_path, certificate, mailbox):
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [mail_channel(data, certificate, mailbox.port)])
    write_rules(data, {"id": "reports", "on": "report_made", "reports": ["daily"], "to": ["lead"], "by": ["mail"], "attach": True, "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    for name in ("weekly", "daily"):
        status, made = s.request("POST", f"/api/v1/reports/{name}", json.dumps({"language": "ja"}), {"Content-Type": "application/json"})
        assert status == 201, made
    made = json.loads(made)
    mail, = wait_for(lambda: mailbox.to("mori@example.jp"), "the report")
    attachment, = mail.iter_attachments()
    content = attachment.get_content()
    assert attachment.get_content_type() == "application/pdf" and attachment.get_filename() == f"daily-{made['id']}.pdf"
    assert hashlib.sha256(content).hexdigest() == made["sha256"] and content.startswith(b"%PDF")
    assert mail.get_body().get_content().strip() and len(mailbox.mails) == 1


def test_syslog_in_both_forms(server, tmp_path):
    data = tmp_path / "var"
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    udp.settimeout(DEADLINE)
    tcp = socket.create_server(("127.0.0.1", 0))
    tcp.settimeout(DEADLINE)
    write_channels(data, [{"name": "sd", "type": "syslog", "url": f"udp://127.0.0.1:{udp.getsockname()[1]}"},
                          {"name": "cef", "type": "syslog", "url": f"tcp://127.0.0.1:{tcp.getsockname()[1]}", "format": "cef"}])
    write_rules(data, {"id": "a", "on": "incident_opened", "by": ["syslog"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    number = incident(s)
    line = udp.recv(65536).decode()
    head, message = line.split("\ufeff")
    assert line.startswith("<13") and f'incident="{number}"' in head and " hyakuyo - incident_opened [hyakuyo@32473 key=" in head and message
    connection, _ = tcp.accept()
    connection.settimeout(DEADLINE)
    frame = b""
    while part := connection.recv(65536):
        frame += part
    connection.close()
    length, rest = frame.split(b" ", 1)
    assert int(length) == len(rest) and b"CEF:0|hyakuyo|hyakuyo|1|incident_opened|" in rest and f"cn1={number}".encode() in rest
    udp.close()
    tcp.close()


TICKETS = {
    "/hive/api/v1/alert": (201, {"_id": "~81924216", "_type": "Alert"}),
    "/iris/alerts/add": (200, {"status": "success", "data": {"alert_id": 71}}),
    "/jira/rest/api/2/issue": (201, {"id": "10000", "key": "SEC-24", "self": "x"}),
}


def check_thehive(alert):
    """InputAlert of TheHive 5: what it needs, and of which type."""
    assert all(isinstance(alert[name], str) and alert[name] for name in ("type", "source", "sourceRef", "title", "description"))
    assert alert["severity"] in (1, 2, 3, 4) and isinstance(alert["date"], int) and alert["date"] > 10**12 and 0 <= alert["tlp"] <= 4
    assert all(isinstance(tag, str) for tag in alert["tags"])


def check_iris(alert):
    assert all(isinstance(alert[name], str) for name in ("alert_title", "alert_description", "alert_source", "alert_source_ref", "alert_source_event_time", "alert_tags"))
    assert all(isinstance(alert[name], int) for name in ("alert_severity_id", "alert_status_id", "alert_customer_id")) and alert["alert_customer_id"] == 3


def check_jira(issue):
    fields = issue["fields"]
    assert fields["project"] == {"key": "SEC"} and fields["issuetype"] == {"name": "Task"} and fields["summary"].startswith("[hyakuyo] ")
    assert isinstance(fields["description"], str) and all(" " not in label for label in fields["labels"])


def test_tickets_are_made(server, tmp_path):
    data = tmp_path / "var"
    data.mkdir()
    there = Receiver(answers=TICKETS)
    url = f"http://127.0.0.1:{there.port}"
    common = {"type": "ticket", "plain": True, "secret_file": secret(data, "token", "user:t0ken")}
    write_channels(data, [common | {"name": "hive", "url": url + "/hive/", "template": "thehive5"},
                          common | {"name": "iris", "url": url + "/iris", "template": "dfir-iris", "with": {"customer": 3}},
                          common | {"name": "jira", "url": url + "/jira", "template": "jira", "with": {"project": "SEC", "issue_type": "Task"}}])
    write_rules(data, {"id": "a", "on": "incident_opened", "by": ["ticket"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    sent = wait_for(lambda: (rows := messages(s, "sent")) if len(messages(s, "sent")) == 3 else None, "three tickets")
    there.stop()
    got = {path: (headers, json.loads(body)) for path, headers, body in there.requests}
    assert set(got) == set(TICKETS)
    check_thehive(got["/hive/api/v1/alert"][1])
    check_iris(got["/iris/alerts/add"][1])
    check_jira(got["/jira/rest/api/2/issue"][1])
    assert got["/hive/api/v1/alert"][0]["Authorization"] == "Bearer user:t0ken"
    assert got["/jira/rest/api/2/issue"][0]["Authorization"] == "Basic " + base64.b64encode(b"user:t0ken").decode()
    assert {m["channel"]: m["receipt"] for m in sent} == {"hive": "~81924216", "iris": "71", "jira": "SEC-24"}


def test_what_is_there_already_counts_as_delivered(server, tmp_path):
    data = tmp_path / "var"
    data.mkdir()
    there = Receiver(answers={"/api/v1/alert": (400, {"type": "CreateError", "message": "Alert already exists"})})
    write_channels(data, [{"name": "hive", "type": "ticket", "plain": True, "url": f"http://127.0.0.1:{there.port}", "template": "thehive5",
                           "secret_file": secret(data, "token", "t0ken")}])
    write_rules(data, {"id": "a", "on": "incident_opened", "by": ["hive"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    wait_for(lambda: messages(s, "sent"), "the ticket")
    there.answers["/api/v1/alert"] = (400, {"type": "BadRequest", "message": "no"})
    infect(s, SALES)
    failed, = wait_for(lambda: messages(s, "failed"), "the refusal")
    assert "400" in failed["failure"] and failed["attempts"] == 1
    there.stop()


# ------------------------------------------------- what happens, and who answers


def test_decisions_are_told_and_acknowledged(server, tmp_path, certificate, mailbox):
    """A decision that waits, its clock that runs out, an acknowledgement, roles (S156, S157)."""
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [mail_channel(data, certificate, mailbox.port)])
    write_rules(data, {"id": "open", "on": "incident_opened", "to": ["lead"], "by": ["mail"], "quiet": "through", "escalate": [{"minutes": 600, "to": ["ciso"]}]},
                {"id": "wait", "on": "decision_waiting", "to": ["ciso"], "by": ["mail"], "quiet": "through"},
                {"id": "late", "on": "decision_late", "to": ["lead"], "by": ["mail"], "quiet": "through"},
                {"id": "missed", "on": "deadline_missed", "to": ["ciso"], "by": ["mail"], "quiet": "through"},
                {"id": "ready", "on": "outside_ready", "to": ["lead"], "by": ["mail"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    for name, role in (("abe", "analyst"), ("v1", "vendor"), ("root", "administrator"), ("aud", "auditor")):
        run("user", "add", name, "--role", role, "--data", s.data, input="correct horse battery\n")
    abe, vendor, root, auditor = (Person(s, name) for name in ("abe", "v1", "root", "aud"))
    infect(s)
    number = incident(s)
    notice, = wait_for(lambda: notices(s, "incident_opened"), "the notice")
    assert notice["status"] == "open" and notice["escalates"]

    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 1))
    abe.do("POST", f"/api/v1/incidents/{number}/approvals", action="cut", scope="internet", question="Cut?", deadline=soon)
    wait_for(lambda: [m for m in mailbox.to("ciso@example.jp") if "判断依頼" in m["Subject"]], "the decision")
    wait_for(lambda: [m for m in mailbox.to("mori@example.jp") if "判断期限超過" in m["Subject"]], "the late decision")

    assert vendor.ask("POST", f"/api/v1/notifications/{notice['id']}/acknowledge")[0] in (403, 404)
    assert auditor.ask("POST", f"/api/v1/notifications/{notice['id']}/acknowledge")[0] == 403
    done = abe.do("POST", f"/api/v1/notifications/{notice['id']}/acknowledge", note="on it")
    assert done["status"] == "acknowledged" and done["acknowledged_by"] == "abe" and done["acknowledged"]
    assert abe.ask("POST", f"/api/v1/notifications/{notice['id']}/acknowledge")[0] == 409
    assert abe.get("/api/v1/notifications?state=open")["rows"] == []
    document = s.get("/api/v1/openapi.json")
    answer = abe.get("/api/v1/notifications")
    assert len(answer["rows"]) == 3
    conforms(document, document["paths"]["/api/v1/notifications"]["get"]["responses"]["200"]["content"]["application/json"]["schema"], answer)
    assert all(m["recipient"] == "" for row in auditor.get("/api/v1/notifications")["rows"] for m in row["messages"])

    assert abe.ask("POST", "/api/v1/notifications/test", channel="post", recipient="abe@example.jp")[0] == 403
    assert root.ask("POST", "/api/v1/notifications/test", channel="nowhere", recipient="abe@example.jp")[0] == 404
    assert root.ask("POST", "/api/v1/notifications/test", channel="post", recipient="abe")[0] == 400
    assert root.ask("POST", "/api/v1/notifications/test", channel="post", recipient="a@b\r\nBcc: x@y.example")[0] == 400
    root.do("POST", "/api/v1/notifications/test", channel="post", recipient="abe@example.jp")
    mail, = wait_for(lambda: mailbox.to("abe@example.jp"), "the test")
    assert mail["Subject"] == "[hyakuyo] 試験送信"
    assert s.stop() == 0
    verified(s)


def test_the_address_of_a_hook_is_not_told(server, tmp_path):
    """Its path can be the secret: texts, logs and answers show scheme and host alone."""
    data = tmp_path / "var"
    data.mkdir()
    port = free_port()
    write_channels(data, [webhook_channel(data, port, url=f"http://me:word@127.0.0.1:{port}/T0/secretpath?also=secret")])
    write_rules(data, {"id": "a", "on": "incident_opened", "by": ["webhook"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    said = wait_for(lambda: s.get("/api/v1/notifications")["channels"][0]["failure"], "a vain attempt")
    assert said.startswith(f"http://127.0.0.1:{port}: ")
    told = json.dumps(s.get("/api/v1/notifications")) + s.log.read_text()
    assert "secret" not in told.replace("secret_file", "") and "word" not in told


def test_an_incident_that_gets_graver_is_told_again(server, tmp_path, receiver):
    """What was denied got through: the urgency rises."""
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [webhook_channel(data, receiver.port)])
    write_rules(data, {"id": "opened", "on": "incident_opened", "by": ["webhook"], "quiet": "through"},
                {"id": "raised", "on": "incident_raised", "by": ["webhook"], "quiet": "through", "window": 60})
    s = server()
    ready(s, tmp_path)
    infect(s, action="deny")
    number = incident(s)
    opened, = wait_for(lambda: notices(s, "incident_opened"), "the first notice")
    infect(s, at="09:13:31")
    raised, = wait_for(lambda: notices(s, "incident_raised"), "the second notice")
    assert raised["incident"] == opened["incident"] == number and raised["urgency"] >= opened["urgency"]
    assert (raised["urgency"], raised["importance"], raised["confidence"]) != (opened["urgency"], opened["importance"], opened["confidence"])


def test_the_stop_waits_for_no_server_that_is_stuck(server, tmp_path):
    """Somebody takes the connection and says nothing: the stop breaks it off, and nothing is counted as an attempt."""
    data = tmp_path / "var"
    data.mkdir()
    stuck = socket.create_server(("127.0.0.1", 0))
    write_channels(data, [webhook_channel(data, stuck.getsockname()[1])])
    write_rules(data, {"id": "a", "on": "incident_opened", "by": ["webhook"], "quiet": "through"})
    s = server()
    ready(s, tmp_path)
    infect(s)
    incident(s)
    stuck.settimeout(DEADLINE)
    connection, _ = stuck.accept()
    begun = time.monotonic()
    assert s.stop() == 0
    assert time.monotonic() - begun < 45, "libcurl would have waited for a minute"
    connection.close()
    stuck.close()
    with contextlib.closing(sqlite3.connect(f"file:{s.data}/state.db?mode=ro", uri=True)) as db, db:
        assert db.execute("SELECT status, attempts FROM work_message").fetchall() == [("waiting", 0)]


def edit(s, sql, *values):
    """What time would bring, brought at once; the columns are not in the record."""
    assert s.stop() == 0
    with contextlib.closing(sqlite3.connect(s.data / "state.db")) as db, db:
        db.execute(sql, values)
    s.start()


def test_a_digest_is_one_mail_and_the_ladder_climbs(server, tmp_path, certificate, mailbox):
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [mail_channel(data, certificate, mailbox.port)])
    write_rules(data, {"id": "later", "on": "incident_opened", "to": ["ciso"], "by": ["mail"], "collect": {"minutes": 600}, "quiet": "through"},
                {"id": "now", "on": "incident_opened", "to": ["lead"], "by": ["mail"], "quiet": "through",
                 "escalate": [{"minutes": 600, "to": ["lead"], "position": "deputy"}]})
    s = server()
    ready(s, tmp_path)
    infect(s)
    first = incident(s)
    infect(s, SALES)
    second = incident(s, SALES)
    wait_for(lambda: len([m for m in messages(s, "waiting") if m["recipient"] == "ciso@example.jp"]) == 2, "the parts")
    assert mailbox.to("ciso@example.jp") == []
    edit(s, "UPDATE work_message SET due = 1 WHERE status = 'waiting'")
    mail, = wait_for(lambda: mailbox.to("ciso@example.jp"), "the digest")
    assert mail["Subject"] == "[hyakuyo] 通知 2 件"
    assert all(f"/#/incidents/{number}" in mail.get_content() for number in (first, second))
    answer = wait_for(lambda: (a := s.get("/api/v1/notifications"))["digests"] and a["digests"][0]["status"] == "sent" and a, "the digest's end")
    parts = [m for row in answer["rows"] for m in row["messages"] if m["recipient"] == "ciso@example.jp"]
    assert [m["status"] for m in parts] == ["sent", "sent"] and {m["digest"] for m in parts} == {answer["digests"][0]["id"]}

    assert mailbox.to("deputy@example.jp") == [] and len(mailbox.to("mori@example.jp")) == 2
    status, _ = s.request("POST", f"/api/v1/notifications/{next(row['id'] for row in answer['rows'] if row['rule'] == 'now' and row['incident'] == second)}/acknowledge",
                          "{}", {"Content-Type": "application/json"})
    assert status == 200
    edit(s, "UPDATE work_notice SET escalates = 1 WHERE escalates <> 0")
    mail, = wait_for(lambda: mailbox.to("deputy@example.jp"), "the next step")
    assert f"/#/incidents/{first}" in mail.get_content()
    climbed = {row["incident"]: row for row in notices(s) if row["rule"] == "now"}
    assert climbed[first]["step"] == 1 and climbed[first]["status"] == "open" and climbed[first]["escalates"] is None
    assert climbed[second]["step"] == 0 and climbed[second]["status"] == "acknowledged"
    wait_for(lambda: not messages(s, "waiting"))
    assert len(mailbox.to("deputy@example.jp")) == 1
    assert s.stop() == 0
    verified(s)


def test_an_unsigned_report_is_reminded_of(server, tmp_path, receiver):
    """S24: nobody has signed it in time."""
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [webhook_channel(data, receiver.port)])
    write_rules(data, {"id": "a", "on": "report_unsigned", "by": ["webhook"], "quiet": "through"})
    s = server()
    wait_for(lambda: feed(s), "the feed")
    edit(s, "INSERT INTO report (name, language, format, section, from_ns, to_ns, incident, seed, built_ns, built_by, due_ns, file, bytes, sha256, signed_by, note, signed_ns)"
            " VALUES ('weekly', 'ja', 'pdf', '', 0, 1, 0, 1, 2, 'hyakuyo', ?, 'x.pdf', 1, 'abc', '', '', 9223372036854775807)", time.time_ns())
    (_, _, body), = wait_for(lambda: receiver.requests, "the reminder")
    row, = json.loads(body)["notifications"]
    assert row["kind"] == "report_unsigned" and row["title"]["en"].startswith("Report is not signed")


def test_posture_deadlines_and_drafts(server, tmp_path, receiver):
    """What the record says and what only time brings, each told once (S53, S151, S154)."""
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [webhook_channel(data, receiver.port)])
    write_rules(data, *({"id": kind, "on": kind, "by": ["webhook"], "quiet": "through"} for kind in ("posture_changed", "deadline_missed", "deadline_near", "outside_ready")))
    s = server()
    ready(s, tmp_path)
    for name, role in (("mori", "lead"), ("ciso", "approver")):
        run("user", "add", name, "--role", role, "--data", s.data, input="correct horse battery\n")
    mori = Person(s, "mori")
    infect(s)
    number = incident(s)
    wait_for(lambda: feed(s), "the feed")

    def told(kind):
        return [row for _, _, body in receiver.requests for row in json.loads(body)["notifications"] if row["kind"] == kind]

    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    mori.do("POST", "/api/v1/posture/override", level="red", reason="ransomware", approver="ciso", expires=later)
    red = wait_for(lambda: [row for row in told("posture_changed") if "red" in row["title"]["en"]], "the posture")
    assert "赤" in red[0]["title"]["ja"] and red[0]["incident"] is None

    earlier = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 6 * 86400))
    for fact, value in (("personal_data", "possible"), ("wrongful_purpose", "yes"), ("cause", "Malware"), ("damage", "none"), ("measures", "cut off"),
                        ("items", "names"), ("secondary_damage", "none"), ("persons", "10")):
        mori.do("POST", f"/api/v1/incidents/{number}/deadlines", action="fact", name=fact, value=value)
    mori.do("POST", f"/api/v1/incidents/{number}/deadlines", action="knew", name="Sales", at=earlier)
    missed = wait_for(lambda: told("deadline_missed"), "the deadline")
    assert {row["incident"] for row in missed} == {number} and any("速報" in row["title"]["ja"] for row in missed)

    forms = mori.get(f"/api/v1/incidents/{number}/forms")
    form = next(f for f in forms["forms"] if f["form"] == "ppc-preliminary")
    for field in filter(None, form["missing"].split(", ")):
        mori.do("POST", f"/api/v1/incidents/{number}/deadlines", action="fact", name=field, value="known")
    mori.do("POST", f"/api/v1/incidents/{number}/forms/ppc-preliminary", action="draft", language="ja")
    draft, = wait_for(lambda: told("outside_ready"), "the draft")
    assert draft["incident"] == number and "承認待ち" in draft["title"]["ja"]
    s.kill()
    s.start()
    infect(s, SALES)
    incident(s, SALES)
    before = feed(s)
    mori = Person(s, "mori")
    mori.do("POST", f"/api/v1/incidents/{number}/entries", kind="note", text="seen")
    wait_for(lambda: feed(s) > before, "the feed")
    assert told("posture_changed") and told("outside_ready")
    titles = [row["title"]["en"] for kind in ("deadline_missed", "outside_ready", "posture_changed") for row in told(kind)]
    assert len(titles) == len(set(titles)), titles
    assert s.stop() == 0
    verified(s)


def test_who_is_named_in_a_note_is_told_and_has_it_until_it_is_read(server, tmp_path, certificate, mailbox):
    """An entry of an incident and a hand-over of the shift; by the program's own rule, once, behind the quiet hours like everything else;
    names that reach nobody are said, and the note is kept."""
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [mail_channel(data, certificate, mailbox.port)])
    rules = yaml.load((ROOT / "content/notify.yml").read_text(), yaml.BaseLoader)["rules"]  # "on" is a word here
    own = next(rule for rule in rules if rule["on"] == "mentioned")
    assert own["quiet"] == "wait"
    write_rules(data, own)  # without quiet hours: what is told leaves at once
    s = server()
    ready(s, tmp_path)
    contacts = CONTACTS + "helpdesk,primary,森 里美,mori,,satomi@example.jp,,24h,\nhelpdesk,primary,伊藤,ito,,ito@example.jp,,24h,\n"
    (tmp_path / "assets" / "contacts.csv").write_text(contacts)
    run("asset", "import", tmp_path / "assets", "--data", s.data)
    for name, role in {"abe": "analyst", "mori": "lead", "ito": "analyst", "hata": "department"}.items():
        run("user", "add", name, "--role", role, "--data", s.data, input="correct horse battery\n")
    abe, mori, ito = (Person(s, name) for name in ("abe", "mori", "ito"))
    infect(s)
    number = incident(s)
    wait_for(lambda: feed(s), "the feed")
    text = "@moriさん、機器を確認してください。@abe @mori @morita @hata soc@example.jp"
    wrote = abe.do("POST", f"/api/v1/incidents/{number}/entries", kind="handover", text=text, mentions="ito")
    assert wrote["text"] == text and wrote["told"] == ["mori", "ito"] and wrote["unreached"] == ["morita", "hata"], wrote
    document = json.loads((ROOT / "src/console/openapi.json").read_text())
    conforms(document, document["paths"]["/api/v1/incidents/{id}/entries"]["post"]["responses"]["201"]["content"]["application/json"]["schema"], wrote)
    left = abe.do("POST", "/api/v1/worklist/handovers", note="＠mori first thing tomorrow", to="ito", until=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600)))
    assert left["told"] == ["mori", "ito"] and left["unreached"] == []
    for address, person in (("satomi@example.jp", mori), ("ito@example.jp", ito)):
        mails = wait_for(lambda address=address: len(mailbox.to(address)) == 2 and mailbox.to(address), f"two mails to {address}")
        assert sorted(mail["Subject"] for mail in mails) == [f"[hyakuyo] Note for you ({what})" for what in ("hand-over of the shift", f"incident {number}")]
        assert all("abe" in mail.get_content() and "機器" not in mail.get_content() and "tomorrow" not in mail.get_content() for mail in mails)
        status, listed, _ = person.ask("GET", "/api/v1/mentions")
        assert [(row["kind"], row["incident"], row["who"]) for row in listed["rows"]] == [("handover", 0, "abe"), ("entry", number, "abe")]
        assert listed["rows"][1]["text"] == text and status == 200
        conforms(document, document["paths"]["/api/v1/mentions"]["get"]["responses"]["200"]["content"]["application/json"]["schema"], listed)
    assert mailbox.to("mori@example.jp") == [], "only whom it is for"
    assert {row["title"]["ja"] for row in notices(s)} == {f"あなた宛てのメモ(インシデント {number})", "あなた宛てのメモ(シフトの引き継ぎ)"}
    first, second = (row["id"] for row in mori.get("/api/v1/mentions")["rows"])
    ito.do("POST", f"/api/v1/mentions/{first}/read", 404)
    assert mori.do("POST", f"/api/v1/mentions/{first}/read")["read"] and mori.do("POST", f"/api/v1/mentions/{first}/read")["read"]
    assert [row["id"] for row in mori.get("/api/v1/mentions")["rows"]] == [second] and len(ito.get("/api/v1/mentions")["rows"]) == 2
    assert [row["id"] for row in mori.get("/api/v1/mentions?state=all")["rows"]] == [first, second]
    s.kill()
    s.start()
    wait_for(lambda: not messages(s, "waiting"), "the outbox")
    assert {row["kind"] for row in notices(s)} == {"mentioned"} and len(notices(s)) == 4 and len(mailbox.mails) == 4
    assert s.stop() == 0
    verified(s)


MISTAKES = {
    "a secret that others may read": (lambda data: (data / "hook.secret").chmod(0o644), "chmod 600"),
    "a channel in the clear": (lambda data: write_channels(data, [webhook_channel(data, 1, plain=False)]), "plain: true"),
    "an unknown type": (lambda data: write_channels(data, [webhook_channel(data, 1, type="pigeon")]), "webhook"),
    "an unknown key": (lambda data: write_channels(data, [webhook_channel(data, 1, colour="red")]), "colour"),
    "no secret": (lambda data: write_channels(data, [{k: v for k, v in webhook_channel(data, 1).items() if k != "secret_file"}]), "secret_file"),
    "a missing secret": (lambda data: (data / "hook.secret").unlink(), "hook.secret"),
    "a template with a value nobody gives": (lambda data: write_channels(data, [webhook_channel(data, 1, type="ticket", template="jira")]), "{project}"),
    "a person of nothing": (lambda data: write_rules(data, {"id": "a", "on": "report_made", "to": ["@"], "by": ["mail"]}), "mentioned"),
    "a wrong rule": (lambda data: write_rules(data, {"id": "a", "on": "moonrise", "by": ["mail"]}), "incident_opened"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused_at_the_start_with_their_place(tmp_path, mistake):
    data = tmp_path / "var"
    data.mkdir()
    write_channels(data, [webhook_channel(data, 1)])
    spoil, says = MISTAKES[mistake]
    spoil(data)
    done = run("serve", "--data", data, "--listen-syslog", "127.0.0.1:0", "--listen-http", "127.0.0.1:0", check=False)
    assert done.returncode == 1 and says in done.stderr and (".yml:" in done.stderr), done.stderr
