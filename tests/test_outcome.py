"""event.outcome says whether the reporting device did what it names; whether something got through is event.type (docs/parsers.md)."""
import json

import pytest

from conftest import ROOT, run

FORTIGATE = ('date=2025-11-10 time=09:13:09 devname="FW-EDGE" devid="FGT60F0000000001" type="traffic" subtype="forward" srcip=10.20.30.31 '
             'srcport=49712 dstip=198.51.100.23 dstport=6667 proto=6 action="{action}" policyid=12 service="tcp/6667" tz="+0900"')
ASA = '<164>%ASA-4-106023: Deny tcp src inside:10.20.30.31/49712 dst outside:198.51.100.23/6667 by access-group "in" [0x0, 0x0]'


@pytest.mark.parametrize("line, passage", [(FORTIGATE.format(action="deny"), "denied"), (FORTIGATE.format(action="accept"), "allowed"),
                                           (ASA, "denied")])
def test_a_denial_that_was_carried_out_is_a_success(line, passage):
    event = json.loads(run("parse", input=line + "\n").stdout)
    assert passage in event["event"]["type"] and event["event"]["outcome"] == "success"


def test_no_rule_takes_outcome_for_passage():
    meant = {"malware_verdict", "remote_access", "logon"}  # there it is the outcome of the cleaning, of the log-on
    seen = 0
    for path in sorted((ROOT / "content/rules").rglob("*.yml")):
        text = path.read_text()
        if "\ncorrelation:" in text or "\nsequence:" in text:
            continue
        detection = text.split("\ndetection:")[1].split("\nhyakuyo:")[0]
        if "event.outcome" in detection:
            seen += 1
            assert any(f"category: {category}" in text for category in meant), f"{path.name} reads event.outcome"
    assert seen  # the search above finds what there is
    taxonomy = (ROOT / "content/taxonomy/network.yml").read_text()
    assert "event.outcome" not in [line.split("#")[0] for line in taxonomy.splitlines() if line.strip().startswith("action:")][0]
