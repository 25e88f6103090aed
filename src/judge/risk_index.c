/* The numbers of spec 2.12 from what risk.c keeps, and the answers to who asks (stage judge). The capped sum
 * decides about incidents; the index is for people. */
#include <math.h>
#include <stdlib.h>

#include "judge/risk_table.h"

#define ZETA      2.612 /* ζ(1.5): what Σ i^−1.5 comes to */
#define ALERT_MAX (RISK_MAX_SOURCES * RISK_ALERTS)

static int falling(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a > b ? -1 : a < b;
}

double risk_sum(double *scores, size_t count)
{
    double sum = 0;
    if (count)
        qsort(scores, count, sizeof *scores, falling);
    for (size_t i = 0; i < count; i++)
        sum += scores[i] / pow((double)(i + 1), 1.5);
    return fmin(sum / ZETA, 100);
}

double risk_weighted(double sum, double weight)
{
    double p = sum / 100;
    if (p >= 1)
        return 100;
    double odds = p / (1 - p) * weight;
    return 100 * odds / (1 + odds);
}

const char *risk_level(double index)
{
    static const struct {
        double below;
        const char *name;
    } levels[] = {{20, "unknown"}, {40, "low"}, {70, "moderate"}};
    for (size_t i = 0; i < COUNT_OF(levels); i++)
        if (index < levels[i].below)
            return levels[i].name;
    return index > 90 ? "critical" : "high";
}

static bool is_within(const struct risk_alert *a, int64_t now_ns, int64_t span_ns)
{
    return a->time_ns <= now_ns && risk_since(now_ns, a->time_ns) < span_ns;
}

/* What one source counts within the window. */
static double source_sum(const struct risk_criteria *c, const struct risk_source *s, int64_t now_ns)
{
    double sum = 0, highest = 0;
    for (uint32_t i = 0; i < s->alert_count; i++) {
        if (!is_within(&s->alerts[i], now_ns, RISK_WINDOW_NS))
            continue;
        sum += s->alerts[i].score;
        highest = fmax(highest, s->alerts[i].score);
    }
    return fmin(sum, c->source_cap * highest);
}

/* ------------------------------------------------------------------- facts */

/* What several systems say about one fact is one fact (spec 4.4): a rule counts once, whichever systems fed
 * it, and of all that is said about the fact the system that says most counts in full, what only others say
 * by the correlation of evidence. So Σ over rules of max(s, ρ·best), s what this system says by the rule and
 * best the most that any says, for the system where that is largest: it grows with every finding and does not
 * depend on their order. */
struct said {
    double sum[RISK_MAX_SOURCES];   /* of each source */
    double best[RISK_MAX_SOURCES];  /* of its rule, on any system */
    bool is_best[RISK_MAX_SOURCES]; /* that is this one: of equals the first by name of the system */
};

static void hear(const struct entity *e, struct said *d)
{
    for (uint32_t i = 0; i < e->source_count; i++) {
        d->best[i] = d->sum[i];
        d->is_best[i] = true;
        for (uint32_t k = 0; k < e->source_count; k++) {
            if (k == i || e->sources[k].rule_hash != e->sources[i].rule_hash)
                continue;
            bool is_more = d->sum[k] > d->sum[i] || (!(d->sum[k] < d->sum[i]) &&
                                                     e->sources[k].product_hash < e->sources[i].product_hash);
            d->is_best[i] &= !is_more;
            d->best[i] = fmax(d->best[i], d->sum[k]);
        }
    }
}

/* What each source of the fact adds when the system of source `system` counts in full, in `counted`. */
static double count_fact(const struct entity *e, const struct said *d, uint32_t system, double correlation,
                         double *counted)
{
    uint64_t fact = e->sources[system].fact_hash, product = e->sources[system].product_hash;
    double total = 0;
    for (uint32_t i = 0; i < e->source_count; i++) {
        const struct risk_source *s = &e->sources[i];
        if (s->fact_hash != fact)
            continue;
        double share = d->is_best[i] ? correlation * d->best[i] : 0;
        if (s->product_hash == product)
            share = fmax(d->sum[i], share);
        for (uint32_t k = 0; k < e->source_count && s->product_hash != product && share > 0; k++)
            if (e->sources[k].rule_hash == s->rule_hash && e->sources[k].product_hash == product)
                share = fmax(0, share - d->sum[k]); /* the system says it itself */
        counted[i] = share;
        total += share;
    }
    return total;
}

static bool is_first_of_fact(const struct entity *e, uint32_t at)
{
    for (uint32_t i = 0; i < at; i++)
        if (e->sources[i].fact_hash == e->sources[at].fact_hash)
            return false;
    return true;
}

/* Scores of the last 24 h as they count; `counted` says how much by which source. */
static double entity_sum(const struct risk *r, const struct entity *e, int64_t now_ns,
                         double counted[RISK_MAX_SOURCES])
{
    struct said said;
    double sum = 0;
    for (uint32_t i = 0; i < e->source_count; i++)
        said.sum[i] = source_sum(&r->criteria->risk, &e->sources[i], now_ns);
    hear(e, &said);
    for (uint32_t first = 0; first < e->source_count; first++) {
        double trial[RISK_MAX_SOURCES], most = -1;
        uint32_t system = first;
        for (uint32_t i = first; is_first_of_fact(e, first) && i < e->source_count; i++) {
            if (e->sources[i].fact_hash != e->sources[first].fact_hash)
                continue;
            double total = count_fact(e, &said, i, r->criteria->correlation, trial);
            system = total > most ? i : system;
            most = fmax(most, total);
        }
        if (most >= 0)
            sum += count_fact(e, &said, system, r->criteria->correlation, counted);
    }
    return sum;
}

double risk_capped(const struct risk *r, enum risk_kind kind, struct str name, int64_t now_ns)
{
    const struct entity *e = risk_find(r, kind, name);
    double counted[RISK_MAX_SOURCES];
    return e ? entity_sum(r, e, now_ns, counted) : 0;
}

double risk_of_finding(const struct risk *r, const struct finding *f, int64_t now_ns)
{
    char text[RISK_NAME_MAX];
    bool has_host = f->host_name.n || f->host_ip.n;
    enum risk_kind kind = has_host ? RISK_HOST : RISK_USER;
    size_t n = risk_name(kind, has_host ? f->host_name : f->user, f->host_ip, text);
    return n ? risk_capped(r, kind, str_n(text, n), now_ns) : 0;
}

/* ------------------------------------------------------------------- index */

/* Decayed scores of one source, highest first, cut off where the source has said enough. */
static size_t decayed(const struct risk *r, const struct risk_source *s, int64_t half_life_ns, int64_t now_ns,
                      double *out)
{
    double room;
    size_t n = 0, used = 0;
    for (uint32_t i = 0; i < s->alert_count; i++)
        if (is_within(&s->alerts[i], now_ns, RISK_MEMORY_NS))
            out[n++] = s->alerts[i].score *
                       exp2(-(double)risk_since(now_ns, s->alerts[i].time_ns) / (double)half_life_ns);
    if (n == 0)
        return 0;
    qsort(out, n, sizeof *out, falling);
    for (room = r->criteria->risk.source_cap * out[0]; used < n && room > 0; used++) {
        out[used] = fmin(out[used], room);
        room -= out[used];
    }
    return used;
}

/* A rule counts once, by the system on which it says most. */
static double entity_index(const struct risk *r, const struct entity *e, bool is_watched, int64_t now_ns,
                           double *sum)
{
    const struct risk_criteria *c = &r->criteria->risk;
    int64_t half_life_ns = is_watched ? c->watched_half_life_ns : c->half_life_ns;
    double scores[ALERT_MAX];
    struct said said = {0};
    size_t n = 0;
    for (uint32_t i = 0; i < e->source_count; i++) {
        size_t count = decayed(r, &e->sources[i], half_life_ns, now_ns, scores);
        for (size_t k = 0; k < count; k++)
            said.sum[i] += scores[k];
    }
    hear(e, &said);
    for (uint32_t i = 0; i < e->source_count; i++)
        if (said.is_best[i])
            n += decayed(r, &e->sources[i], half_life_ns, now_ns, scores + n);
    *sum = risk_sum(scores, n);
    return risk_weighted(*sum, c->weight[e->importance]);
}

double risk_index(const struct risk *r, enum risk_kind kind, struct str name, bool is_watched, int64_t now_ns)
{
    const struct entity *e = risk_find(r, kind, name);
    double sum;
    return e ? entity_index(r, e, is_watched, now_ns, &sum) : 0;
}

/* ----------------------------------------------------------------- answers */

struct row {
    const struct entity *entity;
    double index, sum, capped;
    double counted[RISK_MAX_SOURCES];
    bool is_watched;
};

static int by_index(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->index > b->index || a->index < b->index)
        return a->index > b->index ? -1 : 1;
    struct str x = str_n(a->entity->name, a->entity->name_length);
    return str_compare(x, str_n(b->entity->name, b->entity->name_length));
}

/* How many different systems spoke within the window. */
static unsigned systems_of(const struct entity *e, int64_t now_ns)
{
    unsigned count = 0;
    for (uint32_t i = 0; i < e->source_count; i++) {
        bool is_new = risk_since(now_ns, e->sources[i].last_ns) < RISK_WINDOW_NS;
        for (uint32_t k = 0; k < i && is_new; k++)
            is_new = e->sources[k].product_hash != e->sources[i].product_hash ||
                     risk_since(now_ns, e->sources[k].last_ns) >= RISK_WINDOW_NS;
        count += is_new;
    }
    return count;
}

static void put_text(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

static void put_number(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_put_double(w, round(value * 100) / 100);
}

static void write_source(const struct risk *r, const struct risk_source *s, double counted, int64_t now_ns,
                         struct json_writer *w)
{
    double highest = 0;
    for (uint32_t i = 0; i < s->alert_count; i++)
        highest = fmax(highest, s->alerts[i].score);
    json_begin_object(w);
    put_text(w, "rule_id", str_c(s->rule));
    put_text(w, "rule", str_c(s->title_en));
    put_text(w, "rule_ja", str_c(s->title_ja[0] ? s->title_ja : s->title_en));
    put_text(w, "product", str_c(s->product));
    put_number(w, "score", highest);
    put_number(w, "sum_24h", source_sum(&r->criteria->risk, s, now_ns));
    put_number(w, "counted_24h", counted);
    json_key(w, "findings");
    json_put_u64(w, s->findings);
    json_key(w, "last");
    json_put_time(w, s->last_ns);
    json_end_object(w);
}

static void write_row(const struct risk *r, const struct row *row, int64_t now_ns, struct json_writer *w)
{
    const struct entity *e = row->entity;
    const struct risk_criteria *c = &r->criteria->risk;
    unsigned systems = systems_of(e, now_ns);
    json_begin_object(w);
    put_text(w, "name", str_n(e->name, e->name_length));
    put_number(w, "risk", row->index);
    put_text(w, "level", str_c(risk_level(row->index)));
    put_number(w, "sum", row->sum);
    put_number(w, "weight", c->weight[e->importance]);
    json_key(w, "importance");
    if (e->importance)
        json_put_i64(w, e->importance);
    else
        json_put_null(w);
    put_number(w, "half_life_days",
               (double)(row->is_watched ? c->watched_half_life_ns : c->half_life_ns) / 86400e9);
    json_key(w, "watched");
    json_put_bool(w, row->is_watched);
    put_number(w, "capped_24h", row->capped);
    json_key(w, "systems_24h");
    json_put_u64(w, systems);
    json_key(w, "alert");
    json_put_bool(w, row->capped > c->promotion || systems > (unsigned)c->systems);
    json_key(w, "last");
    json_put_time(w, e->last_ns);
    json_key(w, "sources");
    json_begin_array(w);
    for (uint32_t i = 0; i < e->source_count; i++)
        write_source(r, &e->sources[i], row->counted[i], now_ns, w);
    json_end_array(w);
    json_end_object(w);
}

static uint32_t gather(const struct risk *r, const struct risk_asking *a, struct row *rows)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct entity *e = r->entities[i];
        if (e->kind != (uint32_t)a->kind || (a->name.n && !str_eq(a->name, str_n(e->name, e->name_length))))
            continue;
        struct row *row = &rows[count++];
        row->entity = e;
        row->is_watched =
            a->is_watched != NULL && a->is_watched(a->context, a->kind, str_n(e->name, e->name_length));
        row->index = entity_index(r, e, row->is_watched, a->now_ns, &row->sum);
        row->capped = entity_sum(r, e, a->now_ns, row->counted);
    }
    if (count)
        qsort(rows, count, sizeof *rows, by_index);
    return count;
}

void risk_json(const struct risk *r, const struct risk_asking *a, struct json_writer *w)
{
    struct row *rows = NEW_ARRAY(struct row, r->count + 1);
    uint32_t count = gather(r, a, rows);
    put_text(w, "kind", risk_kind_name(a->kind));
    put_text(w, "criteria", r->criteria->version);
    json_key(w, "as_of");
    json_put_time(w, a->now_ns);
    put_number(w, "promotion", r->criteria->risk.promotion);
    json_key(w, "total");
    json_put_u64(w, count);
    json_key(w, "dropped_entities");
    json_put_u64(w, r->dropped_entities);
    json_key(w, "dropped_sources");
    json_put_u64(w, r->dropped_sources);
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = 0; i < count && i < a->limit; i++)
        write_row(r, &rows[i], a->now_ns, w);
    json_end_array(w);
    memory_free(rows);
}
