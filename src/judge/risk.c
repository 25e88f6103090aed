/* The table of entities and what was found about each (stage judge). desk.c tells of findings and asks; the
 * judge asks when it folds. Formulae and answers: risk_index.c. */
#include "judge/risk.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/ip.h"
#include "judge/risk_table.h"

struct str risk_kind_name(enum risk_kind k)
{
    static const char *const names[] = {"host", "user", "department"};
    return str_c(names[k]);
}

bool risk_kind_parse(struct str s, enum risk_kind *out)
{
    for (unsigned k = 0; k < RISK_KIND_COUNT; k++)
        if (str_eq(s, risk_kind_name((enum risk_kind)k))) {
            *out = (enum risk_kind)k;
            return true;
        }
    return false;
}

size_t risk_name(enum risk_kind kind, struct str name, struct str ip, char out[RISK_NAME_MAX])
{
    struct str from = name;
    size_t n = 0;
    if (kind == RISK_HOST && name.n)
        from = ip_host_label(name);
    else if (kind == RISK_HOST)
        from = ip;
    while (n < from.n && n < RISK_NAME_MAX) {
        out[n] = kind == RISK_DEPARTMENT ? from.p[n] : ascii_lower(from.p[n]);
        n++;
    }
    return n;
}

struct risk *risk_new(const struct criteria *criteria)
{
    struct risk *r = NEW(struct risk);
    r->criteria = criteria;
    arena_init(&r->keys, 64 << 10);
    return r;
}

static void free_entity(struct entity *e)
{
    memory_free(e->sources);
    memory_free(e);
}

static void clear(struct risk *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        free_entity(r->entities[i]);
    r->count = 0;
    map_clear(&r->by_key);
    arena_reset(&r->keys);
}

void risk_free(struct risk *r)
{
    if (r == NULL)
        return;
    clear(r);
    memory_free(r->entities);
    map_free(&r->by_key);
    arena_free(&r->keys);
    memory_free(r);
}

/* ---------------------------------------------------------------- entities */

struct key {
    char text[RISK_NAME_MAX + 1];
};

static struct str key_of(enum risk_kind kind, struct str name, struct key *key)
{
    size_t n = name.n < RISK_NAME_MAX ? name.n : RISK_NAME_MAX;
    key->text[0] = (char)('0' + kind);
    memcpy(key->text + 1, name.p, n);
    return str_n(key->text, n + 1);
}

struct entity *risk_find(const struct risk *r, enum risk_kind kind, struct str name)
{
    struct key key;
    return map_get_pointer(&r->by_key, key_of(kind, name, &key));
}

static void index_entity(struct risk *r, struct entity *e)
{
    struct key key;
    struct str text = key_of((enum risk_kind)e->kind, str_n(e->name, e->name_length), &key);
    *map_put(&r->by_key, arena_str(&r->keys, text), NULL) = (uintptr_t)e;
}

static int by_last(const void *left, const void *right)
{
    const struct entity *a = *(const struct entity *const *)left, *b = *(const struct entity *const *)right;
    return a->last_ns > b->last_ns ? -1 : a->last_ns < b->last_ns;
}

/* A sixteenth goes at once, so that a full table is not searched for every stranger. */
static void make_room(struct risk *r)
{
    uint32_t kept = RISK_MAX_ENTITIES - RISK_MAX_ENTITIES / 16;
    qsort(r->entities, r->count, sizeof(struct entity *), by_last);
    for (uint32_t i = kept; i < r->count; i++)
        free_entity(r->entities[i]);
    r->dropped_entities += r->count - kept;
    r->count = kept;
    map_clear(&r->by_key);
    arena_reset(&r->keys);
    for (uint32_t i = 0; i < r->count; i++)
        index_entity(r, r->entities[i]);
}

static void append(struct risk *r, struct entity *e)
{
    if (r->count == r->capacity) {
        r->capacity = r->capacity ? r->capacity * 2 : 64;
        r->entities = memory_resize_array(r->entities, r->capacity, sizeof(struct entity *));
    }
    r->entities[r->count++] = e;
    index_entity(r, e);
}

static struct entity *entity_for(struct risk *r, enum risk_kind kind, struct str name)
{
    struct entity *e = risk_find(r, kind, name);
    if (e != NULL)
        return e;
    if (r->count >= RISK_MAX_ENTITIES)
        make_room(r);
    e = NEW(struct entity);
    e->kind = kind;
    e->name_length = (uint32_t)name.n;
    e->last_ns = INT64_MIN;
    memcpy(e->name, name.p, name.n);
    append(r, e);
    return e;
}

/* ----------------------------------------------------------------- sources */

/* As much as there is room for, and no half character. */
static void keep_text(char *out, size_t room, struct str text)
{
    size_t n = 0;
    for (size_t step; n < text.n && (step = str_utf8_length(str_skip(text, n))) > 0; n += step)
        if (n + step >= room)
            break;
    memcpy(out, text.p, n);
    out[n] = 0;
}

static struct risk_source *source_for(struct risk *r, struct entity *e, const struct finding *f)
{
    uint64_t rule = str_hash(f->rule_id), product = str_hash(f->product);
    uint64_t fact = f->evidence_group.n ? str_hash(f->evidence_group) : rule;
    struct risk_source *place = NULL;
    for (uint32_t i = 0; i < e->source_count; i++) {
        struct risk_source *s = &e->sources[i];
        if (s->rule_hash == rule && s->product_hash == product) {
            s->fact_hash = fact; /* the rule may have been changed */
            return s;
        }
        if (place == NULL || s->last_ns < place->last_ns)
            place = s;
    }
    if (e->source_count < RISK_MAX_SOURCES) {
        if (e->source_count == e->source_capacity) {
            e->source_capacity = e->source_capacity ? e->source_capacity * 2 : 2;
            e->sources = memory_resize_array(e->sources, e->source_capacity, sizeof *e->sources);
        }
        place = &e->sources[e->source_count++];
    } else {
        r->dropped_sources++;
    }
    memset(place, 0, sizeof *place);
    place->rule_hash = rule;
    place->product_hash = product;
    place->fact_hash = fact;
    place->last_ns = INT64_MIN;
    keep_text(place->rule, sizeof place->rule, f->rule_id);
    keep_text(place->product, sizeof place->product, f->product);
    keep_text(place->title_en, sizeof place->title_en, f->title_en);
    keep_text(place->title_ja, sizeof place->title_ja, f->title_ja);
    return place;
}

/* What an alert is still good for: first within the window, then by score. */
static double worth(const struct risk_source *s, const struct risk_alert *a)
{
    return risk_since(s->last_ns, a->time_ns) > RISK_WINDOW_NS ? a->score - 100 : a->score;
}

/* The cap makes alerts beyond a few of one source worthless: the best are kept, of equals the latest. */
static void add_alert(struct risk_source *s, int64_t time_ns, double score)
{
    struct risk_alert alert = {time_ns, score}, *least = s->alerts;
    s->findings++;
    s->last_ns = time_ns > s->last_ns ? time_ns : s->last_ns;
    if (s->alert_count < RISK_ALERTS) {
        s->alerts[s->alert_count++] = alert;
        return;
    }
    for (uint32_t i = 1; i < s->alert_count; i++) {
        struct risk_alert *a = &s->alerts[i];
        double difference = worth(s, a) - worth(s, least);
        if (difference < 0 || (!(difference > 0) && a->time_ns < least->time_ns))
            least = a;
    }
    if (worth(s, &alert) >= worth(s, least))
        *least = alert;
}

static void take_for(struct risk *r, enum risk_kind kind, const struct finding *f, double score)
{
    const struct str names[] = {f->host_name, f->user, f->department};
    char text[RISK_NAME_MAX];
    size_t n = risk_name(kind, names[kind], f->host_ip, text);
    if (n == 0)
        return;
    struct entity *e = entity_for(r, kind, str_n(text, n));
    add_alert(source_for(r, e, f), f->time_ns, score);
    e->last_ns = f->time_ns > e->last_ns ? f->time_ns : e->last_ns;
    uint32_t importance = f->importance > 0 ? (uint32_t)f->importance : 0;
    if (importance && (kind == RISK_HOST || importance > e->importance))
        e->importance = importance; /* a person or department is as important as the most of its hosts */
}

void risk_take(struct risk *r, const struct finding *f)
{
    double score = r->criteria->risk.score[f->level];
    if (f->is_exercise || f->is_context || f->is_silent || score <= 0)
        return;
    for (unsigned k = 0; k < RISK_KIND_COUNT; k++)
        take_for(r, (enum risk_kind)k, f, score);
}

/* ------------------------------------------------------------------ saving */

#define VERSION 2 /* 1 knew no facts: each rule is one of its own until it speaks again */

/* Entity: head, name, sources. Source: head, its alerts, four texts that end in NUL. */
struct entity_head {
    uint32_t kind, name_length, importance, source_count;
    int64_t last_ns;
};

struct source_head {
    uint64_t rule_hash, product_hash, findings;
    int64_t last_ns;
    uint32_t alert_count, unused;
    uint64_t fact_hash; /* last: version 1 ends before it */
};

static void save_source(const struct risk_source *s, struct buf *out)
{
    const char *const texts[] = {s->rule, s->product, s->title_en, s->title_ja};
    struct source_head head = {s->rule_hash, s->product_hash, s->findings, s->last_ns, s->alert_count, 0,
                               s->fact_hash};
    buf_bytes(out, &head, sizeof head);
    buf_bytes(out, s->alerts, s->alert_count * sizeof s->alerts[0]);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        buf_bytes(out, texts[i], strlen(texts[i]) + 1);
}

void risk_save(const struct risk *r, struct buf *out)
{
    uint32_t head[2] = {VERSION, r->count};
    buf_bytes(out, head, sizeof head);
    for (uint32_t i = 0; i < r->count; i++) {
        const struct entity *e = r->entities[i];
        struct entity_head h = {e->kind, e->name_length, e->importance, e->source_count, e->last_ns};
        buf_bytes(out, &h, sizeof h);
        buf_bytes(out, e->name, e->name_length);
        for (uint32_t k = 0; k < e->source_count; k++)
            save_source(&e->sources[k], out);
    }
}

static bool load_bytes(struct str *rest, void *out, size_t n)
{
    if (rest->n < n)
        return false;
    memcpy(out, rest->p, n);
    *rest = str_skip(*rest, n);
    return true;
}

static bool load_text(struct str *rest, char *out, size_t room)
{
    size_t n = str_find_char(*rest, 0, 0);
    return n < room && load_bytes(rest, out, n + 1); /* STR_NOT_FOUND is larger than any room */
}

static bool load_source(struct str *rest, uint32_t version, struct risk_source *s)
{
    struct source_head head;
    size_t size = version == 1 ? offsetof(struct source_head, fact_hash) : sizeof head;
    if (!load_bytes(rest, &head, size) || head.alert_count > RISK_ALERTS)
        return false;
    *s = (struct risk_source){.rule_hash = head.rule_hash,
                              .product_hash = head.product_hash,
                              .fact_hash = version == 1 ? head.rule_hash : head.fact_hash,
                              .findings = head.findings,
                              .last_ns = head.last_ns,
                              .alert_count = head.alert_count};
    return load_bytes(rest, s->alerts, head.alert_count * sizeof s->alerts[0]) &&
           load_text(rest, s->rule, sizeof s->rule) && load_text(rest, s->product, sizeof s->product) &&
           load_text(rest, s->title_en, sizeof s->title_en) &&
           load_text(rest, s->title_ja, sizeof s->title_ja);
}

static bool load_entity(struct risk *r, struct str *rest, uint32_t version)
{
    struct entity_head head;
    if (!load_bytes(rest, &head, sizeof head) || head.kind >= RISK_KIND_COUNT || head.name_length == 0 ||
        head.name_length > RISK_NAME_MAX || head.importance > 4 || head.source_count > RISK_MAX_SOURCES ||
        rest->n < head.name_length)
        return false;
    struct str name = str_slice(*rest, 0, head.name_length);
    if (risk_find(r, (enum risk_kind)head.kind, name) != NULL)
        return false;
    struct entity *e = entity_for(r, (enum risk_kind)head.kind, name);
    *rest = str_skip(*rest, head.name_length);
    e->importance = head.importance;
    e->last_ns = head.last_ns;
    e->source_capacity = head.source_count;
    e->sources = NEW_ARRAY(struct risk_source, head.source_count + 1);
    for (; e->source_count < head.source_count; e->source_count++)
        if (!load_source(rest, version, &e->sources[e->source_count]))
            return false;
    return true;
}

void risk_load(struct risk *r, struct str saved)
{
    uint32_t head[2];
    if (!load_bytes(&saved, head, sizeof head) || head[0] == 0 || head[0] > VERSION ||
        head[1] > RISK_MAX_ENTITIES)
        return;
    clear(r);
    for (uint32_t i = 0; i < head[1]; i++)
        if (!load_entity(r, &saved, head[0])) {
            clear(r);
            return;
        }
}
