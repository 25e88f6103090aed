/* All sources' indicators for look-up: immutable, shared by all workers, exchanged as a whole.
 * Stage: detect, at load. Reads images; leaves one table over all of them. Next: indicator_look.c.
 *
 * One hash table holds every key: buckets of one cache line with eight slots (32 bits of the hash, 32 bits of
 * the record's place); a full bucket overflows into the next. Bucket numbers grow with the hash, and images
 * keep their hashes in order, so that filling is a sweep. */
#include <stdatomic.h>
#include <sys/mman.h>

#include "base/log.h"
#include "detect/indicator_allow.h"
#include "detect/indicator_image.h"
#include "detect/indicator_plan.h"
#include "detect/indicator_set.h"

#define LOAD_PERCENT 60 /* one look-up in eight goes on to the next line */
#define LINE_BYTES   64
#define PAGE_BYTES   (2u << 20)

/* ------------------------------------------------------------------ building */

static void put(struct indicator_set *set, uint64_t hash, uint32_t ref)
{
    uint64_t bucket = indicator_bucket(set, hash);
    for (;; bucket = bucket + 1 == set->bucket_count ? 0 : bucket + 1) {
        uint64_t *slots = set->slots + bucket * BUCKET_SLOTS;
        for (unsigned i = 0; i < BUCKET_SLOTS; i++) {
            if (slots[i] == 0) {
                slots[i] = hash << 32 | ref;
                return;
            }
        }
    }
}

/* Prefix lengths that occur below the first 16 bits; a shorter network marks all that it covers. */
static void note_network(struct indicator_set *set, const struct image_record *record)
{
    unsigned bits = record->key[0];
    const unsigned char *ip = record->key + 1;
    struct ip whole;
    memcpy(whole.bytes, ip, 16);
    bool is_v4 = bits >= 96 && ip_is_v4(&whole);
    unsigned length = is_v4 ? bits - 96 : bits;
    const unsigned char *head = is_v4 ? ip + 12 : ip;
    uint32_t first = (uint32_t)head[0] << 8 | head[1], span = length >= 16 ? 1 : 1u << (16 - length);
    if (is_v4 && !set->v4_lengths)
        set->v4_lengths = NEW_ARRAY(uint32_t, 65536);
    if (!is_v4 && !set->v6_lengths)
        set->v6_lengths = memory_array(65536, sizeof *set->v6_lengths);
    for (uint32_t i = first; i < first + span && i < 65536; i++) {
        if (is_v4)
            set->v4_lengths[i] |= 1u << (length & 31);
        else
            set->v6_lengths[i][length / 64] |= UINT64_C(1) << (length % 64);
    }
}

static bool add_networks(struct indicator_set *set, const struct source_image *s)
{
    const struct image_header *h = image_header(s->image.bytes);
    const uint32_t *units = (const void *)(s->image.bytes.p + h->networks_at);
    for (uint32_t i = 0; i < h->network_count; i++) {
        const struct image_record *record = image_record_at(s->image.bytes, units[i]);
        if (!record || record->type != INDICATOR_NETWORK || record->key_bytes != 17 || record->key[0] > 127)
            return false;
        note_network(set, record);
    }
    return true;
}

static bool add_image(struct indicator_set *set, const struct source_image *s)
{
    const struct image_header *h = image_header(s->image.bytes);
    const uint64_t *hashes = (const void *)(s->image.bytes.p + h->hashes_at);
    const uint32_t *units = (const void *)(s->image.bytes.p + h->units_at);
    for (uint32_t i = 0; i < h->count; i++)
        put(set, hashes[i], s->first_ref + units[i]);
    for (size_t t = 0; t < INDICATOR_TYPE_COUNT; t++)
        set->by_type[t] += h->by_type[t];
    return add_networks(set, s);
}

static bool check_images(struct indicator_set *set, uint64_t *count, struct error *err)
{
    uint64_t refs = 1; /* 0 is the free slot */
    for (size_t i = 0; i < set->image_count; i++) {
        struct source_image *s = &set->images[i];
        if (!image_check(s->image.bytes, false, err)) /* who opens a file has compared its checksum */
            return error_prefix(err, tr("indicators %zu: ", "指標 %zu: "), i + 1);
        const struct image_header *h = image_header(s->image.bytes);
        s->first_ref = (uint32_t)refs;
        s->source = str_n(s->image.bytes.p + sizeof *h, h->source_bytes);
        refs += (h->details_at - h->records_at) / 8 + 1;
        *count += h->count;
    }
    return refs <= UINT32_MAX || error_set(err, "%s",
                                           tr("more than 32 GiB of indicators; leave some sources out",
                                              "指標が 32 GiB を超えています。情報源を減らしてください"));
}

/* Huge pages where the system has them: a look-up then misses no translation. */
static bool map_table(struct indicator_set *set, uint64_t count)
{
    set->bucket_count = count * 100 / (BUCKET_SLOTS * LOAD_PERCENT) + 2;
    set->table_bytes = set->bucket_count * LINE_BYTES;
    void *table = mmap(NULL, set->table_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED)
        return false;
    if (set->table_bytes >= 4 * PAGE_BYTES)
        madvise(table, set->table_bytes, MADV_HUGEPAGE);
    set->slots = table;
    return true;
}

struct indicator_set *indicator_set_new(const struct indicator_set_options *options, struct error *err)
{
    struct indicator_set *set = NEW(struct indicator_set);
    uint64_t count = 0;
    atomic_init(&set->references, 1);
    set->plan = options->plan;
    set->allow = options->allow;
    set->images = NEW_ARRAY(struct source_image, options->image_count + 1);
    set->image_count = options->image_count;
    for (size_t i = 0; i < options->image_count; i++)
        set->images[i].image = options->images[i];
    bool ok = check_images(set, &count, err);
    if (ok && !map_table(set, count))
        ok = error_errno(err, "%s",
                         tr("no memory for the table of indicators", "指標の表のメモリがありません"));
    for (size_t i = 0; ok && i < set->image_count; i++)
        ok = add_image(set, &set->images[i]) ||
             error_set(err,
                       tr("%.*s: a network is damaged; import the feed again",
                          "%.*s: ネットワークの記録が壊れています。取り込み直してください"),
                       STR_ARGS(set->images[i].source));
    set->count = count;
    if (ok)
        return set;
    indicator_set_unref(set);
    return NULL;
}

struct indicator_set *indicator_set_ref(struct indicator_set *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

void indicator_set_unref(struct indicator_set *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->image_count; i++)
        if (set->images[i].image.release)
            set->images[i].image.release(set->images[i].image.owner);
    if (set->slots)
        munmap(set->slots, set->table_bytes);
    memory_free(set->v4_lengths);
    memory_free(set->v6_lengths);
    memory_free(set->images);
    allow_lists_free(set->allow);
    indicator_plan_unref(set->plan);
    memory_free(set);
}

/* ------------------------------------------------------------------- records */

static const struct source_image *image_of(const struct indicator_set *set, uint32_t ref)
{
    size_t low = 0, high = set->image_count;
    while (high - low > 1) {
        size_t middle = (low + high) / 2;
        if (set->images[middle].first_ref <= ref)
            low = middle;
        else
            high = middle;
    }
    return set->image_count && set->images[low].first_ref <= ref ? &set->images[low] : NULL;
}

const struct image_record *indicator_set_record(const struct indicator_set *set, uint32_t ref)
{
    const struct source_image *s = image_of(set, ref);
    return s ? image_record_at(s->image.bytes, ref - s->first_ref) : NULL;
}

#define RECORD_USUAL_BYTES 44 /* the header and a name */

void indicator_set_fetch(const struct indicator_set *set, uint32_t ref)
{
    const struct source_image *s = image_of(set, ref);
    const struct image_header *h = s ? image_header(s->image.bytes) : NULL;
    if (h && (uint64_t)(ref - s->first_ref) * 8 < h->details_at - h->records_at) {
        const char *record = s->image.bytes.p + h->records_at + (uint64_t)(ref - s->first_ref) * 8;
        __builtin_prefetch(record);
        __builtin_prefetch(record +
                           RECORD_USUAL_BYTES); /* may lie in the next line; prefetching never faults */
    }
}

/* --------------------------------------------------------------------- showing */

static int64_t to_ns(uint32_t seconds, uint32_t open)
{
    return seconds == open ? TIME_UNKNOWN : (int64_t)seconds * NS_PER_SECOND;
}

struct indicator_view indicator_set_view(const struct indicator_set *set, uint32_t ref)
{
    const struct source_image *s = image_of(set, ref);
    const struct image_record *record = indicator_set_record(set, ref);
    struct indicator_view view = {.ref = ref, .valid_from_ns = TIME_UNKNOWN, .valid_until_ns = TIME_UNKNOWN};
    BUG_IF(!record);
    view.type = (enum indicator_type)record->type;
    view.source = s->source;
    view.confidence = record->confidence == 255 ? -1 : record->confidence;
    view.valid_from_ns = to_ns(record->valid_from_s, 0);
    view.valid_until_ns = to_ns(record->valid_until_s, NO_END);
    struct indicator texts;
    image_texts(s->image.bytes, record->detail, &texts);
    view.description = texts.description;
    view.labels = texts.labels;
    view.tlp = texts.tlp;
    view.reference = texts.reference;
    return view;
}

size_t indicator_set_text(const struct indicator_set *set, uint32_t ref, char out[INDICATOR_TEXT_MAX])
{
    const struct image_record *record = indicator_set_record(set, ref);
    return record ? indicator_key_text((enum indicator_type)record->type, record->key, record->key_bytes, out)
                  : 0;
}

bool indicator_set_holds_at(const struct indicator_set *set, uint32_t ref, int64_t time_ns)
{
    const struct image_record *record = indicator_set_record(set, ref);
    int64_t seconds = time_ns / NS_PER_SECOND;
    return record && (record->valid_from_s == 0 || seconds >= record->valid_from_s) &&
           (record->valid_until_s == NO_END || seconds < record->valid_until_s);
}

const struct allow_list_info *indicator_set_allowed(const struct indicator_set *set, uint32_t ref,
                                                    enum indicator_type type, struct str value)
{
    char text[INDICATOR_TEXT_MAX];
    const struct image_record *record = indicator_set_record(set, ref);
    if (!set->allow || !record)
        return NULL;
    size_t n = indicator_set_text(set, ref, text);
    const struct allow_list_info *list =
        allow_lists_contain(set->allow, (enum indicator_type)record->type, str_n(text, n));
    return list || value.n == 0 ? list : allow_lists_contain(set->allow, type, value);
}

void indicator_set_walk(const struct indicator_set *set, size_t source,
                        bool (*each)(void *context, uint32_t ref), void *context)
{
    const struct source_image *s = &set->images[source];
    const struct image_header *h = image_header(s->image.bytes);
    const uint32_t *units = (const void *)(s->image.bytes.p + h->units_at);
    for (uint32_t i = 0; i < h->count; i++)
        if (image_record_at(s->image.bytes, units[i]) && !each(context, s->first_ref + units[i]))
            return;
}

size_t indicator_set_count(const struct indicator_set *set)
{
    return set->count;
}

size_t indicator_set_memory(const struct indicator_set *set)
{
    return set->table_bytes + (set->v4_lengths ? 65536 * sizeof *set->v4_lengths : 0) +
           (set->v6_lengths ? 65536 * sizeof *set->v6_lengths : 0);
}

size_t indicator_set_sources(const struct indicator_set *set)
{
    return set->image_count;
}

struct str indicator_set_source(const struct indicator_set *set, size_t index)
{
    return set->images[index].source;
}

size_t indicator_set_source_count(const struct indicator_set *set, size_t index)
{
    return image_header(set->images[index].image.bytes)->count;
}

const struct allow_lists *indicator_set_allow(const struct indicator_set *set)
{
    return set->allow;
}

size_t indicator_set_fields(const struct indicator_set *set, const struct indicator_field **fields)
{
    *fields = set->plan->fields;
    return set->plan->field_count;
}
