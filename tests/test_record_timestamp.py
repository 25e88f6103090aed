"""RFC 3161: an authority of our own (openssl ts) stamps the newest checkpoint; what is not its stamp, or not of that checkpoint, is found."""
import http.server
import json
import shutil
import subprocess
import threading

import pytest

from conftest import needs, run
from test_record import first_bad

CONFIG = """
[tsa]
default_tsa = tsa1
[tsa1]
dir = {folder}
serial = $dir/serial
crypto_device = builtin
signer_cert = $dir/tsa.pem
certs = $dir/tsa.pem
signer_key = $dir/tsa.key
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@pytest.fixture
def authority(tmp_path):
    """Its address and its certificate."""
    folder = tmp_path / "tsa"
    folder.mkdir()
    (folder / "serial").write_text("01\n")
    (folder / "tsa.cnf").write_text(CONFIG.format(folder=folder))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", folder / "tsa.key", "-out", folder / "tsa.pem", "-days", "30",
                    "-subj", "/CN=Time of example", "-addext", "extendedKeyUsage=critical,timeStamping"], check=True, capture_output=True)

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            (folder / "query").write_bytes(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.headers["Content-Type"] == "application/timestamp-query"
            subprocess.run(["openssl", "ts", "-reply", "-config", folder / "tsa.cnf", "-queryfile", folder / "query", "-out", folder / "reply"],
                           check=True, capture_output=True)
            self.send_response(200)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.end_headers()
            self.wfile.write((folder / "reply").read_bytes())

        def log_message(self, *_):
            pass

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{served.server_port}/", folder / "tsa.pem"
    served.shutdown()


@needs("openssl")
def test_a_checkpoint_is_stamped_and_the_stamp_is_verified(server, authority, tmp_path):
    url, certificate = authority
    s = server()
    s.stop()
    done = run("timestamp", "--data", s.data, "--tsa-ca", certificate, url)
    assert "checkpoint 2 was stamped at 20" in done.stdout
    told = json.loads(run("verify", "--data", s.data, "--tsa-ca", certificate, "--format", "json").stdout)
    assert told["ok"] and told["timestamps"] == 1
    stranger = tmp_path / "stranger.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", tmp_path / "x.key", "-out", stranger, "-subj", "/CN=Time of example"],
                   check=True, capture_output=True)
    told = json.loads(run("verify", "--data", s.data, "--tsa-ca", stranger, "--format", "json", check=False).stdout)
    assert len(told["problems"]) == 1 and "time stamp" in told["problems"][0]["reason"]
    refused = run("timestamp", "--data", s.data, "--tsa-ca", stranger, url, check=False)
    assert refused.returncode != 0 and "time stamp" in refused.stderr
    token = s.data / "record/checkpoint-2.tsr"
    good = token.read_bytes()
    shutil.copy(token, s.data / "record/checkpoint-1.tsr")
    for changed in (good[:-9] + bytes([good[-9] ^ 1]) + good[-8:], good[:40], b""):
        token.write_bytes(changed)
        assert "time stamp" in first_bad(s.data)[1]
    token.unlink()
    assert "checkpoint-2.tsr" in first_bad(s.data)[1]
    token.write_bytes(good)
    assert first_bad(s.data) is None


@needs("openssl")
def test_without_an_authority_nothing_is_kept(server):
    s = server()
    s.stop()
    done = run("timestamp", "--data", s.data, "http://127.0.0.1:9/", check=False)
    assert done.returncode == 1 and "127.0.0.1:9" in done.stderr
    assert not list((s.data / "record").glob("*.tsr")) and first_bad(s.data) is None
