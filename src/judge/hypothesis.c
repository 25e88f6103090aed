/* Kinds of incidents, ranked (stage judge). Reads a candidate's evidence groups and which systems were awake;
 * judge.c asks when it describes a candidate. */
#include "judge/hypothesis.h"

#include <math.h>

#include "base/yaml.h"

#define AWAKE_NS (INT64_C(3600) * NS_PER_SECOND) /* heard of within this time of the first sign or later */

/* ------------------------------------------------------------------- reading */

struct reader {
    struct signatures *s;
    const char *path;
    struct error *err;
};

static bool complain(struct reader *r, const struct yaml *at, const char *what)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 1, "%s", what);
}

static bool read_share(struct reader *r, const struct yaml *map, const char *key, double *out)
{
    const struct yaml *node = yaml_get(map, key);
    if (node == NULL || !str_to_double(node->text, out) || !(*out > 0 && *out < 1))
        return error_at(r->err, r->path, map ? map->line : 1, map ? map->column : 1,
                        "'%s' must be a number between 0 and 1", key);
    return true;
}

static bool read_titles(struct reader *r, const struct yaml *map, const char *key, struct str *en,
                        struct str *ja)
{
    const struct yaml *both = yaml_get(map, key);
    *en = yaml_text(both, "en");
    *ja = yaml_text(both, "ja");
    return (en->n && ja->n) || error_at(r->err, r->path, map->line, map->column, "'%s' needs en and ja", key);
}

static bool read_systems(struct reader *r, const struct yaml *node, uint32_t *bits)
{
    struct signatures *s = r->s;
    const struct yaml *list = yaml_get(node, "systems");
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        uint32_t i = 0;
        while (i < s->system_count && !str_eq(s->systems[i], at->text))
            i++;
        if (i == SYSTEMS_MAX)
            return complain(r, at, "too many systems");
        if (i == s->system_count)
            s->systems[s->system_count++] = at->text;
        *bits |= 1u << i;
    }
    return *bits != 0 || complain(r, node, "'systems' is missing: the observer.type that can see this");
}

static bool read_column(struct reader *r, const struct yaml *node)
{
    struct evidence_column *c = &r->s->columns[r->s->column_count];
    if (r->s->column_count == EVIDENCE_MAX)
        return complain(r, node, "too many kinds of evidence");
    r->s->column_count++;
    c->group = node->key;
    return read_share(r, node, "benign", &c->benign) && read_systems(r, node, &c->systems) &&
           read_titles(r, node, "title", &c->title_en, &c->title_ja) &&
           read_titles(r, node, "check", &c->check_en, &c->check_ja);
}

static int column_of(const struct signatures *s, struct str group)
{
    for (uint32_t i = 0; i < s->column_count; i++)
        if (str_eq(s->columns[i].group, group))
            return (int)i;
    return -1;
}

/* `group: {p: 0.9, within_minutes: 10}` */
static bool read_cell(struct reader *r, const struct yaml *node, struct signature *kind)
{
    int column = column_of(r->s, node->key);
    double minutes;
    if (column < 0)
        return complain(r, node, "this evidence is not among 'evidence'");
    if (!read_share(r, node, "p", &kind->p[column]))
        return false;
    struct str within = yaml_text(node, "within_minutes");
    if (within.n && (!str_to_double(within, &minutes) || minutes <= 0))
        return complain(r, node, "'within_minutes' must be a positive number");
    kind->within_ns[column] = within.n ? (int64_t)(minutes * 60) * NS_PER_SECOND : 0;
    return true;
}

static bool read_kind(struct reader *r, const struct yaml *node)
{
    struct signature *kind = &r->s->kinds[r->s->kind_count];
    if (r->s->kind_count == KINDS_MAX)
        return complain(r, node, "too many kinds of incidents");
    r->s->kind_count++;
    kind->id = node->key;
    for (uint32_t i = 0; i < r->s->column_count; i++)
        kind->p[i] = r->s->leak;
    if (!read_share(r, node, "prior", &kind->prior) ||
        !read_titles(r, node, "title", &kind->title_en, &kind->title_ja))
        return false;
    const struct yaml *cells = yaml_get(node, "signs");
    for (const struct yaml *at = cells ? cells->child : NULL; at != NULL; at = at->next)
        if (!read_cell(r, at, kind))
            return false;
    return cells != NULL || complain(r, node, "'signs' is missing");
}

static bool read_all(struct reader *r, const struct yaml *top)
{
    const struct yaml *evidence = yaml_get(top, "evidence"), *kinds = yaml_get(top, "kinds");
    r->s->version = yaml_text(top, "version");
    if (r->s->version.n == 0 || evidence == NULL || kinds == NULL)
        return complain(r, top, "'version', 'evidence' and 'kinds' must be there");
    if (!read_share(r, top, "leak", &r->s->leak))
        return false;
    for (const struct yaml *at = evidence->child; at != NULL; at = at->next)
        if (!read_column(r, at))
            return false;
    for (const struct yaml *at = kinds->child; at != NULL; at = at->next)
        if (!read_kind(r, at))
            return false;
    return true;
}

struct signatures *signatures_load(const char *path, struct error *err)
{
    struct signatures *s = NEW(struct signatures);
    struct reader r = {s, path, err};
    arena_init(&s->arena, 32 << 10);
    const struct yaml *top = yaml_load(path, &s->arena, err);
    if (top == NULL || !read_all(&r, top)) {
        signatures_free(s);
        return NULL;
    }
    return s;
}

void signatures_free(struct signatures *s)
{
    if (s == NULL)
        return;
    arena_free(&s->arena);
    memory_free(s);
}

/* ------------------------------------------------------------------- ranking */

static uint64_t seen_columns(const struct signatures *s, const struct incident *i)
{
    uint64_t seen = 0;
    for (uint32_t n = 0; n < i->finding_count; n++) {
        int column = column_of(s, i->findings[n].evidence_group);
        if (column >= 0)
            seen |= UINT64_C(1) << column;
    }
    return seen;
}

static bool is_awake(const struct evidence_column *c, const struct systems_awake *awake, int64_t since_ns)
{
    for (uint32_t n = 0; n < SYSTEMS_MAX; n++)
        if ((c->systems >> n & 1) && awake->last_ns[n] != INT64_MIN &&
            awake->last_ns[n] + AWAKE_NS >= since_ns)
            return true;
    return false;
}

/* Absent evidence counts only when somebody was there to see it, and when it would have come by now. */
static bool is_missing(const struct signatures *s, const struct signature *kind, uint32_t column,
                       const struct incident *i, const struct systems_awake *awake, int64_t now_ns)
{
    int64_t within_ns = kind->within_ns[column];
    return within_ns != 0 && now_ns >= i->first_ns && now_ns - i->first_ns > within_ns &&
           is_awake(&s->columns[column], awake, i->first_ns);
}

static double weigh_kind(const struct signatures *s, const struct signature *kind, const struct incident *i,
                         const struct systems_awake *awake, int64_t now_ns, struct hypotheses *out)
{
    double log_weight = log(kind->prior);
    for (uint32_t c = 0; c < s->column_count; c++) {
        double p = kind->p[c], benign = s->columns[c].benign;
        if (out->seen >> c & 1) {
            log_weight += log(p / benign);
        } else if (is_missing(s, kind, c, i, awake, now_ns)) {
            log_weight += log((1 - p) / (1 - benign));
            out->missing |= UINT64_C(1) << c;
        }
    }
    return log_weight;
}

static void rank(const struct signatures *s, struct hypotheses *out)
{
    for (uint32_t n = 0; n < s->kind_count; n++) {
        uint32_t at = n;
        for (; at > 0 && out->posterior[out->ranked[at - 1]] < out->posterior[n]; at--)
            out->ranked[at] = out->ranked[at - 1];
        out->ranked[at] = n;
    }
}

static double entropy_bits(const double *p, uint32_t count)
{
    double bits = 0;
    for (uint32_t n = 0; n < count; n++)
        bits -= p[n] > 0 ? p[n] * log2(p[n]) : 0;
    return bits;
}

/* Mutual information of "seen or not" and the kind. */
static double information(const struct signatures *s, const struct hypotheses *h, uint32_t column)
{
    double yes = 0, if_yes[KINDS_MAX], if_no[KINDS_MAX];
    for (uint32_t n = 0; n < s->kind_count; n++)
        yes += h->posterior[n] * s->kinds[n].p[column];
    if (yes <= 0 || yes >= 1)
        return 0;
    for (uint32_t n = 0; n < s->kind_count; n++) {
        if_yes[n] = h->posterior[n] * s->kinds[n].p[column] / yes;
        if_no[n] = h->posterior[n] * (1 - s->kinds[n].p[column]) / (1 - yes);
    }
    return entropy_bits(h->posterior, s->kind_count) - yes * entropy_bits(if_yes, s->kind_count) -
           (1 - yes) * entropy_bits(if_no, s->kind_count);
}

void hypotheses_rank(const struct signatures *s, const struct incident *i, const struct systems_awake *awake,
                     int64_t now_ns, struct hypotheses *out)
{
    double sum = 0, highest = -INFINITY;
    *out = (struct hypotheses){.seen = seen_columns(s, i), .next_check = -1};
    for (uint32_t n = 0; n < s->kind_count; n++) {
        out->posterior[n] = weigh_kind(s, &s->kinds[n], i, awake, now_ns, out);
        highest = out->posterior[n] > highest ? out->posterior[n] : highest;
    }
    for (uint32_t n = 0; n < s->kind_count; n++)
        sum += out->posterior[n] = exp(out->posterior[n] - highest);
    for (uint32_t n = 0; n < s->kind_count; n++)
        out->posterior[n] /= sum;
    rank(s, out);
    for (uint32_t c = 0; c < s->column_count; c++) {
        double bits = out->seen >> c & 1 ? 0 : information(s, out, c);
        if (bits > out->next_bits + 1e-9) {
            out->next_bits = bits;
            out->next_check = (int)c;
        }
    }
}

/* --------------------------------------------------------------- for people */

enum listed { LIST_SEEN, LIST_MISSING, LIST_EXPECTED };

static void put_columns(const struct signatures *s, const struct hypotheses *h, const struct signature *kind,
                        enum listed which, struct json_writer *w)
{
    json_begin_array(w);
    for (uint32_t c = 0; c < s->column_count; c++) {
        bool is_of_kind = kind->p[c] > s->leak, is_seen = h->seen >> c & 1, is_gone = h->missing >> c & 1;
        bool is_listed = which == LIST_SEEN      ? is_seen
                         : which == LIST_MISSING ? !is_seen && is_gone
                                                 : !is_seen && !is_gone;
        if (is_of_kind && is_listed)
            json_put_str(w, s->columns[c].group);
    }
    json_end_array(w);
}

static void put_kind(const struct signatures *s, const struct hypotheses *h, uint32_t n,
                     struct json_writer *w)
{
    static const char *const lists[] = {"seen", "missing", "expected"};
    const struct signature *kind = &s->kinds[n];
    json_begin_object(w);
    json_key(w, "id");
    json_put_str(w, kind->id);
    json_key(w, "title");
    json_put_str(w, kind->title_en);
    json_key(w, "title_ja");
    json_put_str(w, kind->title_ja);
    json_key(w, "posterior");
    json_put_double(w, h->posterior[n]);
    for (int which = LIST_SEEN; which <= LIST_EXPECTED; which++) {
        json_key(w, lists[which]);
        put_columns(s, h, kind, (enum listed)which, w);
    }
    json_end_object(w);
}

void hypotheses_json(const struct signatures *s, const struct hypotheses *h, struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "signatures");
    json_put_str(w, s->version);
    json_key(w, "kinds");
    json_begin_array(w);
    for (uint32_t n = 0; n < s->kind_count && n < 3; n++)
        put_kind(s, h, h->ranked[n], w);
    json_end_array(w);
    if (h->next_check >= 0) {
        const struct evidence_column *c = &s->columns[h->next_check];
        const struct {
            const char *name;
            struct str text;
        } texts[] = {{"group", c->group}, {"check", c->check_en}, {"check_ja", c->check_ja}};
        json_key(w, "next");
        json_begin_object(w);
        for (size_t n = 0; n < COUNT_OF(texts); n++) {
            json_key(w, texts[n].name);
            json_put_str(w, texts[n].text);
        }
        json_key(w, "bits");
        json_put_double(w, h->next_bits);
        json_end_object(w);
    }
    json_end_object(w);
}
