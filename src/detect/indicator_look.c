/* Looking up values among millions of keys.
 * Stage: detect, for every event, many threads. Reads the set; tells which records a value meets. Next:
 * indicator_match.c.
 *
 * A table of this size is in no cache: a look-up costs one or two reads of main memory, 100 to 200 ns each if
 * one waits for the other. So values are asked in groups: all are brought into canonical form and hashed, and
 * the lines of their buckets are asked for; then the lines are read, and the records behind slots whose 32
 * bits agree are asked for; then those are compared. Nothing waits for a single read.
 *
 * Networks are looked up by their prefix lengths: for the first 16 bits of an address a mask tells which
 * lengths occur there at all, and each is one look-up of the shortened address. */
#include "detect/indicator_set.h"

#define LABELS_MAX     32 /* parents of a name that are looked up, from the right */
#define PROBES_EACH    (LABELS_MAX + 130)
#define PROBES_MAX     512
#define CANDIDATES_MAX 256
#define KEY_BYTES      16384
#define KEY_BYTES_EACH (INDICATOR_VALUE_MAX + 17 * 130)

struct probe {
    uint64_t hash;
    const unsigned char *key;
    uint32_t question;
    uint16_t n;
    uint8_t type;
};

struct candidate {
    const struct probe *probe;
    uint32_t ref;
};

struct asking {
    const struct indicator_set *set;
    indicator_met *met;
    void *context;
    struct probe probes[PROBES_MAX];
    struct candidate candidates[CANDIDATES_MAX];
    size_t probe_count, candidate_count, key_bytes;
    unsigned char keys[KEY_BYTES]; /* canonical forms that the probes point to */
};

/* ------------------------------------------------------------------ 1: hashing */

static void probe(struct asking *a, uint32_t question, enum indicator_type type, const unsigned char *key,
                  size_t n)
{
    if (a->set->by_type[type] == 0)
        return;
    uint64_t hash = indicator_key_hash(type, key, n);
    __builtin_prefetch(a->set->slots + indicator_bucket(a->set, hash) * BUCKET_SLOTS);
    a->probes[a->probe_count++] = (struct probe){hash, key, question, (uint16_t)n, (uint8_t)type};
}

static const unsigned char *keep_key(struct asking *a, const void *bytes, size_t n)
{
    unsigned char *key = a->keys + a->key_bytes;
    memcpy(key, bytes, n);
    a->key_bytes += n;
    return key;
}

static void probe_networks(struct asking *a, uint32_t question, const struct ip *ip)
{
    bool is_v4 = ip_is_v4(ip);
    const unsigned char *head = is_v4 ? ip->bytes + 12 : ip->bytes;
    uint32_t at = (uint32_t)head[0] << 8 | head[1];
    uint64_t lengths[2] = {0, 0};
    if (is_v4 && a->set->v4_lengths)
        lengths[0] = a->set->v4_lengths[at];
    if (!is_v4 && a->set->v6_lengths)
        memcpy(lengths, a->set->v6_lengths[at], sizeof lengths);
    for (unsigned half = 0; half < 2; half++) {
        for (uint64_t left = lengths[half]; left; left &= left - 1) {
            unsigned length = 64 * half + (unsigned)__builtin_ctzll(left);
            struct indicator_key key;
            struct cidr c = {.ip = *ip, .bits = (uint8_t)(is_v4 ? 96 + length : length)};
            indicator_key_of_network(&c, &key);
            probe(a, question, INDICATOR_NETWORK, keep_key(a, key.bytes, key.n), key.n);
        }
    }
}

static bool probe_ip(struct asking *a, uint32_t question, struct str text)
{
    struct ip ip;
    if (!indicator_may_be_ip(text) || !ip_parse(text, &ip))
        return false;
    size_t n = ip_is_v4(&ip) ? 4 : 16;
    probe(a, question, INDICATOR_ADDRESS, keep_key(a, ip.bytes + 16 - n, n), n);
    if (a->set->by_type[INDICATOR_NETWORK])
        probe_networks(a, question, &ip);
    return true;
}

/* The name and its parents; no indicator is a single label. */
static void probe_domain(struct asking *a, uint32_t question, struct str text)
{
    unsigned char *name = a->keys + a->key_bytes;
    size_t n, labels = 0;
    if (probe_ip(a, question, text) || a->set->by_type[INDICATOR_DOMAIN] == 0 ||
        !indicator_domain(text, (char *)name, &n))
        return;
    a->key_bytes += n;
    for (size_t i = n - 1; i > 0 && labels < LABELS_MAX; i--)
        if (name[i - 1] == '.' && ++labels > 1)
            probe(a, question, INDICATOR_DOMAIN, name + i, n - i);
    if (labels > 0 && labels < LABELS_MAX)
        probe(a, question, INDICATOR_DOMAIN, name, n);
}

static void probe_key(struct asking *a, uint32_t number, const struct indicator_question *q)
{
    struct indicator_key made;
    if (a->set->by_type[q->type] == 0 || !indicator_key_make(q->type, q->text, &made))
        return;
    const unsigned char *key = keep_key(a, made.bytes, made.n);
    probe(a, number, made.type, key, made.n);
    const unsigned char *query = made.type == INDICATOR_URL ? memchr(key, '?', made.n) : NULL;
    if (query)
        probe(a, number, INDICATOR_URL, key, (size_t)(query - key));
}

/* ------------------------------------------------------------- 3: comparing records */

static void compare(struct asking *a)
{
    for (size_t i = 0; i < a->candidate_count; i++) {
        const struct candidate *c = &a->candidates[i];
        const struct image_record *record = indicator_set_record(a->set, c->ref);
        if (record && record->type == c->probe->type && record->key_bytes == c->probe->n &&
            memcmp(record->key, c->probe->key, c->probe->n) == 0)
            a->met(a->context, c->probe->question, c->ref);
    }
    a->candidate_count = 0;
}

/* ------------------------------------------------------------------ 2: reading lines */

static void note(struct asking *a, const struct probe *p, uint32_t ref)
{
    if (a->candidate_count == CANDIDATES_MAX)
        compare(a);
    a->candidates[a->candidate_count++] = (struct candidate){p, ref};
    indicator_set_fetch(a->set, ref);
}

static void look(struct asking *a, const struct probe *p)
{
    const struct indicator_set *set = a->set;
    uint64_t bucket = indicator_bucket(set, p->hash);
    for (uint64_t seen = 0; seen < set->bucket_count; seen++) {
        const uint64_t *slots = set->slots + bucket * BUCKET_SLOTS;
        for (unsigned i = 0; i < BUCKET_SLOTS; i++)
            if (slots[i] >> 32 == (p->hash & UINT32_MAX) && slots[i] != 0)
                note(a, p, (uint32_t)slots[i]);
        if (slots[BUCKET_SLOTS - 1] == 0) /* never full: nothing overflowed */
            return;
        bucket = bucket + 1 == set->bucket_count ? 0 : bucket + 1;
    }
}

static void read_lines(struct asking *a)
{
    for (size_t i = 0; i < a->probe_count; i++)
        look(a, &a->probes[i]);
    compare(a);
    a->probe_count = a->key_bytes = 0;
}

static void prepare(struct asking *a, uint32_t number, const struct indicator_question *q)
{
    if (a->probe_count + PROBES_EACH > PROBES_MAX || a->key_bytes + KEY_BYTES_EACH > KEY_BYTES)
        read_lines(a);
    if (q->type == INDICATOR_ADDRESS)
        probe_ip(a, number, q->text);
    else if (q->type == INDICATOR_DOMAIN)
        probe_domain(a, number, q->text);
    else
        probe_key(a, number, q);
}

void indicator_set_ask(const struct indicator_set *set, const struct indicator_question *questions,
                       size_t count, indicator_met *met, void *context)
{
    struct asking a;
    a.set = set;
    a.met = met;
    a.context = context;
    a.probe_count = a.candidate_count = a.key_bytes = 0;
    for (uint32_t i = 0; i < count && set->count; i++)
        if (questions[i].text.n > 0 && questions[i].text.n <= INDICATOR_VALUE_MAX)
            prepare(&a, i, &questions[i]);
    read_lines(&a);
}

/* ------------------------------------------------------------------- a single value */

struct found {
    uint32_t *refs;
    size_t count;
};

static void keep(void *context, uint32_t question, uint32_t ref)
{
    struct found *found = context;
    (void)question;
    if (found->count < INDICATOR_HITS_MAX)
        found->refs[found->count++] = ref;
}

size_t indicator_set_find(const struct indicator_set *set, enum indicator_type type, struct str value,
                          uint32_t refs[INDICATOR_HITS_MAX])
{
    struct found found = {.refs = refs};
    struct indicator_question q = {type, value};
    indicator_set_ask(set, &q, 1, keep, &found);
    return found.count;
}
