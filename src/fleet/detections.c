/* Files and verdicts: since when a file has been seen, on which hosts, whether a gateway let it pass, and
 * what a scan finds late (stage fleet; S16, S35). */
#include "base/memory.h"
#include "fleet/state.h"

/* --------------------------------------------------------------- sightings */

static struct sighting *slot_of(struct sighting *half, uint32_t slots, uint64_t file)
{
    uint32_t at = (uint32_t)(file % slots);
    while (half[at].file != 0 && half[at].file != file)
        at = (at + 1) % slots;
    return &half[at];
}

static void turn_over(struct sightings *s, uint32_t slots)
{
    struct sighting *older = s->halves[1];
    s->dropped += s->counts[1];
    s->halves[1] = s->halves[0];
    s->counts[1] = s->counts[0];
    s->halves[0] = older;
    s->counts[0] = 0;
    if (older != NULL)
        memset(older, 0, slots * sizeof *older);
}

struct sighting *sighting_find(struct sightings *s, uint64_t file, int64_t time_ns, bool create)
{
    uint32_t slots = s->capacity * 2;
    struct sighting *old = NULL, *one = s->halves[0] ? slot_of(s->halves[0], slots, file) : NULL;
    if (one != NULL && one->file != 0)
        return one;
    if (s->halves[1] != NULL) {
        old = slot_of(s->halves[1], slots, file);
        if (old->file == 0)
            old = NULL;
    }
    if (!create)
        return old;
    struct sighting copy =
        old ? *old : (struct sighting){.file = file, .first_ns = time_ns, .passed_ns = TIME_UNKNOWN};
    if (s->counts[0] >= s->capacity)
        turn_over(s, slots);
    if (s->halves[0] == NULL)
        s->halves[0] = NEW_ARRAY(struct sighting, slots);
    one = slot_of(s->halves[0], slots, file);
    *one = copy;
    s->counts[0]++;
    return one;
}

void sighting_host(struct sighting *s, name_id host, int64_t time_ns)
{
    for (uint32_t i = 0; i < s->host_count && i < SIGHTING_HOSTS; i++)
        if (s->hosts[i] == host) {
            s->host_first_ns[i] = sooner(s->host_first_ns[i], time_ns);
            return;
        }
    if (s->host_count < SIGHTING_HOSTS) {
        s->hosts[s->host_count] = host;
        s->host_first_ns[s->host_count] = time_ns;
    }
    s->host_count++;
}

uint64_t file_of(const struct event *e, struct str *hash_text)
{
    static const field_id fields[] = {FIELD_FILE_HASH_SHA256, FIELD_PROCESS_HASH_SHA256,
                                      FIELD_FILE_HASH_SHA1,   FIELD_PROCESS_HASH_SHA1,
                                      FIELD_FILE_HASH_MD5,    FIELD_PROCESS_HASH_MD5};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        *hash_text = event_text(e, fields[i]);
        if (hash_text->n >= 32)
            return str_hash_nocase(*hash_text) | 1;
    }
    *hash_text = STR_EMPTY;
    return 0;
}

/* ------------------------------------------------------------- late (S35) */

static bool is_by_scan(const struct event *e)
{
    static const char *const types[] = {"scheduled", "manual", "full", "quick", "custom", "on-demand"};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq(event_text(e, FIELD_HYAKUYO_SCAN_TYPE), str_c(types[i])))
            return true;
    return false;
}

/* Since when this host has had the file: its times, or its first sight there. */
static int64_t first_here(const struct event *e, const struct sighting *s, name_id host, uint32_t *basis)
{
    int64_t modified_ns = TIME_UNKNOWN, created_ns = TIME_UNKNOWN, seen_ns = TIME_UNKNOWN;
    (void)event_number(e, FIELD_FILE_MTIME, &modified_ns);
    (void)event_number(e, FIELD_FILE_CREATED, &created_ns);
    for (uint32_t i = 0; s != NULL && i < s->host_count && i < SIGHTING_HOSTS; i++)
        if (s->hosts[i] == host)
            seen_ns = s->host_first_ns[i];
    int64_t file_ns = sooner(modified_ns, created_ns);
    *basis = is_known(file_ns) && (!is_known(seen_ns) || file_ns <= seen_ns) ? LATE_BY_FILE_TIME
             : is_known(seen_ns)                                             ? LATE_BY_SIGHT
                                                                             : 0;
    return sooner(file_ns, seen_ns);
}

static void tell_late(struct fleet *f, const struct host *h, const struct late *l, const struct sighting *s,
                      const struct event *e)
{
    struct arena *a = &f->batch->arena;
    char since[TIME_TEXT_MAX];
    struct buf others = {0};
    struct told t = {.which = FOUND_LATE, .time_ns = l->detected_ns, .host = h, .event = e};
    for (uint32_t i = 0; s != NULL && i < s->host_count && i < SIGHTING_HOSTS; i++)
        if (s->hosts[i] != l->host) {
            const struct host *other = host_by_name(f, text_of(f, s->hosts[i]), false);
            struct str name = text_of(f, other ? other->shown : s->hosts[i]);
            buf_printf(&others, "%s%.*s", others.n ? ", " : "", STR_ARGS(name));
        }
    struct str first = str_n(since, time_format_iso(l->first_ns, since));
    t.facts[t.fact_count++] = (struct matched_value){STR("malware"), text_of(f, l->malware)};
    t.facts[t.fact_count++] = (struct matched_value){STR("first_seen"), arena_str(a, first)};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("dwell_hours"),
                               arena_printf(a, "%.1f", (double)(l->detected_ns - l->first_ns) / 3600e9)};
    if (l->hash_text)
        t.facts[t.fact_count++] = (struct matched_value){STR("hash"), text_of(f, l->hash_text)};
    if (others.n)
        t.facts[t.fact_count++] = (struct matched_value){STR("other_hosts"), arena_str(a, buf_str(&others))};
    buf_free(&others);
    tell(f, &t);
}

static void keep_late(struct fleet *f, const struct late *l)
{
    if (f->lates == NULL)
        f->lates = NEW_ARRAY(struct late, f->late_capacity);
    f->lates[f->lates_ever++ % f->late_capacity] = *l;
    if (f->late_count < f->late_capacity)
        f->late_count++;
}

/* The same file of the same host is told of once, however many events the product writes about it. */
static bool is_listed(const struct fleet *f, const struct late *l)
{
    for (uint32_t i = 0; i < f->late_count; i++) {
        const struct late *x = &f->lates[i];
        if (x->host == l->host && x->malware == l->malware && x->file == l->file && x->path == l->path &&
            l->detected_ns - x->detected_ns < hours_ns(24))
            return true;
    }
    return false;
}

static void take_late(struct fleet *f, struct host *h, uint32_t product, const struct event *e,
                      const struct sighting *s, uint64_t file, struct str hash_text, int64_t time_ns)
{
    struct late l = {.host = h->name,
                     .department = h->department,
                     .malware = name_put(&f->names, event_text(e, FIELD_HYAKUYO_MALWARE_NAME)),
                     .path = name_put(&f->names, event_text(e, FIELD_FILE_PATH)),
                     .hash_text = name_put(&f->names, hash_text),
                     .file = file,
                     .product = product,
                     .detected_ns = time_ns};
    l.first_ns = first_here(e, s, h->name, &l.basis);
    bool is_late = l.basis && time_ns - l.first_ns > hours_ns(f->rules->times.late_hours);
    if ((l.basis && !is_late) || is_listed(f, &l))
        return; /* found within its first day: no oversight */
    keep_late(f, &l);
    h->late_count++;
    if (is_late)
        tell_late(f, h, &l, s, e);
}

/* ------------------------------------------------------------------- events */

static void note_catch(struct fleet *f, uint32_t passed, uint32_t caught)
{
    for (uint32_t i = 0; i < f->catch_count; i++)
        if (f->catches[i].passed_product == passed && f->catches[i].caught_product == caught) {
            f->catches[i].count++;
            return;
        }
    if (f->catch_count < CATCHES_MAX)
        f->catches[f->catch_count++] = (struct catch){passed, caught, 1};
}

/* The test file is a control test, no alarm. */
static void note_alarm(struct product *p, bool is_test, int64_t time_ns)
{
    if (is_test)
        p->tested_ns = later(p->tested_ns, time_ns);
    else
        p->alarms++;
}

void detection_take(struct fleet *f, struct host *h, uint32_t product, const struct event *e, int64_t time_ns)
{
    struct str hash_text;
    uint64_t file = file_of(e, &hash_text);
    bool is_malware = event_get(e, FIELD_HYAKUYO_MALWARE_NAME) != NULL;
    if (file == 0 && !is_malware)
        return;
    if (is_malware && product == 0)
        product =
            product_number(f, event_text(e, FIELD_OBSERVER_PRODUCT), event_text(e, FIELD_OBSERVER_VENDOR));
    struct sighting *s = file ? sighting_find(&f->sightings, file, time_ns, true) : NULL;
    bool is_test = is_malware && str_contains_nocase(event_text(e, FIELD_HYAKUYO_MALWARE_NAME), STR("eicar"));
    if (is_malware && product)
        note_alarm(product_at(f, product), is_test, time_ns);
    if (is_malware && !is_test)
        h->malware_ns = later(h->malware_ns, time_ns);
    if (is_malware && !is_test && is_by_scan(e))
        take_late(f, h, product, e, s, file, hash_text, time_ns);
    if (s == NULL)
        return;
    if (is_malware && product && s->passed_product && s->passed_product != product &&
        s->caught_product != product) {
        note_catch(f, s->passed_product, product);
        s->caught_product = product;
    }
    s->first_ns = sooner(s->first_ns, time_ns);
    s->last_ns = later(s->last_ns, time_ns);
    sighting_host(s, h->name, time_ns);
}
