"""Whole hosts and the names that they ask for (S66, S106, spec 2.4): families of generation algorithms are found, the names of everyday networks
that resemble them are not, whether the log keeps answers or not. Families and kinds: tests/name_families.py. Prints precision and recall; the
table of docs/instruments.md is this output."""
import collections
import datetime
import itertools
import json
import random
import re

import pytest

import name_families
from conftest import ROOT, rows

START = 1762738200  # 2025-11-10 10:30 in Tokyo
HOSTS = 6           # of each family and kind, each with a seed of its own
FOUND = {"generated_names", "nxdomain_flood"}  # what says that the host itself is taken for infected

# Shares of the hosts that must be found: without answers single names are all there is to see, and names that look chosen stay unseen.
RECALL = {"answers": collections.defaultdict(lambda: 1.0), "no answers": collections.defaultdict(lambda: 1.0, dict.fromkeys(name_families.LOOKS_CHOSEN | {"slow"}, 0.0))}


def question(at, ip, name, kept, exists):
    time = datetime.datetime.fromtimestamp(at, datetime.timezone(datetime.timedelta(hours=9)))
    if not kept:
        return at, f"{time:%d-%b-%Y %H:%M:%S}.{int(at % 1 * 1000):03d} queries: info: client @0x7f2a {ip}#40000 ({name}): query: {name} IN A + (10.10.0.53)"
    answer = '"rcode":"NOERROR","answers":[{"rrname":"%s","rrtype":"A","ttl":60,"rdata":"203.0.113.9"}]' % name if exists else '"rcode":"NXDOMAIN"'
    return at, (f'{{"timestamp":"{time:%Y-%m-%dT%H:%M:%S}.{int(at % 1 * 1e6):06d}+0900","event_type":"dns","src_ip":"{ip}","src_port":40000,"dest_ip":"10.10.0.53","dest_port":53,'
                f'"proto":"UDP","dns":{{"version":2,"type":"answer","id":7,"flags":"8180","qr":true,"rrname":"{name}","rrtype":"A",{answer}}}}}')


def everyday(rng, popular):
    return rng.choice(popular) if popular and rng.random() < 0.7 else rng.choice(list(name_families.BENIGN.values()))(rng)


def hosts(popular):
    """(kind of host, is infected, [(name, exists)]), a name every few seconds."""
    for family, names in name_families.GENERATED.items():
        for seed in range(HOSTS):
            rng = random.Random(f"{family} {seed}")
            asked = [(n, i == 70) for i, n in enumerate(itertools.islice(names(seed, 20000 + seed), 80))]
            for _ in range(40):
                asked.insert(rng.randrange(len(asked)), (everyday(rng, popular), True))
            yield family, True, asked
    for seed in range(HOSTS):
        rng = random.Random(f"busy {seed}")
        asked = [(n, False) for n in itertools.islice(name_families.arithmetic(seed, 20100 + seed), 80)] + [(everyday(rng, popular), True) for _ in range(150)]
        yield "arithmetic, busy", True, rng.sample(asked, len(asked))
    for seed in range(HOSTS):
        rng = random.Random(f"slow {seed}")
        names = itertools.islice(name_families.hash_letters(seed, 20200 + seed), 60)
        yield "slow", True, [pair for n in names for pair in ((n, False), (everyday(rng, popular), True), (everyday(rng, popular), True))]
    for kind, name in name_families.BENIGN.items():
        for seed in range(HOSTS):
            rng = random.Random(f"{kind} {seed}")
            yield kind, False, [(name(rng), rng.random() > 0.04) for _ in range(300)]
    for seed in range(HOSTS):
        rng = random.Random(f"others {seed}")
        yield "browsing", False, [(everyday(rng, popular), rng.random() > 0.03) for _ in range(300)]
        yield "link checker", False, [(everyday(rng, popular), rng.random() > 0.15) for _ in range(600)]
        yield "old bookmarks", False, [(everyday(rng, popular), False) for _ in range(14)]
        yield "no way out", False, [(everyday(rng, popular), False) for _ in range(150)]
        if popular:
            yield "popular sites", False, [(n, True) for n in rng.sample(popular, 600)]


def write(path, kept, popular):
    """Address → (kind of host, is infected)."""
    who, lines = {}, []
    for n, (kind, is_infected, asked) in enumerate(hosts(popular)):
        ip = f"10.20.{n // 200}.{n % 200 + 1}"
        who[ip] = kind, is_infected
        rng = random.Random(n)
        at = START + rng.random() * 60
        for name, exists in asked:
            lines.append(question(at, ip, name, kept, exists))
            at += rng.uniform(60, 180) if kind == "slow" else rng.uniform(1, 7)
    path.write_text("".join(line + "\n" for _, line in sorted(lines)))
    return who


def popular_sites(corpora):
    listed = json.loads((corpora / "ti" / "misp-warninglists" / "tranco10k.json").read_text())["list"]
    return sorted("www." + n.lower().lstrip(".") for n in listed if re.fullmatch(r"[a-zA-Z0-9.-]+", n))


def score(tmp_path, kept, popular):
    log = tmp_path / "names.log"
    who = write(log, kept == "answers", popular)
    found = collections.defaultdict(set)
    for r in rows("replay", "--format", "ndjson", log, env={"TZ": "Asia/Tokyo"}):
        if r["kind"] == "finding" and r.get("instrument") == "dga":
            found[r["entities"]["ip"]].add(r["rule_id"])
    table = collections.defaultdict(lambda: [0, 0, 0])
    for ip, (kind, _) in who.items():
        table[kind][0] += 1
        table[kind][1] += bool(found[ip] & FOUND)
        table[kind][2] += found[ip] == {"nxdomain_burst"}
    infected = {ip for ip, (_, is_infected) in who.items() if is_infected}
    named = {ip for ip in who if found[ip] & FOUND}
    print(f"\n{kept}: precision {len(named & infected) / len(named):.2f} recall {len(named & infected) / len(infected):.2f}")
    for kind, (count, hit, burst) in table.items():
        print(f"  {kind:16} {hit} of {count}" + (f", and {burst} as a mere burst of missing names" if burst else ""))
    return {kind: hit / count for kind, (count, hit, _) in table.items()}


def check(kept, shares):
    infected = [*name_families.GENERATED, "arithmetic, busy", "slow"]
    for family in infected:
        assert shares[family] >= RECALL[kept][family], family
    for kind in shares.keys() - set(infected):
        assert shares[kind] == 0, kind


@pytest.mark.parametrize("kept", RECALL)
def test_hosts(tmp_path, kept):
    check(kept, score(tmp_path, kept, []))


@pytest.mark.parametrize("kept", RECALL)
def test_hosts_among_popular_sites(corpora, tmp_path, kept):
    check(kept, score(tmp_path, kept, popular_sites(corpora)))


def test_no_word_of_the_families_is_known_to_the_model():
    text = (ROOT / "content" / "instruments" / "dga.yml").read_text()
    known = set(re.findall(r"[a-z]+", text[text.index("words:"):text.index("\nfindings:")]))
    both = known & set(name_families.WORDS)
    assert len(both) <= 0.1 * len(name_families.WORDS), sorted(both)
