"""Scores against the corpora beside the clone: field recall and exactness of parsers, loading of Sigma rules. Skipped when the folder
is absent; nothing of it is in the project."""
import json
import re
import subprocess
import sys

import pytest

from conftest import BINARY, CORPORA, TOOLS, run

# The products that the program ships parsers for, by corpus file. Left out on purpose: beats/squid.log, whose reference calls the bytes of the
# answer source.bytes, the method event.code, and cuts the time to seconds; it contradicts elastic/squid on the same lines.
PRODUCTS = [
    "elastic/fortinet_fortigate", "elastic/iptables", "elastic/squid", "elastic/suricata", "elastic/system", "elastic/windows", "elastic/zeek",
    "beats/fortinet.firewall", "beats/iptables.log", "beats/suricata.eve", "beats/system.auth", "beats/system.syslog",
]
MIN_RECALL, MIN_EXACT = 0.90, 0.95

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="the test corpora are not beside this clone")


def score(expected, actual):
    out = subprocess.run([sys.executable, TOOLS / "score_ecs.py", *expected, "--actual", actual, "--json"], capture_output=True, text=True,
                         check=True).stdout
    return json.loads(out)


def zeek_of_beats():
    return sorted((CORPORA / "ecs/beats").glob("zeek.*.ndjson"))


def parse(files, out, *options):
    with open(out, "w") as stdout:
        for file in files:
            with open(file) as stdin:
                subprocess.run([BINARY, "parse", "--envelope", *options], stdin=stdin, stdout=stdout, check=True, timeout=60)


@pytest.mark.parametrize("options", [(), ("--ignore-source",)], ids=["with-source", "by-content"])
@pytest.mark.parametrize("product", [*PRODUCTS, "beats/zeek.*"])
def test_fields_of_each_product(product, options, tmp_path):
    files = zeek_of_beats() if product == "beats/zeek.*" else [CORPORA / "ecs" / f"{product}.ndjson"]
    out = tmp_path / "out.ndjson"
    parse(files, out, *options)
    total = score(files, out)
    total = total.get("total", total)
    print(product, options, total["recall"], total["exact"])
    assert total["recall"] >= MIN_RECALL and total["exact"] >= MIN_EXACT, total


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_score_does_not_depend_on_the_values(product, tmp_path):
    file = CORPORA / "ecs" / f"{product}.ndjson"
    mutated, out = tmp_path / "mutated.ndjson", tmp_path / "out.ndjson"
    subprocess.run([sys.executable, TOOLS / "mutate.py", file, mutated, "--seed", "20261123", "--shuffle"], check=True, capture_output=True)
    parse([mutated], out)
    total = score([mutated], out)
    total = total.get("total", total)
    assert total["recall"] >= MIN_RECALL - 0.01 and total["exact"] >= MIN_EXACT - 0.01, total


def test_all_sigma_rules_load_or_say_why():
    done = run("check", "--rules", CORPORA / "sigma/rules", "--lang", "en", check=False)
    counts = re.search(r"rules: (\d+) files, (\d+) loaded, (\d+) refused, (\d+) correlations, (\d+) filters", done.stdout)
    files, loaded, refused, correlations, filters = map(int, counts.groups())
    assert loaded + refused + correlations + filters == files
    reasons = [line for line in done.stdout.splitlines() if re.match(r".*\.yml:\d+:\d+: ", line)]
    assert len(reasons) == refused
    assert refused <= 2 and all("placeholder" in line for line in reasons)
