/* Collects what a reader finds, puts each indicator once into an image.
 * Stage: detect, at import. Reads struct indicator; leaves the bytes of an image and a report. Next:
 * indicator_set.c. */
#include "detect/indicator_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/log.h"
#include "base/map.h"
#include "detect/indicator_allow.h"
#include "detect/indicator_plan.h"

#define COUNT_MAX (16u << 20)
#define DETAIL_NAMES_MAX                                                                                     \
    (1u << 20) /* details that are compared for being the same; later ones are kept as they come */

struct entry {
    uint64_t hash;
    uint32_t unit;
};

struct indicator_builder {
    struct indicator_builder_options options;
    char source[SOURCE_MAX + 1];
    char tlp[32];
    struct buf records, details;
    struct map detail_units; /* bytes of a detail → unit + 1 */
    struct arena detail_keys;
    struct entry *entries;
    uint32_t count, capacity;
    uint32_t taken_units; /* records below were taken over from an earlier image */
    struct indicator_report report;
};

static const struct {
    const char *name, *en, *ja;
} reasons[] = {
    [REASON_NOT_RECOGNISED] = {"not_recognised", "not recognised", "種類がわからない"},
    [REASON_TOO_LONG] = {"too_long", "too long", "長すぎる"},
    [REASON_PUBLIC_SUFFIX] = {"public_suffix", "a registry's own name", "レジストリの名前(広すぎる)"},
    [REASON_SHARED_HOST] = {"shared_host", "a host shared by strangers", "共用サービスの名前(広すぎる)"},
    [REASON_BROAD_NETWORK] = {"broad_network", "too broad a network", "広すぎるネットワーク"},
    [REASON_LOCAL_ADDRESS] = {"local_address", "a local or private address", "内部・特殊用途のアドレス"},
    [REASON_COMMON_NAME] = {"common_name", "a file name that every system has", "どこにでもあるファイル名"},
    [REASON_EXPIRED] = {"expired", "expired", "有効期限切れ"},
    [REASON_REVOKED] = {"revoked", "revoked by its source", "提供元が取り消した"},
    [REASON_NOT_FOR_DETECTION] = {"not_for_detection", "not for detection, says its source",
                                  "提供元が検知用としていない"},
    [REASON_TYPE] = {"type", "a type that is not looked up", "照合しない種類"},
    [REASON_PATTERN_LANGUAGE] = {"pattern_language", "a pattern language other than STIX",
                                 "STIX 以外のパターン言語"},
    [REASON_PATTERN_AND] = {"pattern_and", "several conditions that must hold together",
                            "複数条件の組み合わせ"},
    [REASON_PATTERN_OPERATOR] = {"pattern_operator", "an operator that no table can hold",
                                 "表にできない演算子"},
    [REASON_PATTERN_OBJECT] = {"pattern_object", "a property that is not looked up", "照合しない属性"},
    [REASON_PATTERN_SYNTAX] = {"pattern_syntax", "a pattern that cannot be read", "読めないパターン"},
    [REASON_DAMAGED] = {"damaged", "damaged", "壊れている"},
    [REASON_LIMIT] = {"limit", "beyond the limit of indicators", "件数の上限を超えた"},
};

const char *indicator_reason_text(enum indicator_reason reason)
{
    BUG_IF((size_t)reason >= COUNT_OF(reasons));
    return tr(reasons[reason].en, reasons[reason].ja);
}

const char *indicator_reason_name(enum indicator_reason reason)
{
    BUG_IF((size_t)reason >= COUNT_OF(reasons));
    return reasons[reason].name;
}

uint64_t indicator_report_refused(const struct indicator_report *report)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < REASON_COUNT; i++)
        sum += report->refused[i];
    return sum;
}

/* --------------------------------------------------------------- collecting */

struct indicator_builder *indicator_builder_new(const struct indicator_builder_options *options)
{
    struct indicator_builder *b = NEW(struct indicator_builder);
    b->options = *options;
    if (b->options.max_count == 0 || b->options.max_count > COUNT_MAX)
        b->options.max_count = COUNT_MAX;
    struct str source = str_slice(options->source, 0, SOURCE_MAX), tlp = str_slice(options->tlp, 0, 31);
    memcpy(b->source, source.p, source.n);
    if (tlp.n)
        memcpy(b->tlp, tlp.p, tlp.n);
    arena_init(&b->detail_keys, 64 << 10);
    return b;
}

void indicator_builder_free(struct indicator_builder *b)
{
    if (!b)
        return;
    buf_free(&b->records);
    buf_free(&b->details);
    map_free(&b->detail_units);
    arena_free(&b->detail_keys);
    memory_free(b->entries);
    memory_free(b);
}

struct indicator_report *indicator_builder_report(struct indicator_builder *b)
{
    return &b->report;
}

void indicator_builder_refuse(struct indicator_builder *b, enum indicator_reason reason, struct str sample,
                              unsigned line)
{
    struct indicator_report *report = &b->report;
    report->seen++;
    if (report->refused[reason]++ > 0)
        return;
    sample = str_slice(sample, 0, REPORT_SAMPLE_MAX - 1);
    while (sample.n && !str_is_utf8(sample)) /* not in the middle of a character */
        sample.n--;
    if (sample.n)
        memcpy(report->sample[reason], sample.p, sample.n);
    report->sample_line[reason] = line;
}

static struct str cut_text(struct str s)
{
    s = str_slice(s, 0, TEXT_MAX);
    while (s.n && s.n == TEXT_MAX && !str_is_utf8(s))
        s.n--;
    return s;
}

static void pad(struct buf *b)
{
    while (b->n % 8)
        buf_char(b, 0);
}

/* Feeds repeat the same few descriptions: each is kept once. */
static uint32_t add_detail(struct indicator_builder *b, const struct indicator *i)
{
    struct str texts[] = {cut_text(i->description), cut_text(i->labels),
                          cut_text(i->tlp.n ? i->tlp : str_c(b->tlp)), cut_text(i->reference)};
    struct image_detail sizes = {(uint16_t)texts[0].n, (uint16_t)texts[1].n, (uint16_t)texts[2].n,
                                 (uint16_t)texts[3].n};
    size_t start = b->details.n;
    buf_bytes(&b->details, &sizes, sizeof sizes);
    for (size_t t = 0; t < COUNT_OF(texts); t++)
        buf_add(&b->details, texts[t]);
    struct str bytes = {b->details.p + start, b->details.n - start};
    const uintptr_t *known = map_find(&b->detail_units, bytes);
    if (known) {
        b->details.n = start;
        return (uint32_t)(*known - 1);
    }
    if (b->detail_units.count < DETAIL_NAMES_MAX)
        *map_put(&b->detail_units, arena_str(&b->detail_keys, bytes), NULL) = start / 8 + 1;
    pad(&b->details);
    return (uint32_t)(start / 8);
}

static uint32_t to_seconds(int64_t time_ns, uint32_t open)
{
    if (time_ns == TIME_UNKNOWN)
        return open;
    int64_t seconds = time_ns / NS_PER_SECOND;
    return seconds <= 0 ? (open ? 1 : 0) : seconds >= NO_END ? NO_END - 1 : (uint32_t)seconds;
}

static int64_t end_of(const struct indicator_builder *b, const struct indicator *i)
{
    if (i->valid_until_ns != TIME_UNKNOWN || b->options.valid_ns == 0)
        return i->valid_until_ns;
    int64_t from_ns = i->valid_from_ns != TIME_UNKNOWN ? i->valid_from_ns : b->options.now_ns;
    return from_ns == TIME_UNKNOWN ? TIME_UNKNOWN : from_ns + b->options.valid_ns;
}

static void keep_record(struct indicator_builder *b, const struct image_record *record, const void *key)
{
    if (b->count == b->capacity) {
        b->capacity = b->capacity ? b->capacity * 2 : 1024;
        b->entries = memory_resize_array(b->entries, b->capacity, sizeof *b->entries);
    }
    b->entries[b->count++] =
        (struct entry){indicator_key_hash((enum indicator_type)record->type, key, record->key_bytes),
                       (uint32_t)(b->records.n / 8)};
    buf_bytes(&b->records, record, sizeof *record);
    buf_bytes(&b->records, key, record->key_bytes);
    pad(&b->records);
}

static void keep(struct indicator_builder *b, const struct indicator *i, const struct indicator_key *key,
                 int64_t until_ns)
{
    int confidence = i->confidence >= 0 ? i->confidence : b->options.confidence;
    struct image_record record = {.valid_from_s = to_seconds(i->valid_from_ns, 0),
                                  .valid_until_s = to_seconds(until_ns, NO_END),
                                  .detail = add_detail(b, i),
                                  .key_bytes = key->n,
                                  .type = (uint8_t)key->type,
                                  .confidence = confidence < 0     ? 255
                                                : confidence > 100 ? 100
                                                                   : (uint8_t)confidence};
    keep_record(b, &record, key->bytes);
}

static int64_t seconds_ns(uint32_t seconds, uint32_t open)
{
    return seconds == open ? TIME_UNKNOWN : (int64_t)seconds * NS_PER_SECOND;
}

void indicator_builder_take(struct indicator_builder *b, struct str image)
{
    struct error ignored;
    if (!image_check(image, true, &ignored))
        return;
    const struct image_header *h = image_header(image);
    const uint32_t *units = (const void *)(image.p + h->units_at);
    for (uint32_t n = 0; n < h->count && b->count < b->options.max_count; n++) {
        const struct image_record *record = image_record_at(image, units[n]);
        if (!record)
            continue;
        struct indicator texts = {.tlp = STR_EMPTY};
        struct image_record copy = *record;
        int64_t until_ns = seconds_ns(record->valid_until_s, NO_END);
        if (until_ns != TIME_UNKNOWN && b->options.now_ns != TIME_UNKNOWN && until_ns <= b->options.now_ns) {
            indicator_builder_refuse(b, REASON_EXPIRED, STR_EMPTY, 0);
            continue;
        }
        image_texts(image, record->detail, &texts);
        copy.detail = add_detail(b, &texts);
        b->report.seen++;
        keep_record(b, &copy, record->key);
    }
    b->taken_units = (uint32_t)(b->records.n / 8);
}

/* A record that ends before it begins: it only takes another one away. */
void indicator_builder_forget(struct indicator_builder *b, enum indicator_type type, struct str value)
{
    struct indicator_key key;
    char plain[INDICATOR_VALUE_MAX];
    if (b->taken_units == 0 || value.n > INDICATOR_VALUE_MAX - 64 || b->count >= b->options.max_count ||
        !indicator_key_make(type, str_n(plain, indicator_refang(value, plain)), &key))
        return;
    struct image_record record = {.valid_from_s = NO_END, .key_bytes = key.n, .type = (uint8_t)key.type};
    keep_record(b, &record, key.bytes);
}

void indicator_builder_add(struct indicator_builder *b, const struct indicator *i, unsigned line)
{
    struct indicator_key key;
    char plain[INDICATOR_VALUE_MAX];
    struct str value = str_trim(i->value);
    int64_t until_ns = end_of(b, i);
    enum indicator_reason reason = REASON_COUNT;
    if (value.n > INDICATOR_VALUE_MAX - 64)
        reason = REASON_TOO_LONG;
    else if (i->type != INDICATOR_AGENT && i->type != INDICATOR_FILE_NAME)
        value = str_n(plain, indicator_refang(value, plain));
    if (reason == REASON_COUNT && !indicator_key_make(i->type, value, &key))
        reason = REASON_NOT_RECOGNISED;
    if (reason == REASON_COUNT)
        reason = indicator_plan_objection(b->options.plan, &key);
    if (reason == REASON_COUNT && until_ns != TIME_UNKNOWN && b->options.now_ns != TIME_UNKNOWN &&
        until_ns <= b->options.now_ns)
        reason = REASON_EXPIRED;
    if (reason == REASON_COUNT && b->count >= b->options.max_count)
        reason = REASON_LIMIT;
    if (reason != REASON_COUNT) {
        indicator_builder_refuse(b, reason, i->value, line);
        if (reason == REASON_EXPIRED) /* a later version of what was taken over */
            indicator_builder_forget(b, i->type, i->value);
        return;
    }
    b->report.seen++;
    keep(b, i, &key, until_ns);
}

/* ---------------------------------------------------------------- finishing */

static int by_hash(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->hash != b->hash)
        return a->hash < b->hash ? -1 : 1;
    return a->unit < b->unit ? -1 : a->unit > b->unit;
}

static struct image_record *record_of(struct indicator_builder *b, uint32_t unit)
{
    return (struct image_record *)(void *)(b->records.p + (size_t)unit * 8);
}

static bool same_key(const struct image_record *x, const struct image_record *y)
{
    return x->type == y->type && x->key_bytes == y->key_bytes && memcmp(x->key, y->key, x->key_bytes) == 0;
}

static bool is_withdrawal(const struct image_record *r)
{
    return r->valid_from_s == NO_END;
}

/* What this import says wins over a withdrawal in it, which wins over what was there before. */
static int rank(const struct indicator_builder *b, const struct image_record *r)
{
    bool is_taken = (const char *)r < b->records.p + (size_t)b->taken_units * 8;
    return is_taken ? 0 : is_withdrawal(r) ? 1 : 2;
}

/* Of two records about the same thing the one stays that holds longer, then the surer, then the first; it
 * holds from the earlier beginning. */
static bool is_better(const struct indicator_builder *b, const struct image_record *x,
                      const struct image_record *y)
{
    if (rank(b, x) != rank(b, y))
        return rank(b, x) > rank(b, y);
    if (x->valid_until_s != y->valid_until_s)
        return x->valid_until_s > y->valid_until_s;
    return x->confidence % 255 > y->confidence % 255;
}

static uint32_t drop_withdrawals(struct indicator_builder *b, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!is_withdrawal(record_of(b, b->entries[i].unit)))
            b->entries[kept++] = b->entries[i];
    return kept;
}

static uint32_t drop_repeated(struct indicator_builder *b)
{
    uint32_t kept = 0;
    if (b->count)
        qsort(b->entries, b->count, sizeof *b->entries, by_hash);
    for (uint32_t i = 0; i < b->count; i++) {
        struct image_record *now = record_of(b, b->entries[i].unit);
        uint32_t at = kept; /* keys of the same hash lie side by side */
        while (at > 0 && b->entries[at - 1].hash == b->entries[i].hash &&
               !same_key(record_of(b, b->entries[at - 1].unit), now))
            at--;
        if (at == 0 || b->entries[at - 1].hash != b->entries[i].hash) {
            b->entries[kept++] = b->entries[i];
            continue;
        }
        struct image_record *before = record_of(b, b->entries[at - 1].unit);
        bool is_same_rank = rank(b, now) == rank(b, before);
        uint32_t from_s = now->valid_from_s < before->valid_from_s ? now->valid_from_s : before->valid_from_s;
        if (is_better(b, now, before))
            b->entries[at - 1].unit = b->entries[i].unit;
        if (is_same_rank)
            record_of(b, b->entries[at - 1].unit)->valid_from_s = from_s;
    }
    return drop_withdrawals(b, kept);
}

static void put_records(struct indicator_builder *b, struct image_header *h, struct buf *image)
{
    struct buf units = {0}, networks = {0}, records = {0};
    for (uint32_t i = 0; i < h->count; i++) {
        const struct image_record *record = record_of(b, b->entries[i].unit);
        uint32_t unit = (uint32_t)(records.n / 8);
        buf_bytes(image, &b->entries[i].hash, sizeof b->entries[i].hash);
        buf_bytes(&units, &unit, sizeof unit);
        if (record->type == INDICATOR_NETWORK)
            buf_bytes(&networks, &unit, sizeof unit);
        buf_bytes(&records, record, sizeof *record + record->key_bytes);
        pad(&records);
        h->by_type[record->type]++;
    }
    h->network_count = (uint32_t)(networks.n / sizeof(uint32_t));
    const struct {
        struct buf *section;
        uint64_t *at;
    } sections[] = {{&units, &h->units_at},
                    {&networks, &h->networks_at},
                    {&records, &h->records_at},
                    {&b->details, &h->details_at}};
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        *sections[i].at = image->n;
        buf_add(image, buf_str(sections[i].section));
        pad(image);
    }
    buf_free(&units);
    buf_free(&networks);
    buf_free(&records);
}

void indicator_builder_finish(struct indicator_builder *b, struct buf *image)
{
    struct image_header h = {.version = IMAGE_VERSION, .source_bytes = (uint32_t)strlen(b->source)};
    memcpy(h.magic, IMAGE_MAGIC, sizeof h.magic);
    h.count = drop_repeated(b);
    b->report.kept = h.count;
    b->report.repeated = b->count - h.count;
    buf_clear(image);
    buf_bytes(image, &h, sizeof h);
    buf_c(image, b->source);
    pad(image);
    h.hashes_at = image->n;
    put_records(b, &h, image);
    h.end = image->n;
    h.checksum = XXH3_64bits(image->p + sizeof h, image->n - sizeof h);
    memcpy(image->p, &h, sizeof h);
    for (size_t t = 0; t < INDICATOR_TYPE_COUNT; t++)
        b->report.by_type[t] = h.by_type[t];
}

/* ------------------------------------------------------------------ reading */

bool image_check(struct str bytes, bool with_checksum, struct error *err)
{
    const struct image_header *h = image_header(bytes);
    if (bytes.n < sizeof *h || memcmp(h->magic, IMAGE_MAGIC, sizeof h->magic) != 0)
        return error_set(err, "%s", tr("it is no file of indicators", "指標のファイルではありません"));
    if (h->version != IMAGE_VERSION)
        return error_set(err,
                         tr("it has version %u, this program reads %u; import the feed again",
                            "版 %u のファイルです(このプログラムは %u)。取り込み直してください"),
                         h->version, IMAGE_VERSION);
    bool is_whole =
        h->end == bytes.n && h->source_bytes <= SOURCE_MAX && h->hashes_at >= sizeof *h + h->source_bytes &&
        h->units_at >= h->hashes_at && h->units_at - h->hashes_at >= UINT64_C(8) * h->count &&
        h->networks_at >= h->units_at && h->networks_at - h->units_at >= UINT64_C(4) * h->count &&
        h->records_at >= h->networks_at && h->records_at - h->networks_at >= UINT64_C(4) * h->network_count &&
        h->details_at >= h->records_at && h->end >= h->details_at &&
        ((h->hashes_at | h->units_at | h->networks_at | h->records_at | h->details_at) & 7) == 0;
    if (!is_whole || (with_checksum && h->checksum != XXH3_64bits(bytes.p + sizeof *h, bytes.n - sizeof *h)))
        return error_set(err, "%s",
                         tr("it is damaged; import the feed again", "壊れています。取り込み直してください"));
    return true;
}

const struct image_record *image_record_at(struct str image, uint32_t unit)
{
    const struct image_header *h = image_header(image);
    uint64_t room = h->details_at - h->records_at, at = (uint64_t)unit * 8;
    if (at + sizeof(struct image_record) > room)
        return NULL;
    const struct image_record *record = (const void *)(image.p + h->records_at + at);
    bool is_whole = at + sizeof *record + record->key_bytes <= room && record->type < INDICATOR_TYPE_COUNT &&
                    record->key_bytes <= INDICATOR_VALUE_MAX;
    return is_whole ? record : NULL;
}

void image_texts(struct str image, uint32_t unit, struct indicator *texts)
{
    const struct image_header *h = image_header(image);
    uint64_t at = h->details_at + (uint64_t)unit * 8;
    texts->description = texts->labels = texts->tlp = texts->reference = STR_EMPTY;
    if (at + sizeof(struct image_detail) > image.n)
        return;
    const struct image_detail *d = (const void *)(image.p + at);
    const struct {
        size_t bytes;
        struct str *text;
    } parts[] = {{d->description_bytes, &texts->description},
                 {d->labels_bytes, &texts->labels},
                 {d->tlp_bytes, &texts->tlp},
                 {d->reference_bytes, &texts->reference}};
    const char *p = d->texts, *end = image.p + image.n;
    for (size_t i = 0; i < COUNT_OF(parts) && parts[i].bytes <= (size_t)(end - p); i++) {
        *parts[i].text = str_n(p, parts[i].bytes);
        p += parts[i].bytes;
    }
}

bool indicator_image_is_whole(struct str image, struct error *err)
{
    return image_check(image, true, err);
}

uint64_t indicator_image_allowed(struct str image, const struct allow_lists *lists)
{
    const struct image_header *h = image_header(image);
    const uint32_t *units = (const void *)(image.p + h->units_at);
    char text[INDICATOR_TEXT_MAX];
    uint64_t allowed = 0;
    for (uint32_t i = 0; i < h->count && allow_lists_count(lists); i++) {
        const struct image_record *record = image_record_at(image, units[i]);
        if (!record)
            continue;
        enum indicator_type type = (enum indicator_type)record->type;
        size_t n = indicator_key_text(type, record->key, record->key_bytes, text);
        allowed += allow_lists_contain(lists, type, str_n(text, n)) != NULL;
    }
    return allowed;
}

/* Is the hash in the image? `*at` moves along with ascending hashes. */
static bool holds_hash(struct str image, uint64_t hash, uint32_t *at)
{
    if (image.n == 0)
        return false;
    const struct image_header *h = image_header(image);
    const uint64_t *hashes = (const void *)(image.p + h->hashes_at);
    while (*at < h->count && hashes[*at] < hash)
        ++*at;
    return *at < h->count && hashes[*at] == hash;
}

static struct str usable(struct str image)
{
    struct error ignored;
    return image.n && image_check(image, true, &ignored) ? image : STR_EMPTY;
}

/* Records and details are taken over as they are; only the tables are shorter. */
uint64_t indicator_image_added(struct str now, struct str before, struct str waiting, struct buf *out)
{
    const struct image_header *from = image_header(now);
    struct image_header h = *from;
    const uint64_t *hashes = (const void *)(now.p + from->hashes_at);
    const uint32_t *all_units = (const void *)(now.p + from->units_at);
    struct buf units = {0}, networks = {0};
    uint32_t at_before = 0, at_waiting = 0;
    before = usable(before);
    waiting = usable(waiting);
    h.count = 0;
    memset(h.by_type, 0, sizeof h.by_type);
    buf_clear(out);
    buf_bytes(out, now.p, from->hashes_at);
    for (uint32_t i = 0; i < from->count; i++) {
        const struct image_record *record = image_record_at(now, all_units[i]);
        bool was_there = holds_hash(before, hashes[i], &at_before);
        bool still_waits = holds_hash(waiting, hashes[i], &at_waiting);
        if (!record || (was_there && !still_waits))
            continue;
        buf_bytes(out, &hashes[i], sizeof hashes[i]);
        buf_bytes(&units, &all_units[i], sizeof all_units[i]);
        if (record->type == INDICATOR_NETWORK)
            buf_bytes(&networks, &all_units[i], sizeof all_units[i]);
        h.by_type[record->type]++;
        h.count++;
    }
    h.network_count = (uint32_t)(networks.n / sizeof(uint32_t));
    h.units_at = out->n;
    buf_add(out, buf_str(&units));
    pad(out);
    h.networks_at = out->n;
    buf_add(out, buf_str(&networks));
    pad(out);
    h.records_at = out->n;
    buf_bytes(out, now.p + from->records_at, from->end - from->records_at);
    h.details_at = h.records_at + (from->details_at - from->records_at);
    h.end = out->n;
    h.checksum = XXH3_64bits(out->p + sizeof h, out->n - sizeof h);
    memcpy(out->p, &h, sizeof h);
    buf_free(&units);
    buf_free(&networks);
    return h.count;
}
