"""Scores against the corpora beside the clone: field recall and exactness of parsers, loading of Sigma rules. Skipped when the folder
is absent; nothing of it is in the project."""
import json
import re
import subprocess
import sys

import pytest

from conftest import BINARY, CORPORA, TOOLS, run

# The products that the program ships parsers for, each with all corpus files about it. Left out on purpose: beats/squid.log, whose reference
# calls the bytes of the answer source.bytes, the method event.code, and cuts the time to seconds; it contradicts elastic/squid on the same lines.
# Likewise beats/cisco.*: an older mapping that elastic/cisco_* contradicts (actions, and which end of a connection began it).
PRODUCTS = {
    "FortiGate": ["elastic/fortinet_fortigate", "beats/fortinet.firewall"],
    "Linux netfilter": ["elastic/iptables", "beats/iptables.log"],
    "Linux syslog and authentication": ["elastic/system", "beats/system.auth", "beats/system.syslog"],
    "Squid": ["elastic/squid"],
    "Suricata": ["elastic/suricata", "beats/suricata.eve"],
    "Windows": ["elastic/windows"],
    "Zeek": ["elastic/zeek", "beats/zeek.*"],
    "Cisco ASA": ["elastic/cisco_asa"],
    "Cisco IOS": ["elastic/cisco_ios"],
    "BIND and DHCP of Infoblox": ["elastic/infoblox_nios"],
}
MIN_RECALL, MIN_EXACT = 0.90, 0.95

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the test corpora are not beside this clone")


def score(expected, actual):
    out = subprocess.run([sys.executable, TOOLS / "score_ecs.py", *expected, "--actual", actual, "--json"], capture_output=True, text=True,
                         check=True).stdout
    return json.loads(out)


def files_of(product):
    return [file for name in PRODUCTS[product] for file in sorted((CORPORA / "ecs").glob(f"{name}.ndjson"))]


def parse(files, out, *options):
    with open(out, "w") as stdout:
        for file in files:
            with open(file) as stdin:
                subprocess.run([BINARY, "parse", "--envelope", *options], stdin=stdin, stdout=stdout, check=True, timeout=60)


@pytest.mark.parametrize("options", [(), ("--ignore-source",)], ids=["with-source", "by-content"])
@pytest.mark.parametrize("product", PRODUCTS)
def test_fields_of_each_product(product, options, tmp_path):
    files = files_of(product)
    out = tmp_path / "out.ndjson"
    parse(files, out, *options)
    total = score(files, out)
    total = total.get("total", total)
    print(f"{product}: recall {total['recall']}, exact {total['exact']}")
    assert total["recall"] >= MIN_RECALL and total["exact"] >= MIN_EXACT, total


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_score_does_not_depend_on_the_values(product, tmp_path):
    mutated = []
    for file in files_of(product):
        mutated.append(tmp_path / file.name)
        subprocess.run([sys.executable, TOOLS / "mutate.py", file, mutated[-1], "--seed", "20261123", "--shuffle"], check=True,
                       capture_output=True)
    out = tmp_path / "out.ndjson"
    parse(mutated, out)
    total = score(mutated, out)
    total = total.get("total", total)
    assert total["recall"] >= MIN_RECALL and total["exact"] >= MIN_EXACT, total


def test_sigma_rules_find_what_an_independent_evaluator_finds(tmp_path):
    """The flat Windows events, line by line, through the whole program; scored by (rule, file)."""
    zstd = subprocess.run(["zstd", "-dc", CORPORA / "evtx/events-dev.ndjson.zst"], capture_output=True, check=True).stdout
    records = [json.loads(line) for line in zstd.splitlines()]
    events = tmp_path / "events.ndjson"
    events.write_text("".join(json.dumps(r["event"]) + "\n" for r in records))
    found = run("scan", "--rules", CORPORA / "sigma/rules", events, check=False, timeout=120).stdout
    findings = tmp_path / "findings.ndjson"
    with open(findings, "w") as out:
        for line in found.splitlines():
            finding = json.loads(line)
            record = records[finding["record"] - 1]
            out.write(json.dumps({"rule_id": finding["rule_id"], "file": record["file"]}) + "\n")
    result = json.loads(subprocess.run([sys.executable, TOOLS / "score_sigma.py", findings, "--oracle", CORPORA / "sigma/oracle-dev.tsv", "--json"],
                                       capture_output=True, text=True).stdout)
    print(f"Sigma: precision {result['precision']}, recall {result['recall']}")
    assert result["recall"] >= 0.99 and result["precision"] >= 0.98


def test_all_sigma_rules_load_or_say_why():
    done = run("check", "--rules", CORPORA / "sigma/rules", "--lang", "en", check=False)
    counts = re.search(r"rules: (\d+) files, (\d+) loaded, (\d+) refused, (\d+) correlations, (\d+) filters", done.stdout)
    files, loaded, refused, correlations, filters = map(int, counts.groups())
    assert loaded + refused + correlations + filters == files
    reasons = [line for line in done.stdout.splitlines() if re.match(r".*\.yml:\d+:\d+: ", line)]
    assert len(reasons) == refused
    assert refused <= 2 and all("placeholder" in line for line in reasons)
