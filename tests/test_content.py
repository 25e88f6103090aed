"""The knowledge in content/: each rule of ours says, in both languages, what it found and what to do next, and how much it weighs;
its tags are real; each parser has a name in both languages and a sample that it must not take."""
import functools
import json
import re

import pytest
import yaml

from conftest import CORPORA, ROOT

RULES = sorted((ROOT / "content" / "rules").rglob("*.yml"))
PARSERS = sorted((ROOT / "content" / "parsers").glob("*.yml"))
JAPANESE = re.compile(r"[ぁ-んァ-ヶ一-龠]")
LEVELS = {"informational", "low", "medium", "high", "critical"}
STAGES = {"exposure", "stopped", "executed", "c2_suspected", "outward_attack", "spreading"}
TECHNIQUES = CORPORA / "ti" / "attack" / "enterprise-techniques.tsv"


LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@functools.cache
def load(file):
    return yaml.load(file.read_text(encoding="utf-8"), Loader=LOADER)


def name_of(file):
    return str(file.relative_to(ROOT / "content"))


@pytest.mark.parametrize("file", RULES, ids=name_of)
def test_a_rule_says_everything_in_both_languages(file):
    rule = load(file)
    own = rule["hyakuyo"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", rule["id"])
    assert rule["title"] and not JAPANESE.search(rule["title"]) and not JAPANESE.search(rule["description"])
    assert JAPANESE.search(own["title_ja"]) and JAPANESE.search(own["description_ja"])
    assert rule["level"] in LEVELS and rule["falsepositives"]
    assert own["evidence_group"] and own["likelihood_ratio"] > 0 and own["stage"] in STAGES
    assert own.get("entity") or "correlation" in rule or "sequence" in rule
    assert own["next_steps"]["en"] and len(own["next_steps"]["en"]) == len(own["next_steps"]["ja"])
    assert all(JAPANESE.search(step) for step in own["next_steps"]["ja"])
    assert not any(JAPANESE.search(step) for step in own["next_steps"]["en"])


@pytest.mark.parametrize("file", RULES, ids=name_of)
def test_a_rule_carries_samples_for_both_answers(file):
    answers = [sample["fires"] for sample in load(file)["hyakuyo"]["samples"]]
    assert True in answers and False in answers


def test_rules_are_told_apart():
    rules = [load(file) for file in RULES]
    for key in ("id", "title", "name"):
        values = [rule[key] for rule in rules]
        assert len(set(values)) == len(values), key


def test_a_likelihood_ratio_fits_the_level():
    """A level that opens an incident alone needs evidence that weighs something, and the other way round (docs/content.md)."""
    for file in RULES:
        rule = load(file)
        ratio = rule["hyakuyo"]["likelihood_ratio"]
        if rule["hyakuyo"]["evidence_group"] == "control_test":
            assert ratio == 1, name_of(file)  # about our own watching; it says nothing about an infection
        elif rule["level"] in ("high", "critical"):
            assert ratio >= 5, name_of(file)
        if rule["level"] == "informational":
            assert ratio <= 2, name_of(file)


@pytest.mark.skipif(not TECHNIQUES.is_file(), reason="the list of ATT&CK techniques is not beside this clone")
def test_techniques_exist():
    known = {}
    for line in TECHNIQUES.read_text(encoding="utf-8").splitlines()[1:]:
        columns = line.split("\t")
        known[columns[0].lower()] = (set(columns[2].split(",")), columns[4])
    for file in RULES:
        for tag in load(file)["tags"]:
            if re.match(r"attack\.t\d", tag):
                technique = tag.removeprefix("attack.")
                assert technique in known, f"{name_of(file)}: {tag}"
                assert known[technique][1] == "false", f"{name_of(file)}: {tag} is revoked"


@pytest.mark.parametrize("file", PARSERS, ids=name_of)
def test_a_parser_has_a_name_in_both_languages_and_samples(file):
    text = file.read_text(encoding="utf-8")  # its expressions are YAML for libfyaml, not for every reader
    if not re.search(r"^library: true", text, re.M):
        title = re.search(r"^title:(.*\n(?:  .*\n)*)", text, re.M).group(1)
        assert "en:" in title and "ja:" in title
        assert re.search(r"^ +(- )?expect:", text, re.M)


def test_reports_have_words_for_every_group_of_evidence():
    """Whatever a finding may weigh in has a name of its own on paper and on the screen, in both languages."""
    used = set()
    for file in sorted((ROOT / "content").rglob("*.yml")):
        if "reports" not in file.parts:
            used |= set(re.findall(r"evidence_group: *['\"]?([a-z][a-z0-9_]*)", file.read_text(encoding="utf-8")))
    named = load(ROOT / "content" / "reports" / "labels.yml")["columns"]["evidence_group"]["values"]
    assert len(used) > 30 and used - set(named) == set()
    assert all(JAPANESE.search(words["ja"]) or words["ja"] == words["en"] for words in named.values())
    shown = (ROOT / "web" / "src" / "lib" / "words.ts").read_text(encoding="utf-8")
    spoken = [json.loads((ROOT / "web" / "messages" / f"{language}.json").read_text(encoding="utf-8")) for language in ("en", "ja")]
    assert not [group for group in used if f"{group}: m.evidence_{group}" not in shown or not all(f"evidence_{group}" in words for words in spoken)]
