"""Names by the thousand whose origin is known: families of domain generation algorithms after the principles of the field (arithmetic, hashes,
word lists, syllables, Markov chains, dates as seeds), and the names of everyday networks that resemble them. All algorithms and words are this
file's own; content/ holds none of them. A family gives registered domains, the same for the same seed and day."""
import hashlib
import random

WORDS = """absent anchor autumn balance barrel basket blanket bottle bundle candle canvas carpet cement chapter cherry clever copper cotton cradle
curtain danger decline diesel dinner double eleven empire fabric falcon famous fellow fender finger forbid fossil gentle giant ginger glance
gravel hammer handle hollow honest humble hungry insect jacket jungle kettle ladder lantern leather lesson lizard lumber magnet marble meadow
mellow mirror mustard napkin nephew nickel orchard oyster paddle pardon pebble pepper pigeon pillow plenty pocket polish powder puzzle rabbit
rather ribbon rocket saddle scatter shadow shelter shovel shower sister slender soldier splash sponge stumble sudden swallow tackle temper
thunder timber tissue trouble tumble turkey twelve useful velvet violin walnut wander whisper willow wonder yogurt zipper""".split()
# Words of everyday names: what offices, shops and services are called. Not those of WORDS.
TRADES = """mail static shop cloud portal img data media files apps login update video assets login cache node edge host web api docs wiki shop
support survey signup ticket payroll intranet cafeteria warehouse forwarder logistics bakery plumbing dentist notary florist architects printing
furniture insurance translation consulting accounting gardening catering""".split()
SYLLABLES = """a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho ma mi mu me mo ya yu yo ra ri ru re ro wa
ga gi gu ge go za ji zu ze zo da de do ba bi bu be bo kyo sho cho ryo shu chu ryu n""".split()
TRADES_JA = "denki kogyo shoji sangyo kensetsu unyu seiko kagaku shokuhin insatsu butsuryu jidosha tekko shoten honten gumi kai".split()
ENDINGS = "com net org info biz ru cc".split()


class Arithmetic:
    """The linear congruential generator of the C library's textbook."""

    def __init__(self, seed):
        self.state = seed & 0xFFFFFFFF

    def below(self, n):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 16) % n

    def text(self, letters, n):
        return "".join(letters[self.below(len(letters))] for _ in range(n))


LETTERS = "abcdefghijklmnopqrstuvwxyz"


def arithmetic(seed, day):
    lcg = Arithmetic(seed * 7919 + day)
    while True:
        yield lcg.text(LETTERS, 8 + lcg.below(8)) + "." + ENDINGS[lcg.below(5)]


def arithmetic_fixed(seed, day):
    """All of one length, without vowels on purpose or by lot; one ending."""
    lcg = Arithmetic(seed * 104729 + day * 31)
    while True:
        yield lcg.text("bcdfghjklmnpqrstvwxz" if seed % 2 else LETTERS, 11) + ".ru"


def hash_hex(seed, day):
    for n in range(1 << 30):
        yield hashlib.sha256(f"{seed} {day} {n}".encode()).hexdigest()[:16] + "." + ENDINGS[n % 3]


def hash_letters(seed, day):
    """A hash whose digits are folded into letters, as lengthy as a label is allowed to be in practice."""
    for n in range(1 << 30):
        digest = hashlib.md5(f"{day}.{seed}.{n}".encode()).digest()
        yield "".join(LETTERS[b % 26] for b in digest[:12 + digest[15] % 5]) + ".biz"


def base36(seed, day):
    rng = random.Random(f"base36 {seed} {day}")
    while True:
        yield "".join(rng.choice(LETTERS + "0123456789") for _ in range(rng.randint(10, 20))) + ".net"


def syllables(seed, day):
    """Consonant, vowel, consonant, vowel: pronounceable."""
    rng = random.Random(f"syllables {seed} {day}")
    while True:
        yield "".join(rng.choice("bcdfghjklmnpqrstvwxyz") + rng.choice("aeiouy") for _ in range(rng.randint(4, 6))) + "." + rng.choice(ENDINGS)


def markov(seed, day):
    """Letters that follow one another as in words."""
    rng = random.Random(f"markov {seed} {day}")
    follow = {}
    for word in WORDS:
        for a, b in zip(word, word[1:]):
            follow.setdefault(a, []).append(b)
    while True:
        label = rng.choice(LETTERS)
        while len(label) < 10 + rng.randint(0, 4):
            label += rng.choice(follow.get(label[-1], "aeiou"))
        yield label + "." + rng.choice(ENDINGS)


def wordlist(seed, day):
    lcg = Arithmetic(seed * 65537 + day)
    while True:
        yield WORDS[lcg.below(len(WORDS))] + WORDS[lcg.below(len(WORDS))] + ".net"


def wordlist_number(seed, day):
    rng = random.Random(f"wordlist {seed} {day}")
    while True:
        yield f"{rng.choice(WORDS)}-{rng.choice(WORDS)}{rng.randint(10, 99)}.com"


GENERATED = {f.__name__: f for f in (arithmetic, arithmetic_fixed, hash_hex, hash_letters, base36, syllables, markov, wordlist, wordlist_number)}
# Each single name looks chosen: only that they do not exist tells.
LOOKS_CHOSEN = {"markov", "wordlist", "wordlist_number"}


def numbered(rng):
    """Words with a number: sites, servers, tenants."""
    return rng.choice((f"{rng.choice(TRADES)}{rng.randint(1, 9999)}.example", f"{rng.choice(TRADES)}-{rng.choice(TRADES)}{rng.randint(1, 99)}.com",
                       f"{rng.choice(TRADES)}{rng.randint(1, 99)}.{rng.choice(TRADES)}{rng.choice(TRADES)}{rng.randint(1, 30)}.net"))


def romaji(rng):
    name = "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4)))
    return rng.choice((f"{name}-{rng.choice(TRADES_JA)}.co.jp", f"www.{name}{rng.choice(TRADES_JA)}.jp", f"{name}.{rng.choice(TRADES_JA)}.ne.jp", f"{name}.or.jp"))


def tenants(rng):
    """Customers of a cloud under names drawn by lot: the provider's domain is a public suffix."""
    label = "d" + "".join(rng.choice(LETTERS + "0123456789") for _ in range(12))
    return rng.choice((f"{label}.cloudfront.net", f"{label}.azurewebsites.net", f"{label}.herokuapp.com", f"{label}.blob.core.windows.net"))


def lookups(rng):
    """Questions whose label is the datum: block lists, cloud look-ups of anti-virus, telemetry, reverse names."""
    octets = [str(rng.randint(1, 254)) for _ in range(4)]
    digest = hashlib.sha1(str(rng.random()).encode()).hexdigest()
    return rng.choice((".".join(octets) + ".zen.spamhaus.org", ".".join(octets) + ".bl.blocklist.example", ".".join(octets) + ".in-addr.arpa",
                       f"{digest[:26]}.avqs.vendor.example", f"{digest[:30]}.hash.cloudscan.example", f"t-{digest[:8]}.telemetry.maker.example"))


def abbreviations(rng):
    """Initials and syllables, as carriers, makers and public bodies are called."""
    parts = "ntt kddi jr tbs nhk ibm hp sap dhl ups mhlw meti jst nec ana jal ufj smbc".split()
    return f"{rng.choice(parts)}{rng.choice(('', '-'))}{rng.choice(parts)}{rng.choice(('', '-'))}{rng.choice(TRADES + TRADES_JA)}.{rng.choice(('jp', 'com', 'co.jp'))}"


def hyphenated(rng):
    return f"{rng.choice(TRADES)}-{rng.choice(TRADES_JA)}-{rng.choice(TRADES)}.{rng.choice(('com', 'jp', 'net'))}"


BENIGN = {f.__name__: f for f in (numbered, romaji, tenants, lookups, abbreviations, hyphenated)}
